/**
 * Frames to lossless codestreams. Every codestream is decoded again and compared, bit for bit, with what went in: none
 * that differs leaves this file.
 */
import type { FrameShape } from './codecs/codec.ts';
import { cannotEncodeHtj2k, decodeHtj2kMonochrome, encodeHtj2k } from './codecs/htj2k.ts';
import { decodeJpeg2000 } from './codecs/jpeg2000.ts';
import { cannotEncodeJpegLs, decodeJpegLs, encodeJpegLs } from './codecs/jpegLs.ts';
import { decodeRle, encodeRle } from './codecs/rle.ts';
import type { FramePixels } from './decodeFrame.ts';
import type { PixelDescription } from './pixelDescription.ts';
import { cellMapping, cells } from './sampleReader.ts';
import { syntax } from './transferSyntaxes.ts';

export type LosslessFamily = 'htj2k' | 'jpeg-ls' | 'rle';

export type LosslessEncoder = {
  transferSyntaxUid: string;
  /** Of what it makes. */
  photometric: string;
  /** Undefined: what was decoded again differs from what went in, or bits above Bits Stored are in use. */
  encode(pixels: FramePixels): Promise<Buffer | undefined>;
};

const photometrics = new Set(['MONOCHROME1', 'MONOCHROME2', 'PALETTE COLOR', 'RGB', 'YBR_FULL']);

/** `photometric` is that of the decoded frames. Gives the reason when such frames cannot be encoded. */
export function losslessEncoder(
  family: LosslessFamily,
  description: PixelDescription,
  photometric: string,
): LosslessEncoder | { reason: string } {
  const { kind, bitsAllocated, bitsStored, highBit, samples } = description;
  if (kind !== 'integer') return { reason: 'floating point pixel data' };
  if (bitsAllocated !== 8 && bitsAllocated !== 16) return { reason: `${bitsAllocated} bits allocated` };
  if (highBit !== bitsStored - 1) return { reason: `high bit ${highBit} of ${bitsStored} bits stored` };
  if (!photometrics.has(photometric)) return { reason: `photometric interpretation ${photometric}` };
  if ((samples === 3) !== (photometric === 'RGB' || photometric === 'YBR_FULL')) {
    return { reason: `${samples} samples a pixel as ${photometric}` };
  }
  if (family === 'rle') return rle(description, photometric);
  return family === 'htj2k' ? htj2k(description, photometric) : jpegLs(description, photometric);
}

/** A codec of more than 8 bits takes cells of two bytes, one of 8 or fewer takes single bytes: the cells are as they are. */
const precisionFor = ({ bitsAllocated, bitsStored }: PixelDescription) =>
  bitsAllocated === 16 ? Math.max(bitsStored, 9) : bitsStored;

const shapeOf = (description: PixelDescription, precision: number, signed: boolean): FrameShape => {
  const { columns: width, rows: height, samples: components } = description;
  return { width, height, components, precision, signed };
};

function htj2k(description: PixelDescription, photometric: string): LosslessEncoder | { reason: string } {
  const shape = shapeOf(description, precisionFor(description), description.signed);
  const reason = cannotEncodeHtj2k(shape);
  if (reason !== undefined) return { reason: `HTJ2K does not take ${reason}` };
  const isTransformed = photometric === 'RGB';
  const decode = shape.components === 1 ? decodeHtj2kMonochrome : decodeJpeg2000;
  return {
    transferSyntaxUid: syntax.htj2kLossless,
    // PS3.5 8.2.14: with the reversible transform, RGB is YBR_RCT.
    photometric: isTransformed ? 'YBR_RCT' : photometric,
    async encode(pixels) {
      if (!hasOnlyStoredBits(description, pixels)) return undefined;
      const encoded = await encodeHtj2k(pixels.data, shape, isTransformed);
      return (await decode(encoded)).data.equals(pixels.data) ? encoded : undefined;
    },
  };
}

function jpegLs(description: PixelDescription, photometric: string): LosslessEncoder | { reason: string } {
  // JPEG-LS knows no signs: of signed values the whole cells are encoded, so that no decoder has to extend them.
  const precision = description.signed ? description.bitsAllocated : Math.max(2, precisionFor(description));
  const shape = shapeOf(description, precision, false);
  const reason = cannotEncodeJpegLs(shape);
  if (reason !== undefined) return { reason: `JPEG-LS does not take ${reason}` };
  return {
    transferSyntaxUid: syntax.jpegLsLossless,
    photometric,
    async encode(pixels) {
      if (!hasOnlyStoredBits(description, pixels)) return undefined;
      const encoded = await encodeJpegLs(pixels.data, shape);
      return (await decodeJpegLs(encoded)).data.equals(pixels.data) ? encoded : undefined;
    },
  };
}

function rle(description: PixelDescription, photometric: string): LosslessEncoder {
  const { rows, columns, samples } = description;
  return {
    transferSyntaxUid: syntax.rle,
    photometric,
    async encode({ data, bytesPerSample }) {
      const encoded = encodeRle(data, columns, samples, bytesPerSample);
      return decodeRle(encoded, rows * columns, samples, bytesPerSample).data.equals(data) ? encoded : undefined;
    },
  };
}

/** Overlays of old stand in the bits above (PS3.5 8.1.2, retired); some write noise or padding values there. */
export function hasOnlyStoredBits(description: PixelDescription, pixels: FramePixels): boolean {
  const { bitsAllocated, bitsStored } = description;
  if (bitsStored === bitsAllocated) return true;
  const stored = cells(pixels);
  const value = cellMapping({ ...description, highBit: bitsStored - 1 });
  const mask = 2 ** bitsAllocated - 1;
  for (let at = 0; at < stored.length; at++) {
    const cell = stored[at] ?? 0;
    if ((value(cell) & mask) !== cell) return false;
  }
  return true;
}
