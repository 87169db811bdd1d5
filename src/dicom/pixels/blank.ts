/** Blanks rectangles in a frame as it lies in memory. Pure: changes the bytes it is given and no others. */
import type { PixelDescription } from './pixelDescription.ts';

/** Pixels; the first pixel of an image is 0, 0. */
export type Region = { x: number; y: number; width: number; height: number };

type Layout = Pick<
  PixelDescription,
  'rows' | 'columns' | 'samples' | 'bitsAllocated' | 'bitsStored' | 'planar' | 'photometric' | 'subsampled'
> & {
  /** Bytes of the words whose bytes are in reverse order; 1: little endian. */
  wordSize: number;
};

/** Whole pixels within the image; none for what lies beside it. Fractions are blanked with their whole pixel. */
export function clipped({ x, y, width, height }: Region, { rows, columns }: Pick<Layout, 'rows' | 'columns'>) {
  const left = Math.max(0, Math.floor(x));
  const top = Math.max(0, Math.floor(y));
  const right = Math.min(columns, Math.ceil(x + width));
  const bottom = Math.min(rows, Math.ceil(y + height));
  return right > left && bottom > top ? [{ left, top, right, bottom }] : [];
}

/**
 * Black in most images: cells of zeros, chrominance of none in YBR. `firstBit`: where the frame begins in `bytes`, which
 * begin with a whole word.
 */
export function blank(bytes: Buffer, layout: Layout, regions: Region[], firstBit = 0): void {
  const { columns, subsampled, bitsAllocated } = layout;
  for (const { left, top, right, bottom } of regions.flatMap((region) => clipped(region, layout))) {
    for (let row = top; row < bottom; row++) {
      const [from, to] = [row * columns + left, row * columns + right];
      if (bitsAllocated === 1) blankBits(bytes, layout, firstBit, from, to);
      else if (subsampled) blankPairs(bytes, layout, firstBit / 8, from, to);
      else blankCells(bytes, layout, firstBit / 8, from, to);
    }
  }
}

/** Where a byte of a row of bytes lies among words. */
function place(at: number, { wordSize }: Layout): number {
  const within = at % wordSize;
  return wordSize === 1 ? at : at - within + wordSize - 1 - within;
}

function blankCells(bytes: Buffer, layout: Layout, start: number, from: number, to: number): void {
  const { columns, rows, samples, planar, bitsAllocated, bitsStored, photometric } = layout;
  const size = bitsAllocated / 8;
  for (let pixel = from; pixel < to; pixel++) {
    for (let sample = 0; sample < samples; sample++) {
      const cell = planar ? sample * rows * columns + pixel : pixel * samples + sample;
      const value = sample > 0 && photometric.startsWith('YBR') ? 2 ** (bitsStored - 1) : 0;
      for (let byte = 0; byte < size; byte++) {
        bytes[place(start + cell * size + byte, layout)] = Math.floor(value / 2 ** (8 * byte)) & 0xff;
      }
    }
  }
}

function blankBits(bytes: Buffer, layout: Layout, firstBit: number, from: number, to: number): void {
  for (let bit = firstBit + from * layout.samples; bit < firstBit + to * layout.samples; bit++) {
    const at = place(bit >> 3, layout);
    bytes[at] = (bytes[at] ?? 0) & ~(1 << (bit & 7));
  }
}

/** Y1 Y2 Cb Cr: chrominance goes with either pixel. */
function blankPairs(bytes: Buffer, layout: Layout, start: number, from: number, to: number): void {
  for (let pixel = from; pixel < to; pixel++) {
    const pair = start + (pixel >> 1) * 4;
    bytes[place(pair + (pixel & 1), layout)] = 0;
    bytes[place(pair + 2, layout)] = 128;
    bytes[place(pair + 3, layout)] = 128;
  }
}
