/** What an object says of its own de-identification (PS3.15 E.1.1): without that nobody can rely on it. Pure. */
import { bytesIn, type DataSet, type DicomObject, element } from '../../dicom/dataSet/dicomObject.ts';
import type { DeidentifyOption } from '../application.ts';
import type { GateFinding } from '../engine/gate.ts';

/** PS3.16 CID 7050. */
const profile = '113100';
const codes: Readonly<Record<DeidentifyOption, string>> = {
  cleanPixelData: '113101',
  cleanGraphics: '113103',
  cleanStructuredContent: '113104',
  cleanDescriptors: '113105',
  retainFullDates: '113106',
  retainModifiedDates: '113107',
  retainPatientCharacteristics: '113108',
  retainDeviceIdentity: '113109',
  retainUids: '113110',
  retainSafePrivate: '113111',
  retainInstitutionIdentity: '113112',
};

export function checkMarks({ dataSet }: DicomObject, options: ReadonlySet<DeidentifyOption>): GateFinding[] {
  const findings: GateFinding[] = [];
  const missing = (reason: string) => findings.push({ code: 'gate.not-marked', reason });
  if (textOf(dataSet, 0x00120062) !== 'YES') missing('(0012,0062) Patient Identity Removed is not YES');
  if (textOf(dataSet, 0x00120063) === '') missing('(0012,0063) De-identification Method is missing');
  const sequence = element(dataSet, 0x00120064)?.value;
  const found = sequence?.kind === 'sequence' ? sequence.items.map((item) => textOf(item.dataSet, 0x00080100)) : [];
  const wanted = [profile, ...[...options].map((option) => codes[option])];
  for (const code of wanted) if (!found.includes(code)) missing(`(0012,0064) does not have code ${code}`);
  if (found.some((code) => !wanted.includes(code))) missing('(0012,0064) has a code of an option that was not chosen');
  const dates = options.has('retainFullDates')
    ? 'UNMODIFIED'
    : options.has('retainModifiedDates')
      ? 'MODIFIED'
      : 'REMOVED';
  if (textOf(dataSet, 0x00280303) !== dates) missing(`(0028,0303) is not ${dates}`);
  return findings;
}

function textOf(dataSet: DataSet, tag: number): string {
  const value = element(dataSet, tag)?.value;
  if (value?.kind !== 'bytes' || value.bytes.length > 1024) return '';
  return bytesIn(value.bytes)
    .toString('latin1')
    .replace(/[\0 ]+$/, '');
}
