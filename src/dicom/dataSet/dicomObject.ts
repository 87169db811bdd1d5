/**
 * A DICOM object, as the split application works on it: the elements of its data set in order, each with its value in memory
 * or, when it is large, as a place in the source. What a step leaves alone keeps its bytes; so a changed header and the
 * pixel data that were received make a new object without anybody copying the pixels.
 *
 * Values are raw bytes in the byte order of `encoding`. `parsePart10` (parsePart10.ts) makes a DicomObject,
 * `encodePart10` (encodePart10.ts) makes the pieces of a Part 10 file of one.
 */
import type { FileMeta } from './fileMeta.ts';

/** Bytes that can be read at any place. Synchronous: for worker threads and for tests. */
export type ByteSource = {
  /** Tells sources apart where pieces are put together again: `input`, or the name of a file. */
  readonly name: string;
  readonly size: number;
  /** Exactly `length` bytes from `offset`. Throws when they are not there. */
  read(offset: number, length: number): Buffer;
};

export type SourceRange = { source: ByteSource; offset: number; length: number };

/** Bytes in memory, or where they lie. */
export type Bytes = Buffer | SourceRange;

export type DataSet = { elements: DataElement[] };

export type DataElement = {
  /** Group * 0x10000 + element. */
  tag: number;
  /** As it stands in the data set; in Implicit VR the dictionary's, 'UN' when that does not know it. */
  vr: string;
  value: ElementValue;
};

export type ElementValue =
  | { kind: 'bytes'; bytes: Bytes }
  /** `undefinedLength` is kept, so that what nobody changed is written as it came. */
  | { kind: 'sequence'; items: SequenceItem[]; undefinedLength: boolean }
  /** Encapsulated pixel data (PS3.5 A.4): the Basic Offset Table first, then the fragments. */
  | { kind: 'fragments'; fragments: Bytes[] };

export type SequenceItem = { dataSet: DataSet; undefinedLength: boolean };

export type Encoding = {
  explicitVr: boolean;
  littleEndian: boolean;
  /** Deflated (PS3.5 A.5): inflated while it is worked on, deflated again when it is written. */
  deflated: boolean;
};

export type DicomObject = {
  meta: FileMeta;
  encoding: Encoding;
  dataSet: DataSet;
};

/** A Part 10 object in order, ready to be hashed, copied or delivered. */
export type EncodedObject = { pieces: Bytes[]; size: number };

export const lengthOf = (bytes: Bytes): number => bytes.length;

export const bytesIn = (bytes: Bytes): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : bytes.source.read(bytes.offset, bytes.length);

export const element = (dataSet: DataSet, tag: number): DataElement | undefined =>
  dataSet.elements.find((one) => one.tag === tag);
