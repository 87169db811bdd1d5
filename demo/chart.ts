/** The picture of a study as it lies in a directory store: read back from there, by nothing of the gateway's own code. */
import { closeSync, openSync, readdirSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { readGreyImage, readInstanceNumber } from './dicomImage.ts';
import { cell, drawOverview, type ProgressSample, type Shown } from './overview.ts';
import { renderGrey } from './picture.ts';
import { decodedPng, shrunk } from './pngFile.ts';

const shownImages = 8;
/** Enough of a file for the elements before Instance Number. */
const headBytes = 8192;

/** At most `count` of the items, evenly spread, first and last included. */
export function spread<T>(items: readonly T[], count: number): T[] {
  if (items.length <= count) return [...items];
  const at = (index: number) => Math.round((index * (items.length - 1)) / Math.max(1, count - 1));
  return Array.from({ length: count }, (_, index) => items[at(index)]).filter((item) => item !== undefined);
}

/** The beginning of a file. */
export function headOf(path: string): Buffer {
  const fd = openSync(path, 'r');
  try {
    const head = Buffer.alloc(headBytes);
    return head.subarray(0, readSync(fd, head, 0, headBytes, 0));
  } finally {
    closeSync(fd);
  }
}

export function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

type Slice = { path: string; number: number };

const picture = (path: string) => shrunk(decodedPng(readFileSync(path)), cell);

/** The preview of an instance has its SOP Instance UID as its name. */
function slicesShown(slices: readonly Slice[], files: readonly string[]): Shown[] {
  const previews = new Map(
    files.filter((path) => /\/previews\/[^/]+\.png$/.test(path)).map((path) => [basename(path, '.png'), path]),
  );
  return spread(slices, shownImages).map(({ path, number }) => {
    const preview = previews.get(basename(path, '.dcm'));
    if (preview !== undefined) return { raster: picture(preview), caption: String(number) };
    const image = readGreyImage(readFileSync(path));
    const shrink = Math.max(1, Math.ceil(Math.max(image.columns, image.rows) / cell));
    return { raster: renderGrey(image, undefined, shrink), caption: String(number) };
  });
}

/** What a data part drew: `key-<why>.png`. */
const keyImages = (files: readonly string[]): Shown[] =>
  files
    .filter((path) => /\/key-[^/]+\.png$/.test(path))
    .sort()
    .map((path) => ({ raster: picture(path), caption: basename(path, '.png').slice('key-'.length).replace('-', ' ') }));

/**
 * Writes a PNG file to `target`: slices spread over all `.dcm` files below `storeDirectory`, by their previews where there are
 * some, key images, and the bytes acknowledged and delivered over time. Throws Error for files that cannot be shown.
 */
export function drawContactSheet(target: string, storeDirectory: string, samples: readonly ProgressSample[]): void {
  const files = filesBelow(storeDirectory);
  const slices = files
    .filter((path) => path.endsWith('.dcm'))
    .map((path) => ({ path, number: readInstanceNumber(headOf(path)) }))
    .sort((a, b) => a.number - b.number);
  const shown = slicesShown(slices, files);
  const keys = keyImages(files);
  const lines = [
    `${slices.length} slices in the store, ${shown.length} of them shown${keys.length === 0 ? '' : `, and ${keys.length} key images`}`,
    'bytes acknowledged and delivered',
  ];
  writeFileSync(
    target,
    drawOverview({ title: 'Read back from the store', lines, images: [...shown, ...keys], samples }),
  );
}
