/** Native pixel data (PS3.5 8.1.1, Annex D) to little endian, pixel by pixel. Pure. */
import type { PixelDescription } from '../pixelDescription.ts';
import { malformed } from '../pixelErrors.ts';
import type { DecodedFrame } from './codec.ts';
import { interleavedByPlane } from './planes.ts';

/** `wordSize`: of the words that big endian data are made of, by the VR of the element; 1 in little endian. */
export function decodeNative(frame: Buffer, description: PixelDescription, wordSize: number): DecodedFrame {
  const { bitsAllocated, samples, planar, frameBytes, signed, subsampled } = description;
  const ordered = wordSize > 1 ? swapped(frame, wordSize) : frame;
  if (bitsAllocated === 1) {
    return {
      data: unpacked(ordered, description.rows * description.columns * samples),
      bytesPerSample: 1,
      precision: 1,
      signed,
    };
  }
  const bytesPerSample = (bitsAllocated / 8) as DecodedFrame['bytesPerSample'];
  if (subsampled) {
    if (bytesPerSample !== 1) throw malformed(`subsampled colour of ${bitsAllocated} bits`);
    return { data: upsampled(ordered, frameBytes), bytesPerSample, precision: bitsAllocated, signed };
  }
  const whole = ordered.subarray(0, frameBytes);
  const data = planar ? interleavedByPlane(whole, samples, bytesPerSample) : whole;
  return { data, bytesPerSample, precision: bitsAllocated, signed };
}

function swapped(bytes: Buffer, wordSize: number): Buffer {
  const moved = Buffer.alloc(bytes.length);
  for (let at = 0; at < bytes.length; at++) {
    const within = at % wordSize;
    moved[at] = bytes[at - within + wordSize - 1 - within] ?? 0;
  }
  return moved;
}

/** One byte for each bit, the least significant first. */
export function unpacked(bits: Buffer, count: number): Buffer {
  const bytes = Buffer.alloc(count);
  for (let at = 0; at < count; at++) bytes[at] = ((bits[at >> 3] ?? 0) >> (at & 7)) & 1;
  return bytes;
}

export function packed(bytes: Buffer): Buffer {
  const bits = Buffer.alloc(Math.ceil(bytes.length / 8));
  for (let at = 0; at < bytes.length; at++) if (bytes[at]) bits[at >> 3] = (bits[at >> 3] ?? 0) | (1 << (at & 7));
  return bits;
}

/** Y1 Y2 Cb Cr for two pixels to Y Cb Cr for each (PS3.3 C.7.6.3.1.2, YBR_FULL_422). */
function upsampled(frame: Buffer, frameBytes: number): Buffer {
  const pixels = Buffer.alloc(frameBytes);
  for (let from = 0, to = 0; to < frameBytes; from += 4, to += 6) {
    const [y1 = 0, y2 = 0, cb = 0, cr = 0] = frame.subarray(from, from + 4);
    pixels.set([y1, cb, cr, y2, cb, cr].slice(0, frameBytes - to), to);
  }
  return pixels;
}
