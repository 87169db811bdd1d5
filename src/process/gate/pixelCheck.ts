/**
 * Pixel data as text: what stands beside compressed pixels, and the ends of uncompressed ones. Uncompressed pixels as such are
 * not searched: that would take longer than all the rest, and steps only pass them on or make them of numbers. What can be
 * *seen* in them is for burned-in rules, not for this.
 */
import { type Bytes, bytesIn, type DicomObject } from '../../dicom/dataSet/dicomObject.ts';
import { numberValue } from '../../dicom/dataSet/elements.ts';
import { partsOf } from './codestreams.ts';
import type { Needles } from './needles.ts';
import type { Found } from './scanBytes.ts';
import { searchAny, searchBytes, searchIn } from './textSearch.ts';

export const isPixels = (tag: number): boolean => tag === 0x7fe00010 || tag === 0x7fe00008 || tag === 0x7fe00009;

/** Uncompressed data that are no longer are searched wholly. */
const smallPixels = 64 * 1024;
/** Of longer ones, each end. */
const searchedEnd = 1024;
/** A fragment that is longer is searched as bytes of any kind. */
const longestParsed = 64 * 1024 * 1024;

const runLengthEncoded = '1.2.840.10008.1.2.5';

export function searchFragments(
  fragments: readonly Bytes[],
  transferSyntaxUid: string,
  needles: Needles,
): Found | undefined {
  for (const [index, fragment] of fragments.entries()) {
    if (fragment.length === 0) continue;
    // The first is the Basic Offset Table.
    const found =
      index === 0
        ? searchIn(fragment, (bytes) => searchBytes(bytes, needles, 'binary'))
        : transferSyntaxUid === runLengthEncoded
          ? searchEnds(fragment, fragment.length, needles)
          : searchFragment(fragment, needles);
    if (found !== undefined) return found;
  }
  return undefined;
}

function searchFragment(fragment: Bytes, needles: Needles): Found | undefined {
  if (fragment.length > longestParsed) return searchIn(fragment, (bytes) => searchAny(bytes, needles));
  return searchParts(bytesIn(fragment), needles);
}

/** All of a compressed image that is not coded pixels. */
export function searchParts(image: Buffer, needles: Needles): Found | undefined {
  for (const { bytes, where } of partsOf(image)) {
    const found = where === 'table' ? searchBytes(bytes, needles, 'binary') : searchAny(bytes, needles);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** PS3.5 A.4: empty, or where each frame begins among the fragments, the first at 0. */
export function isOffsetTable([table, ...fragments]: readonly Bytes[]): boolean {
  if (table === undefined || table.length === 0) return true;
  if (table.length % 4 !== 0 || table.length / 4 > fragments.length) return false;
  const begins = new Set<number>();
  let at = 0;
  for (const { length } of fragments) {
    begins.add(at);
    at += 8 + length + (length % 2);
  }
  const bytes = bytesIn(table);
  let before = -1;
  for (let i = 0; i < bytes.length; i += 4) {
    const offset = bytes.readUInt32LE(i);
    if (offset <= before || !begins.has(offset)) return false;
    before = offset;
  }
  return bytes.readUInt32LE(0) === 0;
}

/** `isWhole`: search all of it, whatever that takes. */
export function searchNativePixels(
  object: DicomObject,
  { bytes, isWhole }: { bytes: Bytes; isWhole: boolean },
  needles: Needles,
): Found | undefined {
  if (isWhole || bytes.length <= smallPixels) return searchIn(bytes, (part) => searchAny(part, needles));
  return searchEnds(bytes, expectedLength(object), needles);
}

/** The first and the last bytes of what is expected, and all behind that. */
function searchEnds(bytes: Bytes, expected: number, needles: Needles): Found | undefined {
  const tail = Math.max(0, Math.min(expected, bytes.length) - searchedEnd);
  const parts = [
    { offset: 0, length: Math.min(searchedEnd, bytes.length) },
    { offset: tail, length: bytes.length - tail },
  ];
  for (const { offset, length } of parts) {
    const found = searchIn(partOf(bytes, offset, length), (part) => searchAny(part, needles));
    if (found !== undefined) return found;
  }
  return undefined;
}

const partOf = (bytes: Bytes, offset: number, length: number): Bytes =>
  Buffer.isBuffer(bytes)
    ? bytes.subarray(offset, offset + length)
    : { source: bytes.source, offset: bytes.offset + offset, length };

/** Bytes of uncompressed pixel data by what the data set says of them; all bytes count as expected when it does not say. */
function expectedLength({ dataSet, encoding }: DicomObject): number {
  const number = (tag: number) => numberValue(dataSet, tag, encoding);
  const [rows, columns, samples, bits] = [0x00280010, 0x00280011, 0x00280002, 0x00280100].map(number);
  if (!rows || !columns || !bits) return Number.POSITIVE_INFINITY;
  const frames = Math.max(1, number(0x00280008) ?? 1);
  return Math.ceil((rows * columns * (samples ?? 1) * frames * bits) / 8);
}
