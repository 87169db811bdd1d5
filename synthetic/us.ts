import { createInstance, type SyntheticInstance } from './instance.ts';
import { commonElements, imagePixelElements } from './patient.ts';
import { createRandom, noiseTable } from './random.ts';
import { sopClasses, syntheticUid, transferSyntaxes } from './uids.ts';

export type UsOptions = {
  seed?: number;
  /** Default 200: with 640 x 480 in RGB about 184 MB. */
  frames?: number;
  rows?: number;
  columns?: number;
  photometric?: 'RGB' | 'MONOCHROME2';
  transferSyntaxUid?: string;
};

/** For each pixel of the fan its depth and angle, and -1 outside of it: the same for all frames. */
function fanGeometry(rows: number, columns: number): { depth: Float32Array; angle: Float32Array } {
  const depth = new Float32Array(rows * columns).fill(-1);
  const angle = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const x = (column + 0.5 - columns / 2) / rows;
      const y = (row + 0.5) / rows - 0.03;
      const radius = Math.hypot(x, y);
      const theta = Math.atan2(x, y);
      if (radius < 0.05 || radius > 0.92 || Math.abs(theta) > 0.65) continue;
      depth[row * columns + column] = radius;
      angle[row * columns + column] = theta;
    }
  }
  return { depth, angle };
}

/** One frame at a time: a beating chamber behind speckle. */
function* usFrames(rows: number, columns: number, frames: number, samples: 1 | 3, seed: number): Generator<Uint8Array> {
  const { depth, angle } = fanGeometry(rows, columns);
  const random = createRandom(seed);
  const speckle = noiseTable(random, 32768);
  for (let index = 0; index < frames; index++) {
    const frame = Buffer.alloc(rows * columns * samples);
    const beat = 0.13 + 0.035 * Math.sin((index / 20) * 2 * Math.PI);
    let n = Math.floor(random() * speckle.length);
    for (let pixel = 0; pixel < depth.length; pixel++) {
      const radius = depth[pixel] ?? -1;
      if (radius < 0) continue;
      n = (n + 1) & 32767;
      const distance = Math.hypot(radius - 0.5, (angle[pixel] ?? 0) * 0.45) - beat;
      const tissue = distance < 0 ? 14 : 90 * Math.exp(-radius) + 120 * Math.exp(-((distance / 0.02) ** 2));
      const grey = Math.max(0, Math.min(255, tissue * (1 + 0.45 * (speckle[n] ?? 0))));
      frame.fill(grey, pixel * samples, pixel * samples + samples);
    }
    yield frame;
  }
}

/** One multi-frame ultrasound run, about 180 MB. Use `chunks()`: it is one frame in memory then. */
export function usMultiFrame(options: UsOptions = {}): SyntheticInstance {
  const { seed = 1, frames = 200, rows = 480, columns = 640, photometric = 'RGB' } = options;
  const samples = photometric === 'RGB' ? 3 : 1;
  return createInstance({
    sopClassUid: sopClasses.ultrasoundMultiFrame,
    sopInstanceUid: syntheticUid('us', seed, 'instance'),
    studyInstanceUid: syntheticUid('us', seed, 'study'),
    seriesInstanceUid: syntheticUid('us', seed, 'series'),
    transferSyntaxUid: options.transferSyntaxUid ?? transferSyntaxes.explicitLittleEndian,
    modality: 'US',
    number: 1,
    elements: [
      ...commonElements({
        seed,
        studyDescription: 'Synthetic heart',
        seriesDescription: 'Phantom run',
        bodyPart: 'HEART',
      }),
      ...imagePixelElements({ rows, columns, bitsAllocated: 8, bitsStored: 8, photometric, frames }),
      { tag: 0x00080008, vr: 'CS', value: ['ORIGINAL', 'PRIMARY'] },
      { tag: 0x00181063, vr: 'DS', value: '33.3' },
      { tag: 0x00200020, vr: 'CS', value: '' },
      { tag: 0x00280009, vr: 'AT', value: 0x00181063 },
      { tag: 0x00282110, vr: 'CS', value: '00' },
    ],
    pixels: {
      vr: 'OB',
      length: rows * columns * samples * frames,
      chunks: () => usFrames(rows, columns, frames, samples, seed),
    },
  });
}
