/** JPEG baseline and extended of 8 bits (PS3.5 8.2.1; .50 and .51) through libjpeg-turbo; encoding for previews. */
import { type JpegColour, jpegHeader } from '../codestreamHeader.ts';
import { unsupported } from '../pixelErrors.ts';
import type { DecodedFrame } from './codec.ts';
import { type Embound, using, wasmCodec } from './wasmModule.ts';

type FrameInfo = { width: number; height: number; bitsPerSample: number; componentCount: number; isSigned: boolean };

type Decoder = Embound & {
  getEncodedBuffer(length: number): Uint8Array;
  getDecodedBuffer(): Uint8Array;
  decode(): void;
};
type Encoder = Embound & {
  getDecodedBuffer(info: FrameInfo): Uint8Array;
  getEncodedBuffer(): Uint8Array;
  setQuality(quality: number): void;
  setProgressive(progressive: number): void;
  encode(): void;
};
type Classes = { JPEGDecoder: new () => Decoder; JPEGEncoder: new () => Encoder };

const codec = wasmCodec<Classes>(
  'JPEG (libjpeg-turbo)',
  '@cornerstonejs/codec-libjpeg-turbo-8bit/wasmjs',
  '@cornerstonejs/codec-libjpeg-turbo-8bit/wasm',
);

/** Colour comes out as RGB, whatever it was stored as. */
export async function decodeJpeg(bytes: Buffer, photometric: string): Promise<DecodedFrame> {
  const { colour, components, precision } = jpegHeader(bytes);
  if (colour.process > 2) throw unsupported(`JPEG process SOF${colour.process}`);
  if (precision !== 8) throw unsupported(`JPEG of ${precision} bits`);
  if (components !== 1 && components !== 3) throw unsupported(`JPEG with ${components} components`);
  const input = components === 3 ? withColourSaid(bytes, storedAsYcbcr(photometric, colour)) : bytes;
  return codec.run(({ JPEGDecoder }) =>
    using(new JPEGDecoder(), (decoder) => {
      decoder.getEncodedBuffer(input.length).set(input);
      decoder.decode();
      return { data: Buffer.from(decoder.getDecodedBuffer()), bytesPerSample: 1, precision: 8, signed: false };
    }),
  );
}

/**
 * YBR in the data set is believed. RGB is not when the file itself says otherwise: many write RGB over what their JPEG
 * library had turned into YCbCr.
 */
function storedAsYcbcr(photometric: string, { jfif, adobeTransform, componentIds }: JpegColour): boolean {
  if (photometric !== 'RGB') return true;
  if (adobeTransform !== undefined) return adobeTransform !== 0;
  return jfif && String.fromCharCode(...componentIds) !== 'RGB';
}

const adobe = (transform: number) =>
  Buffer.from([0xff, 0xee, 0, 14, 0x41, 0x64, 0x6f, 0x62, 0x65, 0, 100, 0, 0, 0, 0, transform]);

/** libjpeg decides about colour by markers: those that are there give way to one that says what is so. */
function withColourSaid(bytes: Buffer, ycbcr: boolean): Buffer {
  const pieces: Buffer[] = [bytes.subarray(0, 2), adobe(ycbcr ? 1 : 0)];
  let at = 2;
  while (at + 4 <= bytes.length && bytes[at] === 0xff) {
    const marker = bytes.readUInt8(at + 1);
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    if (marker < 0xe0 || marker > 0xef) break;
    const end = at + 2 + bytes.readUInt16BE(at + 2);
    if (marker !== 0xe0 && marker !== 0xee) pieces.push(bytes.subarray(at, end));
    at = end;
  }
  pieces.push(bytes.subarray(at));
  return Buffer.concat(pieces);
}

/**
 * A picture of 8 bits, 1 or 3 components. The encoder gives its output as much room as its input takes, which is too
 * little for small or noisy pictures; so it is told of deeper samples than there are.
 */
export async function encodeJpeg(pixels: Buffer, width: number, height: number, components: number): Promise<Buffer> {
  const blocks = Math.ceil(width / 16) * 16 * Math.ceil(height / 16) * 16;
  const room = blocks * 6 + 4096;
  const bitsPerSample = Math.min(248, 8 * Math.ceil(room / pixels.length));
  return codec.run(({ JPEGEncoder }) =>
    using(new JPEGEncoder(), (encoder) => {
      encoder
        .getDecodedBuffer({ width, height, bitsPerSample, componentCount: components, isSigned: false })
        .set(pixels);
      encoder.setQuality(90);
      encoder.setProgressive(0);
      encoder.encode();
      return Buffer.from(encoder.getEncodedBuffer());
    }),
  );
}
