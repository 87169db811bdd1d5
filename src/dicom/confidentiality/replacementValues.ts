/** Dummy values (action D): valid for their VR, the same for everybody. Pure. */
import type { DataElement } from '../dataSet/dicomObject.ts';
import { effectiveVr, makeElement } from '../dataSet/elements.ts';

export const dummyText = 'REMOVED';

const dummies: Readonly<Record<string, string | number[] | Buffer>> = {
  AE: dummyText,
  AS: '000Y',
  CS: dummyText,
  DA: '19000101',
  DS: '0',
  DT: '19000101000000',
  IS: '0',
  LO: dummyText,
  LT: dummyText,
  PN: dummyText,
  SH: dummyText,
  ST: dummyText,
  TM: '000000',
  UC: dummyText,
  UR: 'about:blank',
  UT: dummyText,
  FD: [0],
  FL: [0],
  SL: [0],
  SS: [0],
  UL: [0],
  US: [0],
};

/** In the place of `one`, which is no sequence. What somebody made UN gets its own VR back. */
export function dummyElement(one: DataElement): DataElement {
  const vr = effectiveVr(one);
  return makeElement(one.tag, vr, dummies[vr] ?? Buffer.alloc(2));
}
