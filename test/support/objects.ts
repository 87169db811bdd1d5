/** Part 10 objects for tests: of data sets, of sources that count what is read, and back to bytes. */
import { BufferSource } from '../../src/dicom/dataSet/byteSources.ts';
import { type ByteSource, type Bytes, bytesIn, type DicomObject } from '../../src/dicom/dataSet/dicomObject.ts';
import { encodeFileMeta } from '../../src/dicom/dataSet/fileMeta.ts';
import type { ParseLimits } from '../../src/dicom/dataSet/parseLimits.ts';
import { parsePart10 } from '../../src/dicom/dataSet/parsePart10.ts';
import { uid } from '../../src/dicom/uids.ts';
import { identity, secondaryCapture } from './dataSets.ts';

/** A source as files are: every read is a copy. */
export class CountingSource implements ByteSource {
  readonly name = 'input';
  readonly bytes: Buffer;
  bytesRead = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  get size(): number {
    return this.bytes.length;
  }

  read(offset: number, length: number): Buffer {
    if (offset < 0 || length < 0 || offset + length > this.size) throw new RangeError(`${offset} ${length}`);
    this.bytesRead += length;
    return Buffer.from(this.bytes.subarray(offset, offset + length));
  }
}

export const part10 = (dataSet: Buffer, transferSyntaxUid: string = uid.explicitVrLittleEndian): Buffer =>
  Buffer.concat([
    encodeFileMeta({ sopClassUid: secondaryCapture, sopInstanceUid: identity.sopInstanceUid, transferSyntaxUid }),
    dataSet,
  ]);

export const parsed = (dataSet: Buffer, transferSyntaxUid?: string, limits?: Partial<ParseLimits>): DicomObject =>
  parsePart10(new CountingSource(part10(dataSet, transferSyntaxUid)), limits);

export const parseFile = (bytes: Buffer): DicomObject => parsePart10(new BufferSource('input', bytes));

export const allBytes = (pieces: Bytes[]): Buffer => Buffer.concat(pieces.map(bytesIn));
