/**
 * Whether a value is what its VR says (PS3.5 6.2), for VRs whose values are not searched as text: what has not the form of a
 * number, a time or a code could be anything. And the VR of an element that somebody wrote with another one. Pure.
 */
import type { DataElement } from '../dataSet/dicomObject.ts';
import { isPrivate, lookUp } from '../dataSet/dictionary.ts';
import { emptyElement } from '../dataSet/elements.ts';
import { isTextVr } from '../dataSet/valueRepresentation.ts';
import { shiftDate, shiftDateTime } from './dateShift.ts';

/** Lengths beyond those of PS3.5 are common, and say no more. */
const forms: Readonly<Record<string, (value: string) => boolean>> = {
  AS: (value) => /^\d{3}[DWMY]$/.test(value),
  CS: (value) => /^[A-Z0-9_ ]{1,32}$/.test(value),
  DA: (value) => shiftDate(value, 0) !== '' && !/[^\d.-]/.test(value),
  DS: (value) => value.length <= 32 && /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?$/.test(value),
  DT: (value) => shiftDateTime(value, 0) !== '',
  IS: (value) => /^[+-]?\d{1,12}$/.test(value),
  TM: (value) => /^(?:[01]\d|2[0-3])(?::?[0-5]\d(?::?(?:[0-5]\d|60)(?:\.\d{1,6})?)?)?$/.test(value),
  UI: (value) => /^\d{1,64}(?:\.\d{1,64})+$/.test(value) && value.length <= 64,
};

/** Empty values have every form; so has what is of a VR whose values are searched, or binary. */
export const hasForm = (vr: string, value: string): boolean => value === '' || (forms[vr]?.(value) ?? true);

const isNumeric = (vr: string) => vr === 'IS' || vr === 'DS';

/**
 * The element with the VR of the dictionary. A value that cannot be of that VR, as text where a number should be, is emptied;
 * numbers as text stay, and so do bytes of another width. So no VR that somebody wrote makes anything milder.
 */
export function inOwnVr(one: DataElement): DataElement {
  const { tag, vr, value } = one;
  if (value.kind !== 'bytes' || isPrivate(tag)) return one;
  const own = lookUp(tag)?.vr;
  if (own === undefined || own === vr || own === 'UN' || vr === 'UN') return one;
  if (own === 'SQ') return emptyElement(tag, own);
  if (isTextVr(own)) return { ...one, vr: own };
  return !isTextVr(vr) || isNumeric(vr) ? one : emptyElement(tag, own);
}
