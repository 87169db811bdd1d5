/** JPEG-LS (PS3.5 8.2.3, ISO/IEC 14495-1) through CharLS. */
import { unsupported } from '../pixelErrors.ts';
import type { DecodedFrame, FrameShape } from './codec.ts';
import { interleavedByPlane } from './planes.ts';
import { type Embound, using, wasmCodec } from './wasmModule.ts';

type FrameInfo = { width: number; height: number; bitsPerSample: number; componentCount: number };

type Decoder = Embound & {
  getEncodedBuffer(length: number): Uint8Array;
  getDecodedBuffer(): Uint8Array;
  decode(): void;
  getFrameInfo(): FrameInfo;
  getInterleaveMode(): number;
  getNearLossless(): number;
};
type Encoder = Embound & {
  getDecodedBuffer(info: FrameInfo): Uint8Array;
  getEncodedBuffer(): Uint8Array;
  setNearLossless(near: number): void;
  setInterleaveMode(mode: number): void;
  encode(): void;
};
type Classes = { JpegLSDecoder: new () => Decoder; JpegLSEncoder: new () => Encoder };

const codec = wasmCodec<Classes>(
  'JPEG-LS (CharLS)',
  '@cornerstonejs/codec-charls/wasmjs',
  '@cornerstonejs/codec-charls/wasm',
);

const interleave = { none: 0, line: 1, sample: 2 } as const;

/** Why a frame of this shape cannot be encoded; undefined when it can. Signs are the data set's affair. */
export function cannotEncodeJpegLs({ components, precision }: FrameShape): string | undefined {
  if (components !== 1 && components !== 3) return `${components} samples a pixel`;
  if (precision < 2 || precision > 16) return `${precision} bits`;
  return undefined;
}

export async function decodeJpegLs(bytes: Buffer): Promise<DecodedFrame & { near: number }> {
  return codec.run(({ JpegLSDecoder }) =>
    using(new JpegLSDecoder(), (decoder) => {
      decoder.getEncodedBuffer(bytes.length).set(bytes);
      decoder.decode();
      const { componentCount, bitsPerSample } = decoder.getFrameInfo();
      const bytesPerSample = bitsPerSample > 8 ? 2 : 1;
      const raw = Buffer.from(decoder.getDecodedBuffer());
      const mode = componentCount === 1 ? interleave.sample : decoder.getInterleaveMode();
      let data: Buffer = raw;
      if (mode === interleave.none) data = interleavedByPlane(raw, componentCount, bytesPerSample);
      return { data, bytesPerSample, precision: bitsPerSample, signed: false, near: decoder.getNearLossless() };
    }),
  );
}

/** Lossless; the components of a pixel side by side (ILV 2). */
export async function encodeJpegLs(frame: Buffer, shape: FrameShape): Promise<Buffer> {
  const reason = cannotEncodeJpegLs(shape);
  if (reason !== undefined) throw unsupported(`JPEG-LS: ${reason}`);
  const { width, height, components, precision } = shape;
  return codec.run(({ JpegLSEncoder }) =>
    using(new JpegLSEncoder(), (encoder) => {
      encoder.getDecodedBuffer({ width, height, bitsPerSample: precision, componentCount: components }).set(frame);
      encoder.setNearLossless(0);
      encoder.setInterleaveMode(components > 1 ? interleave.sample : interleave.none);
      encoder.encode();
      return Buffer.from(encoder.getEncodedBuffer());
    }),
  );
}
