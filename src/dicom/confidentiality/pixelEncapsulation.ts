/**
 * What stands around encapsulated pixel data: offset tables (PS3.5 A.4) that do not say where frames begin could say anything,
 * so they go. Fragments themselves are neither read nor copied. Pure.
 */
import { type Bytes, bytesIn, type DataElement, type DataSet, element, lengthOf } from '../dataSet/dicomObject.ts';
import { numberValue, putElement, removeElement } from '../dataSet/elements.ts';

const pixelData = 0x7fe00010;
const numberOfFrames = 0x00280008;
const [extendedOffsets, extendedLengths, totalLength] = [0x7fe00001, 0x7fe00002, 0x7fe00003];
const itemHeader = 8;

/** `dataSet` is changed: tables that do not fit are emptied or removed. */
export function dropUnfitTables(dataSet: DataSet, encoding: { littleEndian: boolean }): void {
  const pixels = element(dataSet, pixelData);
  const [table, ...fragments] = pixels?.value.kind === 'fragments' ? pixels.value.fragments : [];
  const frames = numberValue(dataSet, numberOfFrames, encoding) ?? 1;
  if (pixels !== undefined && table !== undefined && !fitsFrames(table, 4, fragments, frames)) {
    putElement(dataSet, { ...pixels, value: { kind: 'fragments', fragments: [Buffer.alloc(0), ...fragments] } });
  }
  const offsets = bytesOf(element(dataSet, extendedOffsets));
  const lengths = bytesOf(element(dataSet, extendedLengths));
  const isFit =
    lengthOf(offsets) > 0 && fitsFrames(offsets, 8, fragments, frames) && areLengths(lengths, fragments, frames);
  if (!isFit) for (const tag of [extendedOffsets, extendedLengths]) removeElement(dataSet, tag);
  const total = bytesOf(element(dataSet, totalLength));
  const size = fragments.reduce((sum, fragment) => sum + lengthOf(fragment), 0);
  const isTotal = lengthOf(total) === 8 && fragments.length > 0 && numbers(total, 8)[0] === size;
  if (!isTotal) removeElement(dataSet, totalLength);
}

const bytesOf = (one: DataElement | undefined): Bytes =>
  one?.value.kind === 'bytes' ? one.value.bytes : Buffer.alloc(0);

/** Empty, or for each frame the offset at which one of the fragments begins, from the first on. */
function fitsFrames(table: Bytes, size: 4 | 8, fragments: Bytes[], frames: number): boolean {
  if (lengthOf(table) === 0) return true;
  // No more than there are fragments, so that no table is read that is larger than they account for.
  if (lengthOf(table) !== size * frames || frames > fragments.length) return false;
  const order = new Map<number, number>();
  let offset = 0;
  for (const [index, fragment] of fragments.entries()) {
    order.set(offset, index);
    offset += itemHeader + lengthOf(fragment);
  }
  let last = -1;
  return numbers(table, size).every((begin, frame) => {
    const index = order.get(begin);
    if (index === undefined || index <= last || (frame === 0 && index !== 0)) return false;
    last = index;
    return true;
  });
}

/** One fragment for each frame, with or without its padding (PS3.3 C.7.6.3.1.8). */
function areLengths(table: Bytes, fragments: Bytes[], frames: number): boolean {
  if (frames !== fragments.length || lengthOf(table) !== 8 * frames) return false;
  return numbers(table, 8).every((length, frame) => {
    const stored = lengthOf(fragments[frame] ?? Buffer.alloc(0));
    return length === stored || length === stored - 1;
  });
}

/** Encapsulated transfer syntaxes are little endian. */
function numbers(bytes: Bytes, size: 4 | 8): number[] {
  const table = bytesIn(bytes);
  return Array.from({ length: table.length / size }, (_, index) =>
    size === 4 ? table.readUInt32LE(4 * index) : Number(table.readBigUInt64LE(8 * index)),
  );
}
