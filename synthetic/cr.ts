import { createInstance, type SyntheticInstance } from './instance.ts';
import { commonElements, imagePixelElements } from './patient.ts';
import { createRandom, noiseTable } from './random.ts';
import { sopClasses, syntheticUid, transferSyntaxes } from './uids.ts';

export type CrOptions = {
  seed?: number;
  /** Images in the study. Default 1. */
  images?: number;
  /** Default 3000 x 2500: 15 MB. */
  rows?: number;
  columns?: number;
  transferSyntaxUid?: string;
};

const rowsAtOnce = 64;

/** Brightness in [0, 1] of a chest radiograph at x, y in [-1, 1]: lungs are dark, bone and heart are light. */
function radiograph(x: number, y: number): number {
  const body = Math.abs(x) < 0.86 - 0.1 * y ? 0.55 : 0.08;
  const lung = (cx: number) => Math.max(0, 1 - ((x - cx) / 0.34) ** 2 - ((y + 0.05) / 0.66) ** 2);
  const lungs = Math.sqrt(Math.max(lung(-0.4), lung(0.4)));
  const heart = Math.max(0, 1 - ((x - 0.14) / 0.28) ** 2 - ((y - 0.28) / 0.34) ** 2);
  const spine = Math.exp(-((x / 0.09) ** 2)) * (0.8 + 0.2 * Math.cos(y * 40));
  const ribs = lungs > 0 ? 0.08 * Math.max(0, Math.cos(y * 28 + 6 * x * x)) : 0;
  return Math.min(1, body - 0.42 * lungs + 0.3 * Math.sqrt(heart) + 0.22 * spine + ribs);
}

function* crPixels(rows: number, columns: number, seed: number): Generator<Uint8Array> {
  const random = createRandom(seed);
  const noise = noiseTable(random, 16384);
  for (let first = 0; first < rows; first += rowsAtOnce) {
    const count = Math.min(rowsAtOnce, rows - first);
    const block = Buffer.allocUnsafe(count * columns * 2);
    let at = 0;
    for (let row = first; row < first + count; row++) {
      const y = ((row + 0.5) / rows) * 2 - 1;
      let n = Math.floor(random() * noise.length);
      for (let column = 0; column < columns; column++) {
        n = (n + 1) & 16383;
        const light = radiograph(((column + 0.5) / columns) * 2 - 1, y) + 0.012 * (noise[n] ?? 0);
        at = block.writeUInt16LE(Math.max(0, Math.min(16383, Math.round(light * 16383))), at);
      }
    }
    yield block;
  }
}

/** A study of computed radiographs, about 15 MB each. */
export function* crStudy(options: CrOptions = {}): Generator<SyntheticInstance> {
  const { seed = 1, images = 1, rows = 3000, columns = 2500 } = options;
  for (let index = 0; index < images; index++) {
    yield createInstance({
      sopClassUid: sopClasses.crImage,
      sopInstanceUid: syntheticUid('cr', seed, 'instance', index),
      studyInstanceUid: syntheticUid('cr', seed, 'study'),
      seriesInstanceUid: syntheticUid('cr', seed, 'series'),
      transferSyntaxUid: options.transferSyntaxUid ?? transferSyntaxes.explicitLittleEndian,
      modality: 'CR',
      number: index + 1,
      elements: [
        ...commonElements({
          seed,
          studyDescription: 'Synthetic chest',
          seriesDescription: 'Phantom PA',
          bodyPart: 'CHEST',
        }),
        ...imagePixelElements({ rows, columns, bitsAllocated: 16, bitsStored: 14, photometric: 'MONOCHROME2' }),
        { tag: 0x00080008, vr: 'CS', value: ['ORIGINAL', 'PRIMARY'] },
        { tag: 0x00181164, vr: 'DS', value: ['0.14', '0.14'] },
        { tag: 0x00185101, vr: 'CS', value: 'PA' },
        { tag: 0x00200020, vr: 'CS', value: ['L', 'F'] },
        { tag: 0x00281050, vr: 'DS', value: '8000' },
        { tag: 0x00281051, vr: 'DS', value: '14000' },
      ],
      pixels: { vr: 'OW', length: rows * columns * 2, chunks: () => crPixels(rows, columns, seed * 1009 + index) },
    });
  }
}
