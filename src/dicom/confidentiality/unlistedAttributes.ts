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
  /** The meaning of a code: the same, less strictly. */
  | 'watch-meaning'
  /** A code string: what is not of its form is cleaned, too. */
  | 'watch-code'
  /** A number that is somebody's number, as where a series has the patient's, or none at all: emptied. */
  | 'watch-number';

const codeMeaning = 0x00080104;
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

/** Offset tables (pixelEncapsulation.ts) and the three kinds of pixels. */
const pixelGroup = new Set([0x7fe00001, 0x7fe00002, 0x7fe00003, 0x7fe00008, 0x7fe00009, 0x7fe00010]);

/**
 * Commands, file meta information and directories of media; retired code tables (1000,xxxx) and zonal maps (1010,xxxx); retired
 * (7Fxx,0010) Variable Pixel Data and coefficients, which are pictures that no rule speaks of.
 */
function isForeign(tag: number): boolean {
  const group = tag >>> 16;
  if (group < 0x0008 || group === 0x1000 || group === 0x1010) return true;
  return tag >>> 24 === 0x7f && !pixelGroup.has(tag);
}

/** `one` is neither private nor in a table. */
export function unlistedTreatment(
  one: DataElement,
  options: ReadonlySet<ProfileOption>,
  inItem: boolean,
): UnlistedTreatment {
  const { tag, vr } = one;
  // Group lengths, and what has no place in an image or may be text in a bitmap.
  if ((tag & 0xffff) === 0 || isForeign(tag) || isOverlay(tag) || isCurve(tag)) return 'remove';
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
    case 'IS':
      return 'watch-number';
    case 'CS':
      return 'watch-code';
    default:
      if (!isTextVr(vr)) return 'keep';
      if (tag === codeMeaning) return 'watch-meaning';
      return isSingleText(vr) ? 'watch-closely' : 'watch';
  }
}
