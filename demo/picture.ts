/** From an image in a Part 10 file to grey pixels that a screen can show. */
import { type GreyImage, readGreyImage } from './dicomImage.ts';
import { encodePng, type Raster } from './png.ts';

/** In the image's own units; what the file says is used when left out. */
export type Window = { center: number; width: number };

/** For lungs the usual window is wide and low; the file's own suits soft tissue. */
export const lungWindow: Window = { center: -500, width: 1500 };

/** The linear VOI LUT function (PS3.3 C.11.2.1.2) to 0..255, at `1/shrink` of the size by averaging. */
export function renderGrey(image: GreyImage, window?: Window, shrink = 1): Raster {
  const center = window?.center ?? image.windowCenter;
  const range = Math.max(1, (window?.width ?? image.windowWidth) - 1);
  const width = Math.floor(image.columns / shrink);
  const height = Math.floor(image.rows / shrink);
  const pixels = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let total = 0;
      for (let dy = 0; dy < shrink; dy++) {
        for (let dx = 0; dx < shrink; dx++) {
          total += image.values[(y * shrink + dy) * image.columns + x * shrink + dx] ?? 0;
        }
      }
      const level = (total / (shrink * shrink) - (center - 0.5)) / range + 0.5;
      pixels[y * width + x] = Math.round(255 * Math.max(0, Math.min(1, level)));
    }
  }
  return { width, height, channels: 1, pixels };
}

/** A PNG file of the CT slice in a Part 10 file. Throws Error for files that it cannot show. */
export function pictureOf(part10: Uint8Array, window?: Window): Buffer {
  return encodePng(renderGrey(readGreyImage(part10), window));
}
