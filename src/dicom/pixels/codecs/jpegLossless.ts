/** JPEG lossless, Process 14 (PS3.5 8.2.1; transfer syntaxes .57 and .70) through jpeg-lossless-decoder-js. */
import { Decoder } from 'jpeg-lossless-decoder-js';
import { describeError } from '../../../base/errors.ts';
import { jpegHeader } from '../codestreamHeader.ts';
import { malformed, unsupported } from '../pixelErrors.ts';
import type { DecodedFrame } from './codec.ts';

export function decodeJpegLossless(bytes: Buffer): DecodedFrame {
  const { colour, components, precision, width, height } = jpegHeader(bytes);
  if (colour.process !== 3) throw unsupported(`JPEG process SOF${colour.process} as JPEG lossless`);
  if (components !== 1 && !(components === 3 && precision === 8)) {
    throw unsupported(`JPEG lossless with ${components} components of ${precision} bits`);
  }
  const bytesPerSample = precision > 8 ? 2 : 1;
  const whole = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer;
  let data: Buffer;
  try {
    const decoded = new Decoder().decode(whole, 0, whole.byteLength, bytesPerSample);
    if (!decoded) throw malformed('JPEG lossless: no picture in it');
    data = Buffer.from(decoded.buffer, decoded.byteOffset, decoded.byteLength);
  } catch (error) {
    throw malformed(`JPEG lossless: ${describeError(error)}`, error);
  }
  if (data.length !== width * height * components * bytesPerSample)
    throw malformed('JPEG lossless: decoding stopped early');
  return { data, bytesPerSample, precision, signed: false };
}
