/** Stored values out of decoded frames: sample cells of Bits Allocated with a value of Bits Stored in them. Pure. */
import type { FramePixels } from './decodeFrame.ts';
import type { PixelDescription } from './pixelDescription.ts';

/** The value of a cell of up to 16 bits. In codestreams the value always lies at the lowest bit. */
export function cellMapping(description: PixelDescription): (cell: number) => number {
  const { bitsStored, highBit, signed, codec } = description;
  const shift = codec === 'native' || codec === 'rle' ? highBit + 1 - bitsStored : 0;
  const unused = 32 - bitsStored;
  return signed ? (cell) => ((cell >>> shift) << unused) >> unused : (cell) => ((cell >>> shift) << unused) >>> unused;
}

/** The cell at an index, as an unsigned number of its size. */
export function cells({ data, bytesPerSample }: FramePixels): ArrayLike<number> {
  if (bytesPerSample === 1) return data;
  const aligned = data.byteOffset % bytesPerSample === 0 ? data : Buffer.from(data);
  const bytes = aligned.byteOffset % bytesPerSample === 0 ? aligned : new Uint8Array(aligned);
  const count = Math.floor(bytes.length / bytesPerSample);
  if (bytesPerSample === 2) return new Uint16Array(bytes.buffer, bytes.byteOffset, count);
  return new Uint32Array(bytes.buffer, bytes.byteOffset, count);
}

/** Values of any kind of pixel data, float included; 64 bits only as double. */
export function values(description: PixelDescription, pixels: FramePixels): ArrayLike<number> {
  const { data } = pixels;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const count = Math.floor(data.length / pixels.bytesPerSample);
  if (description.kind === 'float')
    return Float32Array.from({ length: count }, (_, at) => view.getFloat32(4 * at, true));
  if (description.kind === 'double')
    return Float64Array.from({ length: count }, (_, at) => view.getFloat64(8 * at, true));
  const value = cellMapping(description);
  const stored = cells(pixels);
  return Float64Array.from({ length: count }, (_, at) => value(stored[at] ?? 0));
}
