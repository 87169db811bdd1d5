/**
 * The Image Pixel Module (PS3.3 C.7.6.3) of an object, checked against the bytes that are there. Nothing is allocated by
 * figures that have not passed here.
 */
import { type DicomObject, element, lengthOf } from '../dataSet/dicomObject.ts';
import { isUid } from '../uids.ts';
import { decimals, tagName, tags, texts, word } from './attributes.ts';
import { malformed, pixelError, unsupported } from './pixelErrors.ts';
import { type PixelCodec, pixelCoding } from './transferSyntaxes.ts';

export type PixelDescription = {
  rows: number;
  columns: number;
  frames: number;
  samples: number;
  bitsAllocated: number;
  bitsStored: number;
  highBit: number;
  signed: boolean;
  /** 1: plane after plane. Of native and RLE data; codestreams have orders of their own. */
  planar: boolean;
  photometric: string;
  /** Native data in which two pixels of a row share their chrominance: Y Y Cb Cr (PS3.3 C.7.6.3.1.2). */
  subsampled: boolean;
  /** Which element holds the pixels. */
  kind: 'integer' | 'float' | 'double';
  codec: PixelCodec;
  /** What the transfer syntax promises. */
  lossless: boolean;
  /** Native bytes of one frame, rounded up; of a decoded frame that is not subsampled. */
  frameBytes: number;
};

const pixelElements = [
  { tag: tags.pixelData, kind: 'integer' },
  { tag: tags.floatPixelData, kind: 'float' },
  { tag: tags.doubleFloatPixelData, kind: 'double' },
] as const;

/** The element that holds the pixels, when there is one that is not empty. */
export function pixelElement(object: DicomObject) {
  for (const { tag, kind } of pixelElements) {
    const found = element(object.dataSet, tag);
    if (!found || found.value.kind === 'sequence') continue;
    if (found.value.kind === 'bytes' && lengthOf(found.value.bytes) === 0) continue;
    return { tag, kind, element: found, value: found.value };
  }
  return undefined;
}

/** Undefined: no image. Throws GatewayError `pixels.malformed` or `pixels.unsupported`. */
export function pixelDescription(object: DicomObject): PixelDescription | undefined {
  const pixels = pixelElement(object);
  if (!pixels) return undefined;
  const coding = pixelCoding(object.meta.transferSyntaxUid);
  const said = isUid(object.meta.transferSyntaxUid) ? object.meta.transferSyntaxUid : 'unknown';
  if (!coding) throw unsupported(`pixel data in transfer syntax ${said}`);
  if ((coding.codec === 'native') !== (pixels.value.kind === 'bytes')) {
    throw malformed(`${tagName(pixels.tag)} does not lie as transfer syntax ${said} asks`);
  }
  const figures = readFigures(object, pixels.kind);
  checkFigures(figures);
  const frameBytes = Math.ceil((figures.rows * figures.columns * figures.samples * figures.bitsAllocated) / 8);
  const description = { ...figures, kind: pixels.kind, ...coding, frameBytes, subsampled: false };
  if (pixels.value.kind !== 'bytes') return description;
  const length = lengthOf(pixels.value.bytes);
  description.subsampled = isSubsampled(description, length);
  checkNativeLength(description, length);
  return description;
}

type Figures = Omit<PixelDescription, 'kind' | 'codec' | 'lossless' | 'frameBytes' | 'subsampled'>;

function readFigures(object: DicomObject, kind: PixelDescription['kind']): Figures {
  const needed = (tag: number) => {
    const value = word(object, tag);
    if (value === undefined) throw malformed(`${tagName(tag)} is missing`);
    return value;
  };
  const bitsAllocated = kind === 'integer' ? needed(tags.bitsAllocated) : kind === 'float' ? 32 : 64;
  const bitsStored = (kind === 'integer' ? word(object, tags.bitsStored) : undefined) ?? bitsAllocated;
  return {
    rows: needed(tags.rows),
    columns: needed(tags.columns),
    frames: decimals(object, tags.numberOfFrames)[0] ?? 1,
    samples: word(object, tags.samplesPerPixel) ?? 1,
    bitsAllocated,
    bitsStored,
    highBit: (kind === 'integer' ? word(object, tags.highBit) : undefined) ?? bitsStored - 1,
    signed: word(object, tags.pixelRepresentation) === 1,
    planar: word(object, tags.planarConfiguration) === 1,
    photometric: photometricOf(object),
  };
}

/** Defined terms of (0028,0004) (PS3.3 C.7.6.3.1.2), retired ones included. */
const photometrics = new Set([
  ...['MONOCHROME1', 'MONOCHROME2', 'PALETTE COLOR', 'RGB', 'ARGB', 'CMYK', 'HSV', 'XYB'],
  ...['YBR_FULL', 'YBR_FULL_422', 'YBR_PARTIAL_422', 'YBR_PARTIAL_420', 'YBR_ICT', 'YBR_RCT'],
]);

/** Descriptions go into receipts: whatever else stands there does not. */
function photometricOf(object: DicomObject): string {
  const [said = 'MONOCHROME2'] = texts(object, tags.photometricInterpretation);
  return photometrics.has(said) ? said : 'unknown';
}

const allocations = new Set([1, 8, 16, 32, 64]);

function checkFigures({ rows, columns, frames, samples, bitsAllocated, bitsStored, highBit }: Figures): void {
  if (rows < 1 || columns < 1) throw malformed(`an image of ${columns} x ${rows} pixels`);
  if (!Number.isSafeInteger(frames) || frames < 1 || frames > 2 ** 31) throw malformed(`an image of ${frames} frames`);
  if (samples < 1 || samples > 4) throw unsupported(`${samples} samples a pixel`);
  if (!allocations.has(bitsAllocated)) throw unsupported(`${bitsAllocated} bits allocated`);
  if (bitsStored < 1 || bitsStored > bitsAllocated) {
    throw malformed(`${bitsStored} bits stored where ${bitsAllocated} are allocated`);
  }
  if (highBit >= bitsAllocated || highBit < bitsStored - 1)
    throw malformed(`high bit ${highBit} of ${bitsStored} bits stored`);
}

/** Some write that their data are subsampled over data that are not: then there are enough bytes for all. */
function isSubsampled({ photometric, samples, frameBytes, frames }: PixelDescription, length: number): boolean {
  return samples === 3 && /_422$/.test(photometric) && length < frameBytes * frames;
}

/** Bits of a native frame as it lies in the element. */
export function nativeFrameBits({ rows, columns, samples, bitsAllocated, subsampled }: PixelDescription): number {
  return rows * columns * (subsampled ? 2 : samples) * bitsAllocated;
}

function checkNativeLength(description: PixelDescription, length: number): void {
  const needed = Math.ceil((nativeFrameBits(description) * description.frames) / 8);
  if (length < needed) throw malformed(`pixel data of ${length} bytes where ${needed} are due`);
}

/**
 * What decoding or encoding one frame takes: the frame itself, what it is compared with, and the copies that a codec
 * makes of it, some of 32 bits a sample.
 */
export function memoryForFrame({ frameBytes, bitsAllocated, codec }: PixelDescription): number {
  const widened = codec === 'native' ? 1 : Math.max(1, 32 / bitsAllocated);
  return Math.ceil(frameBytes * (4 + 2 * widened));
}

/** Throws GatewayError `pixels.too-large`. */
export function checkFrameFits(description: PixelDescription, memoryLimit: number): void {
  const needed = memoryForFrame(description);
  if (needed > memoryLimit) {
    const { rows, columns } = description;
    throw pixelError(
      'pixels.too-large',
      `a frame of ${columns} x ${rows} pixels takes ${needed} bytes, the limit is ${memoryLimit}`,
    );
  }
}
