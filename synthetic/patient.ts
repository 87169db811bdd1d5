/** What every synthetic instance says about its patient and study: plainly nobody. */
import type { Element } from './encode.ts';

export type StudyDescription = {
  seed: number;
  studyDescription: string;
  seriesDescription: string;
  bodyPart: string;
};

/** Patient, General Study, General Series and General Equipment modules (PS3.3 C.7), but for the UIDs and the modality. */
export function commonElements(study: StudyDescription): Element[] {
  const serial = String(study.seed).padStart(6, '0').slice(-6);
  const day = `202601${String(1 + (Math.abs(study.seed) % 28)).padStart(2, '0')}`;
  return [
    { tag: 0x00080005, vr: 'CS', value: 'ISO_IR 100' },
    { tag: 0x00080020, vr: 'DA', value: day },
    { tag: 0x00080021, vr: 'DA', value: day },
    { tag: 0x00080023, vr: 'DA', value: day },
    { tag: 0x00080030, vr: 'TM', value: '101500' },
    { tag: 0x00080031, vr: 'TM', value: '101600' },
    { tag: 0x00080033, vr: 'TM', value: '101600' },
    { tag: 0x00080050, vr: 'SH', value: `SYN${serial}` },
    { tag: 0x00080070, vr: 'LO', value: 'Synthetic Devices' },
    { tag: 0x00080080, vr: 'LO', value: 'Synthetic Hospital' },
    { tag: 0x00080090, vr: 'PN', value: 'Synthetic^Referrer' },
    { tag: 0x00081030, vr: 'LO', value: study.studyDescription },
    { tag: 0x0008103e, vr: 'LO', value: study.seriesDescription },
    { tag: 0x00081090, vr: 'LO', value: 'Phantom' },
    { tag: 0x00100010, vr: 'PN', value: 'Synthetic^Phantom' },
    { tag: 0x00100020, vr: 'LO', value: `SYNTHETIC-${serial}` },
    { tag: 0x00100030, vr: 'DA', value: '19700101' },
    { tag: 0x00100040, vr: 'CS', value: 'O' },
    { tag: 0x00180015, vr: 'CS', value: study.bodyPart },
    { tag: 0x00200010, vr: 'SH', value: `S${serial}` },
    { tag: 0x00200011, vr: 'IS', value: 1 },
  ];
}

export type ImageShape = {
  rows: number;
  columns: number;
  bitsAllocated: 8 | 16;
  bitsStored: number;
  photometric: 'MONOCHROME2' | 'RGB';
  frames?: number;
};

/** Image Pixel and, when there are frames, Multi-frame modules (PS3.3 C.7.6.3, C.7.6.6), but for the pixel data. */
export function imagePixelElements(shape: ImageShape): Element[] {
  const elements: Element[] = [
    { tag: 0x00280002, vr: 'US', value: shape.photometric === 'RGB' ? 3 : 1 },
    { tag: 0x00280004, vr: 'CS', value: shape.photometric },
    { tag: 0x00280010, vr: 'US', value: shape.rows },
    { tag: 0x00280011, vr: 'US', value: shape.columns },
    { tag: 0x00280100, vr: 'US', value: shape.bitsAllocated },
    { tag: 0x00280101, vr: 'US', value: shape.bitsStored },
    { tag: 0x00280102, vr: 'US', value: shape.bitsStored - 1 },
    { tag: 0x00280103, vr: 'US', value: 0 },
  ];
  if (shape.photometric === 'RGB') elements.push({ tag: 0x00280006, vr: 'US', value: 0 });
  if (shape.frames !== undefined) elements.push({ tag: 0x00280008, vr: 'IS', value: shape.frames });
  return elements;
}
