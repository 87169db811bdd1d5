import { glyphHeight, glyphWidth, isDotSet } from './font.ts';
import type { Raster } from './png.ts';

/** Red, green, blue in 0..255. */
export type Colour = readonly [number, number, number];

export type Rectangle = { x: number; y: number; width: number; height: number };

/** Pixels to draw on. What lies outside is cut off. */
export class Canvas {
  readonly raster: Raster;

  constructor(width: number, height: number, background: Colour) {
    this.raster = { width, height, channels: 3, pixels: new Uint8Array(width * height * 3) };
    this.fill({ x: 0, y: 0, width, height }, background);
  }

  #set(x: number, y: number, colour: Colour): void {
    const { width, height, pixels } = this.raster;
    if (x < 0 || y < 0 || x >= width || y >= height) return;
    pixels.set(colour, (y * width + x) * 3);
  }

  fill({ x, y, width, height }: Rectangle, colour: Colour): void {
    for (let row = Math.round(y); row < Math.round(y + height); row++) {
      for (let column = Math.round(x); column < Math.round(x + width); column++) this.#set(column, row, colour);
    }
  }

  /** Copies a picture with its upper left corner at x, y. */
  place(picture: Raster, x: number, y: number): void {
    const { width, height, channels, pixels } = picture;
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        const at = (row * width + column) * channels;
        const first = pixels[at] ?? 0;
        const colour: Colour =
          channels === 1 ? [first, first, first] : [first, pixels[at + 1] ?? 0, pixels[at + 2] ?? 0];
        this.#set(x + column, y + row, colour);
      }
    }
  }

  /** Straight lines between the points. */
  line(points: ReadonlyArray<{ x: number; y: number }>, colour: Colour, thickness = 2): void {
    points.forEach((to, index) => {
      const from = points[index - 1];
      if (!from) return;
      const steps = Math.max(1, Math.ceil(Math.hypot(to.x - from.x, to.y - from.y)));
      for (let step = 0; step <= steps; step++) {
        const x = from.x + ((to.x - from.x) * step) / steps;
        const y = from.y + ((to.y - from.y) * step) / steps;
        this.fill({ x: x - thickness / 2, y: y - thickness / 2, width: thickness, height: thickness }, colour);
      }
    });
  }

  /** `x`, `y` is the upper left corner; a letter is 4 x 5 dots of `size` pixels. */
  write(text: string, x: number, y: number, colour: Colour, size = 2): void {
    [...text].forEach((letter, index) => {
      for (let row = 0; row < glyphHeight; row++) {
        for (let column = 0; column < glyphWidth; column++) {
          if (!isDotSet(letter, column, row)) continue;
          const left = x + (index * (glyphWidth + 1) + column) * size;
          this.fill({ x: left, y: y + row * size, width: size, height: size }, colour);
        }
      }
    });
  }
}

/** Pixels that `text` is wide. */
export function textWidth(text: string, size = 2): number {
  return [...text].length * (glyphWidth + 1) * size - size;
}
