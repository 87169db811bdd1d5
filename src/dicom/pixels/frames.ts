/**
 * The frames of an object, one at a time. Native frames are ranges of the pixel data; encapsulated ones are made of
 * fragments, which are told apart by the first of these that fits (PS3.5 A.4):
 * one frame only; as many fragments as frames; the extended offset table; the basic offset table; the markers with which
 * each frame begins.
 */
import { type Bytes, bytesIn, type DicomObject, element, lengthOf } from '../dataSet/dicomObject.ts';
import { tags } from './attributes.ts';
import { nativeFrameBits, type PixelDescription, pixelElement } from './pixelDescription.ts';
import { malformed, pixelError } from './pixelErrors.ts';

export type Frames = {
  count: number;
  /**
   * The bytes of a frame as they were stored: native, or one codestream. Frames of single bits begin at bit 0 here, though
   * they may begin within a byte of the pixel data. Throws GatewayError when there are more than `limit` bytes.
   */
  read(index: number, limit: number): Buffer;
  /** Stored bytes of all frames, without offset tables. */
  storedSize: number;
};

export function framesOf(object: DicomObject, description: PixelDescription): Frames {
  const pixels = pixelElement(object);
  if (!pixels) throw malformed('there is no pixel data');
  if (pixels.value.kind === 'bytes') return nativeFrames(pixels.value.bytes, description);
  const [basicTable, ...fragments] = pixels.value.fragments;
  const groups = fragmentsOfFrames(object, description.frames, basicTable, fragments);
  return {
    count: description.frames,
    storedSize: fragments.reduce((sum, fragment) => sum + lengthOf(fragment), 0),
    read(index, limit) {
      const group = groups[index] ?? [];
      checkLimit(
        group.reduce((sum, fragment) => sum + lengthOf(fragment), 0),
        limit,
      );
      const [only, ...more] = group;
      if (only === undefined) throw malformed(`frame ${index + 1} has no fragments`);
      return more.length === 0 ? bytesIn(only) : Buffer.concat(group.map(bytesIn));
    },
  };
}

function checkLimit(size: number, limit: number): void {
  if (size > limit) throw pixelError('pixels.too-large', `a frame takes ${size} bytes, the limit is ${limit}`);
}

/** A part of bytes that lie in memory or elsewhere, without reading it. */
export function slice(bytes: Bytes, offset: number, length: number): Bytes {
  if (Buffer.isBuffer(bytes)) return bytes.subarray(offset, offset + length);
  return { source: bytes.source, offset: bytes.offset + offset, length };
}

function nativeFrames(bytes: Bytes, description: PixelDescription): Frames {
  const bits = nativeFrameBits(description);
  return {
    count: description.frames,
    storedSize: lengthOf(bytes),
    read(index, limit) {
      const first = index * bits;
      const from = Math.floor(first / 8);
      // With its padding, when there is one frame only: it may be part of the last word in big endian.
      const isOdd = description.frames === 1 && Math.ceil(bits / 8) % 2 === 1;
      const length = Math.min(Math.ceil((first + bits) / 8) + (isOdd ? 1 : 0), lengthOf(bytes)) - from;
      checkLimit(length, limit);
      return shifted(bytesIn(slice(bytes, from, length)), first % 8, bits);
    },
  };
}

/** `bits` bits from bit `shift`, the least significant bit of a byte being its first (PS3.5 8.1.1). */
function shifted(bytes: Buffer, shift: number, bits: number): Buffer {
  if (shift === 0) return bytes;
  const moved = Buffer.alloc(Math.ceil(bits / 8));
  for (let at = 0; at < moved.length; at++) {
    moved[at] = (((bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8)) >> shift) & 0xff;
  }
  return moved;
}

function fragmentsOfFrames(
  object: DicomObject,
  frames: number,
  table: Bytes | undefined,
  fragments: Bytes[],
): Bytes[][] {
  if (fragments.length < frames) throw malformed(`${fragments.length} fragments for ${frames} frames`);
  if (fragments.length === frames) return fragments.map((fragment) => [fragment]);
  if (frames === 1) {
    if (startsOfFrames(fragments).length > 1) throw malformed('the pixel data hold more frames than the data set says');
    return [fragments];
  }
  const extended = element(object.dataSet, tags.extendedOffsetTable);
  const tables = [
    extended?.value.kind === 'bytes' ? offsets(extended.value.bytes, 8) : [],
    table ? offsets(table, 4) : [],
  ];
  for (const one of tables) {
    const starts = one.length === frames ? indexesAt(one, fragments) : undefined;
    if (starts) return groupsFrom(starts, fragments);
  }
  const starts = startsOfFrames(fragments);
  if (starts.length !== frames) throw malformed(`${frames} frames cannot be found in ${fragments.length} fragments`);
  return groupsFrom(starts, fragments);
}

const mostOffsets = 2 ** 22;

function offsets(bytes: Bytes, size: 4 | 8): number[] {
  if (lengthOf(bytes) > mostOffsets * size) throw malformed(`an offset table of ${lengthOf(bytes)} bytes`);
  const table = bytesIn(bytes);
  return Array.from({ length: Math.floor(table.length / size) }, (_, index) =>
    size === 4 ? table.readUInt32LE(4 * index) : Number(table.readBigUInt64LE(8 * index)),
  );
}

/** Which fragments begin at these offsets, counted from the first item after the table; undefined when not all do. */
function indexesAt(table: number[], fragments: Bytes[]): number[] | undefined {
  const starts = new Map<number, number>();
  let offset = 0;
  for (const [index, fragment] of fragments.entries()) {
    starts.set(offset, index);
    offset += 8 + lengthOf(fragment);
  }
  const found = table.map((offset) => starts.get(offset));
  const ascending = found.every(
    (index, at) => index !== undefined && (at === 0 ? index === 0 : index > (found[at - 1] ?? 0)),
  );
  return ascending ? (found as number[]) : undefined;
}

/** Fragments that begin with SOI of JPEG and JPEG-LS, or SOC and SIZ of JPEG 2000. */
function startsOfFrames(fragments: Bytes[]): number[] {
  return fragments.flatMap((fragment, index) => {
    const head = lengthOf(fragment) >= 4 ? bytesIn(slice(fragment, 0, 4)) : Buffer.alloc(4);
    return head.readUInt16BE(0) === 0xffd8 || head.readUInt32BE(0) === 0xff4fff51 ? [index] : [];
  });
}

const groupsFrom = (starts: number[], fragments: Bytes[]): Bytes[][] =>
  starts.map((start, index) => fragments.slice(start, starts[index + 1]));
