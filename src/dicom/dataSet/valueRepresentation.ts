/** Value representations (PS3.5 section 6.2): how their elements are encoded, and what their values are. */

/** Explicit VR: two reserved bytes and a length of 32 bits (PS3.5 table 7.1-1). */
const longForm = ['OB', 'OD', 'OF', 'OL', 'OV', 'OW', 'SQ', 'SV', 'UC', 'UN', 'UR', 'UT', 'UV'];
/** Explicit VR: a length of 16 bits (PS3.5 table 7.1-2). */
const shortForm = [
  ...['AE', 'AS', 'AT', 'CS', 'DA', 'DS', 'DT', 'FD', 'FL', 'IS', 'LO', 'LT'],
  ...['PN', 'SH', 'SL', 'SS', 'ST', 'TM', 'UI', 'UL', 'US'],
];
const longForms = new Set(longForm);
const shortForms = new Set(shortForm);

export const isKnownVr = (vr: string): boolean => longForms.has(vr) || shortForms.has(vr);

/**
 * Whether the length of an element in Explicit VR has 32 bits. VRs to come will have that (PS3.5 6.2, note to table 7.1-1),
 * so any two capital letters that are unknown are taken for one; what is no VR at all is taken for the short form, as DCMTK
 * does: old modalities that wrote `??` or spaces there wrote 16 bits.
 */
export const hasLongForm = (vr: string): boolean =>
  longForms.has(vr) || (!shortForms.has(vr) && isCapital(vr.charCodeAt(0)) && isCapital(vr.charCodeAt(1)));

const isCapital = (code: number) => code >= 0x41 && code <= 0x5a;

export type VrForm = { vr: string; long: boolean };

const forms = new Map<number, VrForm>(
  [...longForm, ...shortForm].map((vr) => [
    vr.charCodeAt(0) * 0x100 + vr.charCodeAt(1),
    { vr, long: longForms.has(vr) },
  ]),
);

/** The VR of the two bytes of an element's header, the first one times 256. */
export function vrForm(code: number): VrForm {
  const known = forms.get(code);
  if (known !== undefined) return known;
  const vr = String.fromCharCode(code >>> 8, code & 0xff);
  return { vr, long: hasLongForm(vr) };
}

/** Bytes of one value of a binary VR; 1 for bytes whose order does not matter. AT is two numbers of two bytes. */
const wordSizes = new Map<string, number>([
  ...(['AT', 'OW', 'SS', 'US'] as const).map((vr) => [vr, 2] as const),
  ...(['FL', 'OF', 'OL', 'SL', 'UL'] as const).map((vr) => [vr, 4] as const),
  ...(['FD', 'OD', 'OV', 'SV', 'UV'] as const).map((vr) => [vr, 8] as const),
]);
export const wordSize = (vr: string): number => wordSizes.get(vr) ?? 1;

const textVrs = new Set([
  ...['AE', 'AS', 'CS', 'DA', 'DS', 'DT', 'IS', 'LO', 'LT', 'PN'],
  ...['SH', 'ST', 'TM', 'UC', 'UI', 'UR', 'UT'],
]);
export const isTextVr = (vr: string): boolean => textVrs.has(vr);

/** VRs whose text is in the character set of (0008,0005); the others are ASCII (PS3.5 6.1.2.2). */
const characterSetVrs = new Set(['LO', 'LT', 'PN', 'SH', 'ST', 'UC', 'UT']);
export const hasCharacterSet = (vr: string): boolean => characterSetVrs.has(vr);

/** Text in which a backslash is a character, and which has one value only (PS3.5 6.2). */
const singleTextVrs = new Set(['LT', 'ST', 'UR', 'UT']);
export const isSingleText = (vr: string): boolean => singleTextVrs.has(vr);

/** What pads a value to an even length. */
export const paddingOf = (vr: string): number => (isTextVr(vr) && vr !== 'UI' ? 0x20 : 0);
