/**
 * One frame of any transfer syntax to samples as they would lie in native little endian pixel data with Planar
 * Configuration 0. What a codestream says of its size is compared with the data set before a codec sees it.
 */
import type { DicomObject } from '../dataSet/dicomObject.ts';
import { wordSize } from '../dataSet/valueRepresentation.ts';
import type { DecodedFrame } from './codecs/codec.ts';
import { decodeJpeg } from './codecs/jpeg.ts';
import { decodeJpeg2000 } from './codecs/jpeg2000.ts';
import { decodeJpegLossless } from './codecs/jpegLossless.ts';
import { decodeJpegLs } from './codecs/jpegLs.ts';
import { decodeNative } from './codecs/native.ts';
import { decodeRle } from './codecs/rle.ts';
import { type CodestreamHeader, jpeg2000Header, jpegHeader } from './codestreamHeader.ts';
import { checkFrameFits, nativeFrameBits, type PixelDescription, pixelElement } from './pixelDescription.ts';
import { malformed, unsupported } from './pixelErrors.ts';
import { isBigEndianPixels } from './transferSyntaxes.ts';

export type FrameDecoder = (frame: Buffer) => Promise<FramePixels>;

export type FramePixels = {
  /**
   * Samples of `bytesPerSample`, the components of a pixel side by side. One byte a sample for 1 bit allocated. Signed
   * values are extended to all bits; bits above Bits Stored are as they were in native data.
   */
  data: Buffer;
  bytesPerSample: DecodedFrame['bytesPerSample'];
  /** What the colours are now: a codec may have turned YCbCr into RGB. */
  photometric: string;
  /** Bits of the codestream; Bits Allocated in native data and RLE. */
  precision: number;
};

/** Throws GatewayError `pixels.*`; so does the decoder, for each frame. `memoryLimit` in bytes. */
export function frameDecoder(object: DicomObject, description: PixelDescription, memoryLimit: number): FrameDecoder {
  checkFrameFits(description, memoryLimit);
  if (description.codec === 'native') {
    const order = nativeWordSize(object, description);
    const isOdd = order > 1 && nativeFrameBits(description) % (8 * order) !== 0;
    if (isOdd && description.frames > 1) throw unsupported('big endian frames that begin within a word');
    return async (frame) => ({
      ...decodeNative(frame, description, order),
      photometric: colourOf(description.photometric),
    });
  }
  if (description.codec === 'rle') return async (frame) => decodedRle(frame, description);
  return async (frame) => {
    const header =
      description.codec === 'jpeg-2000' || description.codec === 'htj2k' ? jpeg2000Header(frame) : jpegHeader(frame);
    checkHeader(header, description);
    const decoded = await decodeCodestream(frame, description);
    return { ...settled(decoded, description), photometric: colourAfter(description), precision: decoded.precision };
  };
}

/**
 * Bytes of the words that lie in reverse order; 1 in little endian. OW pixel data are words of two bytes whatever Bits
 * Allocated says (PS3.5 A.3); larger samples are numbers themselves.
 */
export function nativeWordSize(object: DicomObject, { bitsAllocated }: PixelDescription): number {
  if (!isBigEndianPixels(object)) return 1;
  const vr = pixelElement(object)?.element.vr ?? 'OW';
  return vr === 'OB' || vr === 'UN' ? Math.max(1, bitsAllocated / 8) : Math.max(wordSize(vr), bitsAllocated / 8);
}

function decodedRle(frame: Buffer, description: PixelDescription): FramePixels {
  const { rows, columns, samples, bitsAllocated, photometric } = description;
  if (bitsAllocated === 1) {
    const bits = decodeRle(frame, Math.ceil((rows * columns * samples) / 8), 1, 1);
    const whole = { ...description, planar: false, subsampled: false };
    return { ...decodeNative(bits.data, whole, 1), photometric };
  }
  const bytesPerSample = (bitsAllocated / 8) as DecodedFrame['bytesPerSample'];
  return { ...decodeRle(frame, rows * columns, samples, bytesPerSample), photometric: colourOf(photometric) };
}

function decodeCodestream(frame: Buffer, description: PixelDescription): Promise<DecodedFrame> {
  switch (description.codec) {
    case 'jpeg':
      return decodeJpeg(frame, description.photometric);
    case 'jpeg-lossless':
      return Promise.resolve().then(() => decodeJpegLossless(frame));
    case 'jpeg-ls':
      return decodeJpegLs(frame);
    default:
      return decodeJpeg2000(frame);
  }
}

function checkHeader(header: CodestreamHeader, { rows, columns, samples, bitsAllocated }: PixelDescription): void {
  const { width, height, components, precision } = header;
  if (width !== columns || height !== rows || components !== samples) {
    throw malformed(
      `a codestream of ${width} x ${height} pixels and ${components} components where ${columns} x ${rows} and ${samples} are due`,
    );
  }
  if (precision > bitsAllocated)
    throw malformed(`a codestream of ${precision} bits where ${bitsAllocated} are allocated`);
}

/** Samples of the codestream's depth and sign to samples of Bits Allocated and Pixel Representation. */
function settled(decoded: DecodedFrame, description: PixelDescription): Pick<FramePixels, 'data' | 'bytesPerSample'> {
  const { bitsAllocated, bitsStored, signed } = description;
  const bytesPerSample = Math.max(1, bitsAllocated / 8) as DecodedFrame['bytesPerSample'];
  const fits = decoded.bytesPerSample === bytesPerSample && decoded.signed === signed;
  if (fits && (!signed || decoded.precision === bitsAllocated)) return { data: decoded.data, bytesPerSample };
  if (bytesPerSample > 4) throw unsupported(`a codestream for ${bitsAllocated} bits allocated`);
  const count = decoded.data.length / decoded.bytesPerSample;
  const data = Buffer.alloc(count * bytesPerSample);
  // The sign of what was encoded without one is the highest of the bits that the data set speaks of.
  const width = decoded.signed ? decoded.precision : Math.max(decoded.precision, bitsStored);
  const unused = 32 - Math.min(width, 32);
  for (let index = 0; index < count; index++) {
    const raw = decoded.data.readUIntLE(index * decoded.bytesPerSample, decoded.bytesPerSample);
    const value = signed ? (raw << unused) >> unused : (raw << unused) >>> unused;
    if (bytesPerSample === 1) data[index] = value & 0xff;
    else if (bytesPerSample === 2) data.writeUInt16LE(value & 0xffff, 2 * index);
    else data.writeInt32LE(value | 0, 4 * index);
  }
  return { data, bytesPerSample };
}

/** After decoding: libjpeg gives RGB, JPEG 2000 undoes its own transforms, the rest keeps what it was. */
function colourAfter({ codec, samples, photometric }: PixelDescription): string {
  if (samples === 3 && codec === 'jpeg') return 'RGB';
  if (photometric === 'YBR_RCT' || photometric === 'YBR_ICT') return 'RGB';
  return colourOf(photometric);
}

/** Decoded chrominance has a value for each pixel. */
const colourOf = (photometric: string) => (/^YBR_FULL_4/.test(photometric) ? 'YBR_FULL' : photometric);
