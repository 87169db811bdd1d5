import { ctPixels } from './ctPhantom.ts';
import { createInstance, type SyntheticInstance } from './instance.ts';
import { commonElements, imagePixelElements } from './patient.ts';
import { createRandom } from './random.ts';
import { sopClasses, syntheticUid, transferSyntaxes } from './uids.ts';

export type CtStudyOptions = {
  slices: number;
  /** Another seed is another patient and another study. Default 1. */
  seed?: number;
  /** Default 512. */
  rows?: number;
  columns?: number;
  transferSyntaxUid?: string;
};

/** A study of one chest CT series, about 525 kB a slice, made slice by slice as it is asked for. */
export function* ctStudy(options: CtStudyOptions): Generator<SyntheticInstance> {
  const { slices, seed = 1, rows = 512, columns = 512 } = options;
  const spacing = 360 / columns;
  const shift = (createRandom(seed)() - 0.5) * 0.04;
  const common = [
    ...commonElements({
      seed,
      studyDescription: 'Synthetic chest',
      seriesDescription: 'Phantom axial',
      bodyPart: 'CHEST',
    }),
    ...imagePixelElements({ rows, columns, bitsAllocated: 16, bitsStored: 12, photometric: 'MONOCHROME2' }),
  ];
  for (let index = 0; index < slices; index++) {
    const z = slices > 1 ? index / (slices - 1) : 0.5;
    const position = 300 * (0.5 - z);
    yield createInstance({
      sopClassUid: sopClasses.ctImage,
      sopInstanceUid: syntheticUid('ct', seed, 'instance', index),
      studyInstanceUid: syntheticUid('ct', seed, 'study'),
      seriesInstanceUid: syntheticUid('ct', seed, 'series'),
      transferSyntaxUid: options.transferSyntaxUid ?? transferSyntaxes.explicitLittleEndian,
      modality: 'CT',
      number: index + 1,
      elements: [
        ...common,
        { tag: 0x00080008, vr: 'CS', value: ['ORIGINAL', 'PRIMARY', 'AXIAL'] },
        { tag: 0x00180050, vr: 'DS', value: '1.0' },
        { tag: 0x00180060, vr: 'DS', value: '120' },
        { tag: 0x00185100, vr: 'CS', value: 'HFS' },
        { tag: 0x00200012, vr: 'IS', value: 1 },
        { tag: 0x00200032, vr: 'DS', value: ['-180', '-180', position.toFixed(2)] },
        { tag: 0x00200037, vr: 'DS', value: ['1', '0', '0', '0', '1', '0'] },
        { tag: 0x00200052, vr: 'UI', value: syntheticUid('ct', seed, 'frame of reference') },
        { tag: 0x00201040, vr: 'LO', value: '' },
        { tag: 0x00201041, vr: 'DS', value: position.toFixed(2) },
        { tag: 0x00280030, vr: 'DS', value: [spacing.toFixed(6), spacing.toFixed(6)] },
        { tag: 0x00281050, vr: 'DS', value: '40' },
        { tag: 0x00281051, vr: 'DS', value: '400' },
        { tag: 0x00281052, vr: 'DS', value: '-1024' },
        { tag: 0x00281053, vr: 'DS', value: '1' },
        { tag: 0x00281054, vr: 'LO', value: 'HU' },
      ],
      pixels: {
        vr: 'OW',
        length: rows * columns * 2,
        chunks: () => [ctPixels({ columns, rows, z, shift, random: createRandom(seed * 100_003 + index) })],
      },
    });
  }
}
