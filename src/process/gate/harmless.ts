/** Values that say nothing of anybody: what may stand in an attribute whose value had to go. Pure. */
import { bytesIn, type DataElement, type DataSet } from '../../dicom/dataSet/dicomObject.ts';
import { isTextVr } from '../../dicom/dataSet/valueRepresentation.ts';

const words = new Set([
  ...['', 'REMOVED', 'ANONYMIZED', 'ANONYMOUS', 'DEIDENTIFIED', 'UNKNOWN', 'NONE', 'UNDEFINED', 'ABOUT:BLANK'],
  ...['19000101', '000000', '00000000', '19000101000000', '000Y', '0', '0.0'],
]);
const longest = 256;

/** Empty, a word for "nothing here", zeros, or a sequence without anything else. */
export function isHarmless({ value }: DataElement): boolean {
  if (value.kind === 'sequence') return value.items.every(({ dataSet }) => saysNothing(dataSet));
  if (value.kind === 'fragments') return value.fragments.every(({ length }) => length === 0);
  if (value.bytes.length === 0) return true;
  if (value.bytes.length > longest) return false;
  const text = bytesIn(value.bytes).toString('latin1');
  return text.split('\\').every((one) => words.has(one.replaceAll('\0', '').trim().toUpperCase()));
}

const saysNothing = ({ elements }: DataSet): boolean => elements.every(isHarmless);

/** What stands in the place of a content tree, a drawing, a person or an institution that went as a whole. */
const standIns = new Set([
  ...['CONTAINS', 'TEXT', '121106', 'DCM', 'COMMENT', 'PIXEL', 'POINT', 'N', '261665006', 'SCT'],
]);
const graphicLayer = 0x00700002;
/** A point has two coordinates of four bytes: more could be drawing. */
const longestNumbers = 8;

/** A sequence that says no more than that something was here. */
export function isStandIn(one: DataElement): boolean {
  if (isHarmless(one) || one.tag === graphicLayer) return true;
  if (one.value.kind === 'sequence') {
    return one.value.items.length === 1 && one.value.items.every(({ dataSet }) => dataSet.elements.every(isStandIn));
  }
  if (one.value.kind !== 'bytes') return false;
  if (!isTextVr(one.vr)) return one.value.bytes.length <= longestNumbers;
  return (
    one.value.bytes.length <= longest && standIns.has(bytesIn(one.value.bytes).toString('latin1').trim().toUpperCase())
  );
}

/** Our pseudonyms of patients and of AE titles, by their form: the gate has no keys. */
export const isPseudonym = (text: string): boolean => /^P-[0-9A-HJKMNP-TV-Z]{16}$/.test(text);
export const isAePseudonym = (text: string): boolean => /^AE[0-9A-HJKMNP-TV-Z]{12}$/.test(text);
