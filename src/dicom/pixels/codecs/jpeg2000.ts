/**
 * JPEG 2000 (PS3.5 8.2.4) through OpenJPEG, which decodes HTJ2K as well: slower than OpenJPH, but right for every number
 * of components, and an independent judge of what OpenJPH encodes (htj2k.ts).
 */
import { jpeg2000Header, jpeg2000Start } from '../codestreamHeader.ts';
import { malformed, unsupported } from '../pixelErrors.ts';
import type { DecodedFrame } from './codec.ts';
import { type Embound, using, wasmCodec } from './wasmModule.ts';

type Decoder = Embound & {
  getEncodedBuffer(length: number): Uint8Array;
  getDecodedBuffer(): Uint8ClampedArray;
  decode(): void;
  getFrameInfo(): { width: number; height: number; bitsPerSample: number; componentCount: number; isSigned: boolean };
};
type Classes = { J2KDecoder: new () => Decoder };

const codec = wasmCodec<Classes>(
  'JPEG 2000 (OpenJPEG)',
  '@cornerstonejs/codec-openjpeg/decodewasmjs',
  '@cornerstonejs/codec-openjpeg/decodewasm',
);

export async function decodeJpeg2000(bytes: Buffer): Promise<DecodedFrame> {
  const { precision, width, height, components } = jpeg2000Header(bytes);
  if (precision > 16) throw unsupported(`JPEG 2000 of ${precision} bits`);
  // The boxes of a JP2 file may order a colour conversion; the data set alone speaks of colours.
  const codestream = bytes.subarray(jpeg2000Start(bytes));
  return codec.run(({ J2KDecoder }) =>
    using(new J2KDecoder(), (decoder) => {
      decoder.getEncodedBuffer(codestream.length).set(codestream);
      decoder.decode();
      const { bitsPerSample, isSigned } = decoder.getFrameInfo();
      const data = Buffer.from(decoder.getDecodedBuffer());
      const bytesPerSample = bitsPerSample > 8 ? 2 : 1;
      if (data.length !== width * height * components * bytesPerSample)
        throw malformed('JPEG 2000: decoding stopped early');
      return { data, bytesPerSample, precision: bitsPerSample, signed: isSigned };
    }),
  );
}
