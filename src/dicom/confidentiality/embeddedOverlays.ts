/**
 * Overlays that lie in bits of Pixel Data which the image does not use (retired; PS3.5-2004 8.1.2). Removing group 60xx would
 * take the key and leave the drawing, which may be text. Pure.
 */
import { type DataSet, lengthOf } from '../dataSet/dicomObject.ts';
import { rawWord } from './pixelFacts.ts';
import { isOverlay } from './profileTable.ts';

const [rows, bitsAllocated, bitPosition, data] = [0x0010, 0x0100, 0x0102, 0x3000];

/** Whether one is said to be there; attributes that cannot be read say so too. */
export function hasEmbeddedOverlay({ elements }: DataSet, encoding: { littleEndian: boolean }): boolean {
  const groups = new Map<number, { described: boolean; separate: boolean }>();
  for (const one of elements) {
    if (!isOverlay(one.tag)) continue;
    const group = groups.get(one.tag >>> 16) ?? { described: false, separate: false };
    groups.set(one.tag >>> 16, group);
    const isEmpty = one.value.kind === 'bytes' && lengthOf(one.value.bytes) === 0;
    switch (one.tag & 0xffff) {
      case bitPosition:
        if ((rawWord(one, encoding) ?? 0) !== 0) return true;
        break;
      case bitsAllocated:
        if ((rawWord(one, encoding) ?? 1) !== 1) return true;
        break;
      case rows:
        group.described ||= !isEmpty;
        break;
      case data:
        group.separate ||= !isEmpty;
        break;
    }
  }
  return [...groups.values()].some(({ described, separate }) => described && !separate);
}
