/**
 * What is done with attributes that no row of a table names. They are the standard's and hold technique, so they stay; but what
 * cannot be judged goes, and what their VR makes dangerous is treated as its like in table E.1-1. Pure.
 */
import type { DataElement } from '../dataSet/dicomObject.ts';
import { lookUp } from '../dataSet/dictionary.ts';
import { isSingleText, isTextVr } from '../dataSet/valueRepresentation.ts';
import { classUids, vocabularyUrls } from './ownRules.ts';
import type { ProfileOption } from './profileOptions.ts';
import { isCurve, isOverlay } from './profileTable.ts';

export type UnlistedTreatment =
  | 'remove'
  | 'empty'
  | 'keep'
  | 'replace-uid'
  | 'shift-date'
  | 'replace-ae'
  /** Stays unless it mentions somebody. */
  | 'watch'
  /** The same, and also when there is what looks like a date, a number or an address. */
  | 'watch-closely'
  /** A number that is somebody's number, as where a series has the patient's: emptied. */
  | 'watch-number';

const vocabulary = new Map<number, string>();
const unknown = '';

/** The dictionary's VR, '' for tags that it does not know. Asked once for a tag. */
function dictionaryVr(tag: number): string {
  const known = vocabulary.get(tag);
  if (known !== undefined) return known;
  const vr = lookUp(tag)?.vr ?? unknown;
  if (vocabulary.size < 20_000) vocabulary.set(tag, vr);
  return vr;
}

/** Code strings by which everything else is read: what they may say is laid down, and a patient may be called Text. */
const structural = new Set([
  0x00080005, 0x00080008, 0x00080060, 0x00080064, 0x00280004, 0x00280301, 0x0040a010, 0x0040a040, 0x0040a050,
  0x0040a301, 0x00700005, 0x00700023, 0x30060042,
]);

/** `one` is neither private nor in a table. */
export function unlistedTreatment(
  one: DataElement,
  options: ReadonlySet<ProfileOption>,
  inItem: boolean,
): UnlistedTreatment {
  const { tag, vr } = one;
  // Group lengths; commands and file meta information, which have no place in a data set; bitmaps that may be text.
  if ((tag & 0xffff) === 0 || tag < 0x00040000 || isOverlay(tag) || isCurve(tag)) return 'remove';
  // A picture within a picture: nobody looks at it, and no rule speaks of it.
  if (inItem && tag >>> 16 === 0x7fe0) return 'remove';
  const known = dictionaryVr(tag);
  // What PS3.6 does not know, as far as we do, could be anything.
  if (known === unknown || (known === 'UN' && vr === 'UN')) return 'remove';
  if (one.value.kind !== 'bytes') return 'keep';
  return byVr(tag, vr === 'UN' || !isTextVr(vr) ? known : vr, options);
}

function byVr(tag: number, vr: string, options: ReadonlySet<ProfileOption>): UnlistedTreatment {
  switch (vr) {
    case 'UI':
      return classUids.has(tag) || options.has('retainUids') ? 'keep' : 'replace-uid';
    case 'DA':
    case 'DT':
    case 'TM':
      if (options.has('retainFullDates')) return 'keep';
      return options.has('retainModifiedDates') ? 'shift-date' : 'empty';
    case 'PN':
      return 'empty';
    case 'AS':
      return options.has('retainPatientCharacteristics') ? 'keep' : 'remove';
    case 'AE':
      return options.has('retainDeviceIdentity') ? 'replace-ae' : 'remove';
    case 'UR':
      return vocabularyUrls.has(tag) ? 'watch' : 'remove';
    case 'SQ': // and yet no sequence: nobody can look into it
      return 'remove';
    case 'DS':
      return 'keep';
    case 'IS':
      return 'watch-number';
    case 'CS':
      return structural.has(tag) ? 'keep' : 'watch';
    default:
      if (!isTextVr(vr)) return 'keep';
      return isSingleText(vr) ? 'watch-closely' : 'watch';
  }
}
