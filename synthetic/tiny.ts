import { createInstance, type SyntheticInstance } from './instance.ts';
import { commonElements, imagePixelElements } from './patient.ts';
import { createRandom } from './random.ts';
import { sopClasses, syntheticUid, transferSyntaxes } from './uids.ts';

export type TinyOptions = { instances: number; seed?: number; transferSyntaxUid?: string };

const rows = 48;
const columns = 64;

function gradient(seed: number): Uint8Array {
  const random = createRandom(seed);
  const pixels = Buffer.alloc(rows * columns * 2);
  for (let i = 0; i < rows * columns; i++) {
    const value = (i % columns) * 40 + Math.floor(i / columns) * 24 + Math.floor(random() * 60);
    pixels.writeUInt16LE(value, i * 2);
  }
  return pixels;
}

/** A study of secondary captures of 64 x 48 pixels, about 7 kB each: where the cost of an instance is not its bytes. */
export function* tinyStudy(options: TinyOptions): Generator<SyntheticInstance> {
  const { instances, seed = 1 } = options;
  for (let index = 0; index < instances; index++) {
    yield createInstance({
      sopClassUid: sopClasses.secondaryCapture,
      sopInstanceUid: syntheticUid('tiny', seed, 'instance', index),
      studyInstanceUid: syntheticUid('tiny', seed, 'study'),
      seriesInstanceUid: syntheticUid('tiny', seed, 'series'),
      transferSyntaxUid: options.transferSyntaxUid ?? transferSyntaxes.explicitLittleEndian,
      modality: 'OT',
      number: index + 1,
      elements: [
        ...commonElements({
          seed,
          studyDescription: 'Synthetic test',
          seriesDescription: 'Gradient',
          bodyPart: 'PHANTOM',
        }),
        ...imagePixelElements({ rows, columns, bitsAllocated: 16, bitsStored: 12, photometric: 'MONOCHROME2' }),
        { tag: 0x00080008, vr: 'CS', value: ['DERIVED', 'SECONDARY'] },
        { tag: 0x00080064, vr: 'CS', value: 'SYN' },
        { tag: 0x00200020, vr: 'CS', value: '' },
        { tag: 0x00281050, vr: 'DS', value: '2048' },
        { tag: 0x00281051, vr: 'DS', value: '4096' },
      ],
      pixels: { vr: 'OW', length: rows * columns * 2, chunks: () => [gradient(seed * 7919 + index)] },
    });
  }
}
