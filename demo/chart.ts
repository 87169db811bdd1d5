/** The picture of a study as it lies in a directory store: read back from there, by nothing of the gateway's own code. */
import { closeSync, openSync, readdirSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readGreyImage, readInstanceNumber } from './dicomImage.ts';
import { drawOverview, type ProgressSample } from './overview.ts';

const shownImages = 8;
/** Enough of a file for the elements before Instance Number. */
const headBytes = 8192;

/** At most `count` of the items, evenly spread, first and last included. */
export function spread<T>(items: readonly T[], count: number): T[] {
  if (items.length <= count) return [...items];
  const at = (index: number) => Math.round((index * (items.length - 1)) / Math.max(1, count - 1));
  return Array.from({ length: count }, (_, index) => items[at(index)]).filter((item) => item !== undefined);
}

function headOf(path: string): Buffer {
  const fd = openSync(path, 'r');
  try {
    const head = Buffer.alloc(headBytes);
    return head.subarray(0, readSync(fd, head, 0, headBytes, 0));
  } finally {
    closeSync(fd);
  }
}

/**
 * Writes a PNG file to `picture`: slices spread over all `.dcm` files below `storeDirectory`, and the bytes acknowledged and
 * delivered over time. Throws Error for files that cannot be shown.
 */
export function drawContactSheet(picture: string, storeDirectory: string, samples: readonly ProgressSample[]): void {
  const slices = readdirSync(storeDirectory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.dcm'))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ path, number: readInstanceNumber(headOf(path)) }))
    .sort((a, b) => a.number - b.number);
  const images = spread(slices, shownImages).map(({ path }) => readGreyImage(readFileSync(path)));
  const lines = [
    `${slices.length} slices in the store, ${images.length} of them shown`,
    'bytes acknowledged and delivered',
  ];
  writeFileSync(picture, drawOverview({ title: 'Read back from the store', lines, images, samples }));
}
