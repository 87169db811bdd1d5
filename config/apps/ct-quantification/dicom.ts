/** Reads what a quantification needs of an uncompressed CT slice: Implicit or Explicit VR Little Endian (PS3.5 section 7). */
import { readFileSync } from 'node:fs';

export type Slice = {
  file: string;
  rows: number;
  columns: number;
  /** Millimetres between the centres of rows and of columns. */
  spacing: [number, number];
  thickness: number;
  position: [number, number, number];
  orientation: number[];
  /** Hounsfield units, row after row. */
  hounsfield: Int16Array;
};

export class NotASlice extends Error {}

const implicitLittleEndian = '1.2.840.10008.1.2';
const explicitLittleEndian = '1.2.840.10008.1.2.1';
const longForm = new Set(['OB', 'OD', 'OF', 'OL', 'OV', 'OW', 'SQ', 'SV', 'UC', 'UN', 'UR', 'UT', 'UV']);
const undefinedLength = 0xffffffff;

type Header = { tag: number; start: number; length: number };

function headerAt(bytes: Buffer, at: number, explicit: boolean): Header {
  const tag = bytes.readUInt16LE(at) * 0x10000 + bytes.readUInt16LE(at + 2);
  if (!explicit || tag >>> 16 === 0xfffe) return { tag, start: at + 8, length: bytes.readUInt32LE(at + 4) };
  const isLong = longForm.has(bytes.toString('latin1', at + 4, at + 6));
  return isLong
    ? { tag, start: at + 12, length: bytes.readUInt32LE(at + 8) }
    : { tag, start: at + 8, length: bytes.readUInt16LE(at + 6) };
}

/** Where a sequence or item of undefined length ends: the place after its delimiter. */
function endOf(bytes: Buffer, at: number, explicit: boolean): number {
  for (let offset = at; offset + 8 <= bytes.length; ) {
    const { tag, start, length } = headerAt(bytes, offset, explicit);
    if (tag === 0xfffee00d || tag === 0xfffee0dd) return start;
    offset = length === undefinedLength ? endOf(bytes, start, explicit) : start + length;
  }
  throw new NotASlice('a sequence has no end');
}

function elements(bytes: Buffer, from: number, explicit: boolean): Map<number, Buffer> {
  const found = new Map<number, Buffer>();
  for (let at = from; at + 8 <= bytes.length; ) {
    const { tag, start, length } = headerAt(bytes, at, explicit);
    if (length === undefinedLength) {
      at = endOf(bytes, start, explicit);
      continue;
    }
    found.set(tag, bytes.subarray(start, start + length));
    at = start + length;
  }
  return found;
}

export function readSlice(path: string, file: string): Slice {
  const bytes = readFileSync(path);
  const metaLength = bytes.readUInt32LE(140); // (0002,0000) stands first, after preamble and DICM
  const meta = elements(bytes.subarray(0, 144 + metaLength), 132, true);
  const text = (map: Map<number, Buffer>, tag: number) =>
    map
      .get(tag)
      ?.toString('latin1')
      .replace(/[\0 ]+$/, '') ?? '';
  const transferSyntax = text(meta, 0x00020010);
  if (transferSyntax !== implicitLittleEndian && transferSyntax !== explicitLittleEndian) {
    throw new NotASlice(`${file} has transfer syntax ${transferSyntax}; only uncompressed slices can be measured`);
  }
  const data = elements(bytes, 144 + metaLength, transferSyntax === explicitLittleEndian);
  const numbers = (tag: number) => text(data, tag).split('\\').map(Number);
  const short = (tag: number) => data.get(tag)?.readUInt16LE(0) ?? 0;
  const [rows, columns] = [short(0x00280010), short(0x00280011)];
  const pixels = data.get(0x7fe00010);
  if (short(0x00280100) !== 16 || pixels === undefined || pixels.length < rows * columns * 2) {
    throw new NotASlice(`${file} is no slice of 16 bits a pixel`);
  }
  const number = (tag: number, otherwise: number) => (text(data, tag) === '' ? otherwise : Number(text(data, tag)));
  const [position, spacing, orientation] = [numbers(0x00200032), numbers(0x00280030), numbers(0x00200037)];
  if (position.length !== 3 || spacing.length !== 2 || orientation.length !== 6) {
    throw new NotASlice(`${file} does not say where it lies`);
  }
  const hounsfield = toHounsfield(pixels, rows * columns, {
    slope: number(0x00281053, 1),
    intercept: number(0x00281052, 0),
    stored: short(0x00280101) || 16,
    signed: short(0x00280103) === 1,
  });
  return {
    ...{ file, rows, columns, orientation, hounsfield },
    ...{ spacing: spacing as [number, number], position: position as [number, number, number] },
    thickness: number(0x00180050, 1),
  };
}

function toHounsfield(
  pixels: Buffer,
  count: number,
  { slope, intercept, stored, signed }: { slope: number; intercept: number; stored: number; signed: boolean },
): Int16Array {
  const hounsfield = new Int16Array(count);
  const shift = 32 - stored; // drops what lies above the stored bits, and extends the sign
  for (let i = 0; i < count; i++) {
    const raw = pixels.readUInt16LE(i * 2) << shift;
    const value = (signed ? raw >> shift : raw >>> shift) * slope + intercept;
    hounsfield[i] = Math.max(-32768, Math.min(32767, value));
  }
  return hounsfield;
}
