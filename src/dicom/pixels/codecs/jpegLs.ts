/** JPEG-LS (PS3.5 8.2.3, ISO/IEC 14495-1) through CharLS. */
import { malformed, unsupported } from '../pixelErrors.ts';
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
  checkScans(bytes);
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

/**
 * CharLS counts zero bits for minutes where data end in the middle of a code: so they end with EOI, and no marker is within
 * them that has no business there. What passes nevertheless is ended by the time limit of whoever runs this.
 */
function checkScans(bytes: Buffer): void {
  let at = jpegHeaderEnd(bytes);
  let scans = 0;
  while (at + 1 < bytes.length) {
    if (bytes[at] !== 0xff || (bytes[at + 1] ?? 0) < 0x80) {
      at = bytes.indexOf(0xff, at + 1);
      if (at < 0) break;
      continue;
    }
    const marker = bytes[at + 1] ?? 0;
    if (marker === 0xd9 && scans > 0) return;
    if (marker === 0xff || (marker >= 0xd0 && marker <= 0xd7)) at += marker === 0xff ? 1 : 2;
    else if (at + 4 <= bytes.length && isSegment(marker)) {
      if (marker === 0xda) scans += 1;
      at += 2 + bytes.readUInt16BE(at + 2);
    } else break;
  }
  throw malformed('JPEG-LS: the data end too early or hold stray markers');
}

/** SOI has no length. */
const jpegHeaderEnd = (bytes: Buffer) => (bytes.length >= 2 && bytes.readUInt16BE(0) === 0xffd8 ? 2 : bytes.length);

/** SOF55, SOS, DNL, DRI, LSE, APPn, COM. */
const isSegment = (marker: number) =>
  [0xf7, 0xda, 0xdc, 0xdd, 0xf8, 0xfe].includes(marker) || (marker >= 0xe0 && marker <= 0xef);

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
