/**
 * Reads as much of a Part 10 file as a picture of it needs: one uncompressed, grey, 16-bit little endian image. It is the
 * demo's own eye: what it shows was read without the gateway's code.
 */
export type GreyImage = {
  rows: number;
  columns: number;
  /** Stored values times slope plus intercept: Hounsfield units of a CT. */
  values: Float32Array;
  windowCenter: number;
  windowWidth: number;
  instanceNumber: number;
};

const implicitLittleEndian = '1.2.840.10008.1.2';
const explicitLittleEndian = '1.2.840.10008.1.2.1';
const longForm = new Set(['OB', 'OW', 'OF', 'OD', 'OL', 'OV', 'SQ', 'UC', 'UN', 'UR', 'UT', 'SV', 'UV']);
const undefinedLength = 0xffffffff;
const itemTag = 0xfffee000;
const delimiters = new Set([0xfffee00d, 0xfffee0dd]);

type Header = { tag: number; length: number; start: number };

function readHeader(file: Buffer, at: number, explicit: boolean): Header {
  const tag = file.readUInt16LE(at) * 65536 + file.readUInt16LE(at + 2);
  const hasVr = explicit && tag < itemTag;
  if (!hasVr) return { tag, length: file.readUInt32LE(at + 4), start: at + 8 };
  if (!longForm.has(file.toString('latin1', at + 4, at + 6))) {
    return { tag, length: file.readUInt16LE(at + 6), start: at + 8 };
  }
  return { tag, length: file.readUInt32LE(at + 8), start: at + 12 };
}

/** The offset after an element: over sequences and items of undefined length to their delimiters (PS3.5 7.5). */
function skip(file: Buffer, { tag, length, start }: Header, explicit: boolean): number {
  if (length !== undefinedLength) return start + length;
  let at = start;
  while (at + 8 <= file.length) {
    const inner = readHeader(file, at, explicit);
    at = skip(file, inner, explicit);
    if (delimiters.has(inner.tag)) return at;
  }
  throw new Error(`element ${tag.toString(16)} has no end`);
}

function readElements(file: Buffer, from: number, explicit: boolean, wanted: (tag: number) => boolean) {
  const found = new Map<number, Buffer>();
  let at = from;
  while (at + 8 <= file.length) {
    const header = readHeader(file, at, explicit);
    if (!wanted(header.tag)) break;
    if (header.length !== undefinedLength)
      found.set(header.tag, file.subarray(header.start, header.start + header.length));
    at = skip(file, header, explicit);
  }
  return { found, end: at };
}

const text = (value: Buffer | undefined) => value?.toString('latin1').replace(/[\0 ]+$/, '') ?? '';
const short = (value: Buffer | undefined) => (value && value.length >= 2 ? value.readUInt16LE(0) : 0);

function decimal(value: Buffer | undefined, otherwise: number): number {
  const number = Number.parseFloat(text(value).split('\\')[0] ?? '');
  return Number.isFinite(number) ? number : otherwise;
}

type Opened = { file: Buffer; dataSetAt: number; explicit: boolean; transferSyntax: string };

function open(part10: Uint8Array): Opened {
  const file = Buffer.from(part10.buffer, part10.byteOffset, part10.byteLength);
  if (file.toString('latin1', 128, 132) !== 'DICM') throw new Error('not a Part 10 file');
  const meta = readElements(file, 132, true, (tag) => tag < 0x00030000);
  const transferSyntax = text(meta.found.get(0x00020010));
  // Whatever encapsulates pixels has its elements in explicit VR little endian (PS3.5 A.4).
  return { file, dataSetAt: meta.end, explicit: transferSyntax !== implicitLittleEndian, transferSyntax };
}

/** Texts of elements, in ascending order of their tags, from the beginning of a Part 10 file; '' for what is not there. */
export function readTexts(head: Uint8Array, tags: readonly number[]): string[] {
  const { file, dataSetAt, explicit } = open(head);
  const { found } = readElements(file, dataSetAt, explicit, (tag) => tag <= (tags.at(-1) ?? 0));
  return tags.map((tag) => text(found.get(tag)));
}

/** Instance Number (0020,0013) from the beginning of a Part 10 file; 0 when it is not there. */
export function readInstanceNumber(head: Uint8Array): number {
  const number = Number.parseInt(readTexts(head, [0x00200013])[0] ?? '', 10);
  return Number.isFinite(number) ? number : 0;
}

/** Throws Error for files that it cannot show. */
export function readGreyImage(part10: Uint8Array): GreyImage {
  const { file, dataSetAt, explicit, transferSyntax } = open(part10);
  if (transferSyntax !== explicitLittleEndian && transferSyntax !== implicitLittleEndian) {
    throw new Error(`cannot show transfer syntax ${transferSyntax}`);
  }
  const { found } = readElements(file, dataSetAt, explicit, () => true);
  const rows = short(found.get(0x00280010));
  const columns = short(found.get(0x00280011));
  const stored = found.get(0x7fe00010);
  if (!stored || short(found.get(0x00280100)) !== 16 || stored.length < rows * columns * 2) {
    throw new Error('not an uncompressed 16-bit image');
  }
  const isSigned = short(found.get(0x00280103)) === 1;
  const slope = decimal(found.get(0x00281053), 1);
  const intercept = decimal(found.get(0x00281052), 0);
  const values = new Float32Array(rows * columns);
  for (let i = 0; i < values.length; i++) {
    values[i] = (isSigned ? stored.readInt16LE(2 * i) : stored.readUInt16LE(2 * i)) * slope + intercept;
  }
  return {
    rows,
    columns,
    values,
    windowCenter: decimal(found.get(0x00281050), 40),
    windowWidth: decimal(found.get(0x00281051), 400),
    instanceNumber: decimal(found.get(0x00200013), 0),
  };
}
