/**
 * HTJ2K (PS3.5 8.2.14, ISO/IEC 15444-15) through OpenJPH: encoding, and a quick look at what was encoded.
 *
 * Its decoder judges nothing but our own codestreams, and those of one component only:
 * - It makes a picture of a codestream that is cut short or damaged, without an error. OpenJPEG (jpeg2000.ts), which
 *   decodes HTJ2K as well, notices.
 * - Where there is no colour transform, the wrapper passes lines in the order of pixels where the library wants them
 *   component by component. The decoder makes the same mistake, so what is written looks right to itself alone.
 *   `inLibraryOrder` undoes that before encoding, and OpenJPEG judges what comes of it.
 */

import { unsupported } from '../pixelErrors.ts';
import type { DecodedFrame, FrameShape } from './codec.ts';
import type { Embound } from './wasmModule.ts';
import { using, wasmCodec } from './wasmModule.ts';

type FrameInfo = { width: number; height: number; bitsPerSample: number; componentCount: number; isSigned: boolean };

type Decoder = Embound & {
  getEncodedBuffer(length: number): Uint8Array;
  getDecodedBuffer(): Uint8Array;
  decode(): void;
  getFrameInfo(): FrameInfo;
};
type Encoder = Embound & {
  getDecodedBuffer(info: FrameInfo & { isUsingColorTransform: boolean }): Uint8Array;
  getEncodedBuffer(): Uint8Array;
  setQuality(lossless: boolean, step: number): void;
  encode(): void;
};
type Classes = { HTJ2KDecoder: new () => Decoder; HTJ2KEncoder: new () => Encoder };

const codec = wasmCodec<Classes>(
  'HTJ2K (OpenJPH)',
  '@cornerstonejs/codec-openjph/wasmjs',
  '@cornerstonejs/codec-openjph/wasm',
);

/** Why a frame of this shape cannot be encoded; undefined when it can. */
export function cannotEncodeHtj2k(shape: FrameShape): string | undefined {
  const { components, precision, signed } = shape;
  if (components !== 1 && components !== 3) return `${components} samples a pixel`;
  if (precision > 16) return `${precision} bits`;
  if (signed && precision <= 8) return 'signed values of 8 bits or fewer';
  if (components === 3 && precision !== 8) return `colour of ${precision} bits`;
  return undefined;
}

/** One component of up to 16 bits, as encoded here. */
export async function decodeHtj2kMonochrome(bytes: Buffer): Promise<DecodedFrame> {
  return codec.run(({ HTJ2KDecoder }) =>
    using(new HTJ2KDecoder(), (decoder) => {
      decoder.getEncodedBuffer(bytes.length).set(bytes);
      decoder.decode();
      const { bitsPerSample, isSigned } = decoder.getFrameInfo();
      const data = Buffer.from(decoder.getDecodedBuffer());
      return { data, bytesPerSample: bitsPerSample > 8 ? 2 : 1, precision: bitsPerSample, signed: isSigned };
    }),
  );
}

/** Lossless. With `colourTransform` (RCT) the photometric interpretation becomes YBR_RCT. */
export async function encodeHtj2k(frame: Buffer, shape: FrameShape, colourTransform: boolean): Promise<Buffer> {
  const reason = cannotEncodeHtj2k(shape);
  if (reason !== undefined) throw unsupported(`HTJ2K: ${reason}`);
  const { width, height, components, precision, signed } = shape;
  const input = components > 1 && !colourTransform ? inLibraryOrder(frame, shape) : frame;
  return codec.run(({ HTJ2KEncoder }) =>
    using(new HTJ2KEncoder(), (encoder) => {
      const info = { width, height, bitsPerSample: precision, componentCount: components, isSigned: signed };
      encoder.getDecodedBuffer({ ...info, isUsingColorTransform: colourTransform }).set(input);
      encoder.setQuality(true, 0);
      encoder.encode();
      return Buffer.from(encoder.getEncodedBuffer());
    }),
  );
}

/**
 * The wrapper hands over line after line: component 0 of row 0, component 1 of row 0, ... The library takes the lines for
 * all rows of component 0, then all of component 1. Line n goes where the wrapper looks for it. 8 bits a sample.
 */
function inLibraryOrder(frame: Buffer, { width, height, components }: FrameShape): Buffer {
  const moved = Buffer.alloc(frame.length);
  const row = width * components;
  for (let line = 0; line < height * components; line++) {
    const to = Math.floor(line / components) * row + (line % components);
    const from = (line % height) * row + Math.floor(line / height);
    for (let x = 0; x < row; x += components) moved[to + x] = frame[from + x] ?? 0;
  }
  return moved;
}
