/** The Basic Application Level Confidentiality Profile and its options (PS3.15 E.2, E.3), with their codes (PS3.16 CID 7050). */

export type ProfileOption =
  | 'retainUids'
  | 'retainDeviceIdentity'
  | 'retainInstitutionIdentity'
  | 'retainPatientCharacteristics'
  | 'retainFullDates'
  | 'retainModifiedDates'
  | 'cleanDescriptors'
  | 'cleanGraphics'
  | 'cleanStructuredContent'
  | 'retainSafePrivate'
  | 'cleanPixelData';

export type ProfileCode = { value: string; meaning: string };

/** Coding scheme DCM. */
export const basicProfileCode: ProfileCode = { value: '113100', meaning: 'Basic Application Confidentiality Profile' };

export const optionCodes: Readonly<Record<ProfileOption, ProfileCode>> = {
  cleanPixelData: { value: '113101', meaning: 'Clean Pixel Data Option' },
  cleanGraphics: { value: '113103', meaning: 'Clean Graphics Option' },
  cleanStructuredContent: { value: '113104', meaning: 'Clean Structured Content Option' },
  cleanDescriptors: { value: '113105', meaning: 'Clean Descriptors Option' },
  retainFullDates: { value: '113106', meaning: 'Retain Longitudinal Temporal Information Full Dates Option' },
  retainModifiedDates: { value: '113107', meaning: 'Retain Longitudinal Temporal Information Modified Dates Option' },
  retainPatientCharacteristics: { value: '113108', meaning: 'Retain Patient Characteristics Option' },
  retainDeviceIdentity: { value: '113109', meaning: 'Retain Device Identity Option' },
  retainUids: { value: '113110', meaning: 'Retain UIDs Option' },
  retainSafePrivate: { value: '113111', meaning: 'Retain Safe Private Option' },
  retainInstitutionIdentity: { value: '113112', meaning: 'Retain Institution Identity Option' },
};

/** Codes of what was applied, ascending: the profile first. */
export function codesOf(options: ReadonlySet<ProfileOption>): ProfileCode[] {
  const chosen = [...options].map((option) => optionCodes[option]);
  return [basicProfileCode, ...chosen.sort((a, b) => (a.value < b.value ? -1 : 1))];
}
