/** Image objects for tests: made of a description and pixels, written to files for peers, read back. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { BufferSource } from '../../src/dicom/dataSet/byteSources.ts';
import { bytesIn, type DataElement, type DicomObject, type ElementValue } from '../../src/dicom/dataSet/dicomObject.ts';
import { encodePart10 } from '../../src/dicom/dataSet/encodePart10.ts';
import { parsePart10 } from '../../src/dicom/dataSet/parsePart10.ts';
import { encodingOf } from '../../src/dicom/dataSet/transferSyntax.ts';
import { frameDecoder } from '../../src/dicom/pixels/decodeFrame.ts';
import { framesOf } from '../../src/dicom/pixels/frames.ts';
import { pixelDescription } from '../../src/dicom/pixels/pixelDescription.ts';
import type { StepContext } from '../../src/process/step.ts';

export type ImageSettings = {
  rows: number;
  columns: number;
  frames?: number;
  samples?: number;
  bitsAllocated?: number;
  bitsStored?: number;
  highBit?: number;
  signed?: boolean;
  planar?: boolean;
  photometric?: string;
  transferSyntaxUid?: string;
  pixels: Buffer | Extract<ElementValue, { kind: 'fragments' }>;
  more?: DataElement[];
};

const secondaryCapture = '1.2.840.10008.5.1.4.1.1.7';

export function word(tag: number, ...values: number[]): DataElement {
  const bytes = Buffer.alloc(2 * values.length);
  for (const [index, value] of values.entries()) bytes.writeUInt16LE(value & 0xffff, 2 * index);
  return { tag, vr: 'US', value: { kind: 'bytes', bytes } };
}

export function text(tag: number, vr: string, value: string): DataElement {
  const padding = value.length % 2 === 1 ? (vr === 'UI' ? '\0' : ' ') : '';
  return { tag, vr, value: { kind: 'bytes', bytes: Buffer.from(value + padding, 'latin1') } };
}

/** Three ramps of 256 colours. */
export const greyPalette: DataElement[] = [0, 1, 2].flatMap((channel) => [
  word(0x00281101 + channel, 256, 0, 16),
  { ...word(0x00281201 + channel, ...Array.from({ length: 256 }, (_, at) => at * 257)), vr: 'OW' },
]);

/** In Explicit VR Little Endian, or encapsulated. */
export function imageObject(settings: ImageSettings): DicomObject {
  const { rows, columns, frames = 1, samples = 1, bitsAllocated = 16, signed = false, planar = false } = settings;
  const { bitsStored = bitsAllocated, highBit = bitsStored - 1, photometric, pixels, more = [] } = settings;
  const { transferSyntaxUid = '1.2.840.10008.1.2.1' } = settings;
  const sopInstanceUid = '1.2.826.0.1.3680043.10.1.1';
  const value: ElementValue = Buffer.isBuffer(pixels)
    ? { kind: 'bytes', bytes: pixels.length % 2 === 0 ? pixels : Buffer.concat([pixels, Buffer.alloc(1)]) }
    : pixels;
  const elements = [
    text(0x00080016, 'UI', secondaryCapture),
    text(0x00080018, 'UI', sopInstanceUid),
    text(0x00080060, 'CS', 'OT'),
    text(0x0020000d, 'UI', '1.2.826.0.1.3680043.10.1.2'),
    text(0x0020000e, 'UI', '1.2.826.0.1.3680043.10.1.3'),
    word(0x00280002, samples),
    text(0x00280004, 'CS', photometric ?? (samples === 3 ? 'RGB' : 'MONOCHROME2')),
    ...(samples > 1 ? [word(0x00280006, planar ? 1 : 0)] : []),
    ...(frames > 1 ? [text(0x00280008, 'IS', String(frames))] : []),
    word(0x00280010, rows),
    word(0x00280011, columns),
    word(0x00280100, bitsAllocated),
    word(0x00280101, bitsStored),
    word(0x00280102, highBit),
    word(0x00280103, signed ? 1 : 0),
    { tag: 0x7fe00010, vr: bitsAllocated <= 8 || value.kind === 'fragments' ? 'OB' : 'OW', value },
    ...more,
  ].sort((a, b) => a.tag - b.tag);
  return {
    meta: { sopClassUid: secondaryCapture, sopInstanceUid, transferSyntaxUid },
    encoding: encodingOf(transferSyntaxUid),
    dataSet: { elements },
  };
}

/** Smooth frames with some noise: they can be compressed, but not to nothing. Cells of 1 or 2 bytes. */
export function smoothPixels(columns: number, rows: number, settings: Partial<ImageSettings> = {}): Buffer {
  const { samples = 1, bitsAllocated = 16, bitsStored = bitsAllocated, signed = false, frames = 1, planar } = settings;
  const size = bitsAllocated / 8;
  const data = Buffer.alloc(columns * rows * samples * frames * size);
  const half = 2 ** (bitsStored - 1);
  let noise = 12345;
  for (let at = 0; at < data.length / size; at++) {
    const pixel = planar ? at : Math.floor(at / samples);
    const sample = planar ? Math.floor(at / (columns * rows)) : at;
    const [x, y] = [pixel % columns, Math.floor(pixel / columns) % rows];
    noise = (Math.imul(noise, 1103515245) + 12345) >>> 0;
    const wave = Math.sin(x / 9 + (sample % samples)) * Math.cos(y / 7);
    const value = Math.round(half + wave * half * 0.8 + ((noise >>> 24) / 256 - 0.5) * half * 0.05);
    const stored = Math.min(2 * half - 1, Math.max(0, value)) - (signed ? half : 0);
    if (size === 1) data[at] = stored & 0xff;
    else data.writeUInt16LE(stored & 0xffff, 2 * at);
  }
  return data;
}

export const toBytes = (object: DicomObject): Buffer => Buffer.concat(encodePart10(object).pieces.map(bytesIn));
export const fromBytes = (bytes: Buffer): DicomObject => parsePart10(new BufferSource('input', bytes));
export const readObject = (path: string): DicomObject => fromBytes(readFileSync(path));

/** All frames, decoded, one behind the other. */
export async function decodedPixels(object: DicomObject): Promise<Buffer> {
  const description = pixelDescription(object);
  if (!description) throw new Error('no image');
  const frames = framesOf(object, description);
  const decode = frameDecoder(object, description, 2 ** 30);
  const all: Buffer[] = [];
  for (let index = 0; index < frames.count; index++) all.push((await decode(frames.read(index, 2 ** 30))).data);
  return Buffer.concat(all);
}

/** What a program makes of an object: `program ...options input output`. */
export function through(directory: string, object: DicomObject, program: string, ...options: string[]): DicomObject {
  const [input, output] = [`${directory}/input.dcm`, `${directory}/output.dcm`];
  writeFileSync(input, toBytes(object));
  execFileSync(program, [...options, input, output], { stdio: 'pipe' });
  return readObject(output);
}

/** A context for steps whose scratch file is a buffer. */
export function stepContext(memoryLimit = 512 * 2 ** 20): StepContext & { scratchSize(): number } {
  let file = Buffer.alloc(0);
  const source = {
    name: 'scratch',
    get size() {
      return file.length;
    },
    read: (offset: number, length: number) => file.subarray(offset, offset + length),
  };
  return {
    keys: { uid: Buffer.alloc(32), dateShift: Buffer.alloc(32), pseudonym: Buffer.alloc(32) },
    memoryLimit,
    fileStem: ({ meta }) => meta.sopInstanceUid,
    scratch: {
      append(bytes) {
        const offset = file.length;
        file = Buffer.concat([file, bytes]);
        return { source, offset, length: bytes.length };
      },
    },
    scratchSize: () => file.length,
  };
}
