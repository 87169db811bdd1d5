/** Pictures of 8 bits, grey or RGB: their size, and PNG and JPEG of them. */
import { encode } from 'fast-png';
import { encodeJpeg } from './codecs/jpeg.ts';

export type Picture = { width: number; height: number; channels: 1 | 3; data: Uint8Array };

/**
 * Within `maxEdge` pixels each way, by averaging; never enlarged, except that pixels which are not square
 * (`aspect`: height of one by its width) are stretched the longer way.
 */
export function fitted(picture: Picture, maxEdge: number, aspect: number): Picture {
  const wide = picture.width * Math.max(1 / aspect, 1);
  const high = picture.height * Math.max(aspect, 1);
  const scale = Math.min(1, maxEdge / Math.max(wide, high));
  const width = Math.max(1, Math.round(wide * scale));
  const height = Math.max(1, Math.round(high * scale));
  if (width === picture.width && height === picture.height) return picture;
  return scaledDown(picture, width, height);
}

/** Each new pixel is the mean of those it covers; of the one it lies in, where pixels are stretched. */
function scaledDown(picture: Picture, width: number, height: number): Picture {
  const { channels } = picture;
  const data = new Uint8Array(width * height * channels);
  const columns = spans(picture.width, width);
  const rows = spans(picture.height, height);
  let to = 0;
  for (const [top, bottom] of rows) {
    for (const [left, right] of columns) {
      for (let channel = 0; channel < channels; channel++) {
        let sum = 0;
        for (let y = top; y < bottom; y++) {
          let from = (y * picture.width + left) * channels + channel;
          for (let x = left; x < right; x++, from += channels) sum += picture.data[from] ?? 0;
        }
        data[to++] = Math.round(sum / ((bottom - top) * (right - left)));
      }
    }
  }
  return { width, height, channels, data };
}

function spans(from: number, to: number): Array<[start: number, end: number]> {
  return Array.from({ length: to }, (_, index) => {
    const start = Math.floor((index * from) / to);
    return [start, Math.max(start + 1, Math.floor(((index + 1) * from) / to))];
  });
}

export const toPng = ({ width, height, channels, data }: Picture): Buffer =>
  Buffer.from(encode({ width, height, channels, data, depth: 8 }));

/** Smaller than this the encoder has too little room: the picture is enlarged by whole pixels. */
const leastJpegEdge = 32;

export function toJpeg(picture: Picture): Promise<Buffer> {
  const factor = Math.ceil(leastJpegEdge / Math.min(picture.width, picture.height));
  const { width, height, channels, data } =
    factor > 1 ? scaledDown(picture, picture.width * factor, picture.height * factor) : picture;
  return encodeJpeg(Buffer.from(data.buffer, data.byteOffset, data.byteLength), width, height, channels);
}
