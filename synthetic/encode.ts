/**
 * A small writer of DICOM data sets (PS3.5 7.1) and Part 10 files (PS3.10 7.1), for uncompressed little endian transfer
 * syntaxes and without sequences: as much as synthetic images need, and independent of the code under test.
 */
import { transferSyntaxes } from './uids.ts';

export type Vr =
  | 'AE'
  | 'CS'
  | 'DA'
  | 'DS'
  | 'IS'
  | 'LO'
  | 'LT'
  | 'OB'
  | 'OW'
  | 'PN'
  | 'SH'
  | 'ST'
  | 'TM'
  | 'UI'
  | 'UL'
  | 'US'
  | 'AT';

/** Texts and numbers may be lists: values of a multi-valued element. */
export type ElementValue = string | number | readonly string[] | readonly number[] | Uint8Array;

export type Element = { tag: number; vr: Vr; value: ElementValue };

/** PS3.5 7.1.2: these have two reserved bytes and a 32-bit length in explicit VR. */
const longForm: ReadonlySet<Vr> = new Set<Vr>(['OB', 'OW']);
const paddedWithNull: ReadonlySet<Vr> = new Set<Vr>(['UI', 'OB']);

function numbers(vr: Vr, values: readonly number[]): Buffer {
  const width = vr === 'US' ? 2 : 4;
  const bytes = Buffer.alloc(values.length * width);
  values.forEach((value, index) => {
    if (vr === 'US') bytes.writeUInt16LE(value, index * 2);
    else if (vr === 'UL') bytes.writeUInt32LE(value, index * 4);
    else if (vr === 'AT') {
      bytes.writeUInt16LE(value >>> 16, index * 4);
      bytes.writeUInt16LE(value & 0xffff, index * 4 + 2);
    } else throw new RangeError(`VR ${vr} holds text`);
  });
  return bytes;
}

function valueBytes(vr: Vr, value: ElementValue): Uint8Array {
  let bytes: Uint8Array;
  if (value instanceof Uint8Array) bytes = value;
  else if (vr === 'US' || vr === 'UL' || vr === 'AT') {
    const list = typeof value === 'number' ? [value] : value;
    bytes = numbers(vr, (Array.isArray(list) ? list : [list]).map(Number));
  } else bytes = Buffer.from(Array.isArray(value) ? value.join('\\') : String(value), 'latin1');
  if (bytes.length % 2 === 0) return bytes;
  return Buffer.concat([bytes, Buffer.from(paddedWithNull.has(vr) ? '\0' : ' ')]);
}

/** Tag, VR (when explicit) and length of an element whose value of `length` bytes (even) is sent by itself. */
export function elementHeader(tag: number, vr: Vr, length: number, explicit: boolean): Buffer {
  const header = Buffer.alloc(explicit && longForm.has(vr) ? 12 : 8);
  header.writeUInt16LE(tag >>> 16, 0);
  header.writeUInt16LE(tag & 0xffff, 2);
  if (!explicit) header.writeUInt32LE(length, 4);
  else {
    header.write(vr, 4, 'latin1');
    if (longForm.has(vr)) header.writeUInt32LE(length, 8);
    else header.writeUInt16LE(length, 6);
  }
  return header;
}

function encodeElements(elements: readonly Element[], explicit: boolean): Buffer {
  const parts: Uint8Array[] = [];
  for (const { tag, vr, value } of [...elements].sort((a, b) => a.tag - b.tag)) {
    const bytes = valueBytes(vr, value);
    parts.push(elementHeader(tag, vr, bytes.length, explicit), bytes);
  }
  return Buffer.concat(parts);
}

/** The elements in ascending order of their tags. Throws RangeError for transfer syntaxes that it cannot write. */
export function encodeDataSet(elements: readonly Element[], transferSyntaxUid: string): Buffer {
  return encodeElements(elements, isExplicit(transferSyntaxUid));
}

export function isExplicit(transferSyntaxUid: string): boolean {
  if (transferSyntaxUid === transferSyntaxes.explicitLittleEndian) return true;
  if (transferSyntaxUid === transferSyntaxes.implicitLittleEndian) return false;
  throw new RangeError(`cannot write transfer syntax ${transferSyntaxUid}`);
}

/** Preamble, "DICM" and file meta information; the data set follows directly. */
export function encodePart10Head(sopClassUid: string, sopInstanceUid: string, transferSyntaxUid: string): Buffer {
  const meta = encodeElements(
    [
      { tag: 0x00020001, vr: 'OB', value: Buffer.from([0, 1]) },
      { tag: 0x00020002, vr: 'UI', value: sopClassUid },
      { tag: 0x00020003, vr: 'UI', value: sopInstanceUid },
      { tag: 0x00020010, vr: 'UI', value: transferSyntaxUid },
      { tag: 0x00020012, vr: 'UI', value: '2.25.280491386184532118409281546237641' },
      { tag: 0x00020013, vr: 'SH', value: 'SYNTHETIC_1' },
    ],
    true,
  );
  const groupLength = encodeElements([{ tag: 0x00020000, vr: 'UL', value: meta.length }], true);
  return Buffer.concat([Buffer.alloc(128), Buffer.from('DICM'), groupLength, meta]);
}
