/** Objects to de-identify, made by hand. */
import {
  type ConfidentialityRules,
  type Deidentified,
  Deidentifier,
} from '../../../src/dicom/confidentiality/deidentify.ts';
import type { ProfileOption } from '../../../src/dicom/confidentiality/profileOptions.ts';
import type { DataElement, DataSet, DicomObject } from '../../../src/dicom/dataSet/dicomObject.ts';
import { element, makeElement, makeItem, stringValues } from '../../../src/dicom/dataSet/elements.ts';
import { encodingOf } from '../../../src/dicom/dataSet/transferSyntax.ts';

export const keys = { uid: Buffer.alloc(32, 1), dateShift: Buffer.alloc(32, 2), pseudonym: Buffer.alloc(32, 3) };
export const ctImage = '1.2.840.10008.5.1.4.1.1.2';
export const explicitLittleEndian = '1.2.840.10008.1.2.1';

export function objectOf(
  elements: DataElement[],
  sopClassUid = ctImage,
  transferSyntaxUid = explicitLittleEndian,
): DicomObject {
  const base = [
    makeElement(0x00080016, 'UI', sopClassUid),
    makeElement(0x00080018, 'UI', '1.2.3.4.5'),
    makeElement(0x0020000d, 'UI', '1.2.3.4'),
  ].filter(({ tag }) => !elements.some((one) => one.tag === tag));
  return {
    meta: { sopClassUid, sopInstanceUid: '1.2.3.4.5', transferSyntaxUid },
    encoding: encodingOf(transferSyntaxUid),
    dataSet: { elements: [...base, ...elements].sort((a, b) => a.tag - b.tag) },
  };
}

export function apply(object: DicomObject, options: ProfileOption[] = [], more: Partial<ConfidentialityRules> = {}) {
  return new Deidentifier({ options, burnedIn: [], safePrivate: [], ...more }, keys).apply(object);
}

export function passed(
  object: DicomObject,
  options: ProfileOption[] = [],
  more: Partial<ConfidentialityRules> = {},
): Deidentified {
  const result = apply(object, options, more);
  if ('kind' in result) throw new Error(`refused: ${result.reason}`);
  return result;
}

export function cleaned(elements: DataElement[], options: ProfileOption[] = [], sopClassUid = ctImage): DataSet {
  return passed(objectOf(elements, sopClassUid), options).object.dataSet;
}

export const text = (dataSet: DataSet | undefined, tag: number): string | undefined =>
  dataSet && element(dataSet, tag) ? stringValues(dataSet, tag).join('\\') : undefined;

export const sequence = (tag: number, ...items: DataElement[][]): DataElement =>
  makeElement(tag, 'SQ', items.map(makeItem));

/** Of a sequence, its items. */
export function itemsOf(dataSet: DataSet, tag: number): DataSet[] {
  const value = element(dataSet, tag)?.value;
  return value?.kind === 'sequence' ? value.items.map((item) => item.dataSet) : [];
}

export { element, makeElement };
