/**
 * The data dictionary (PS3.6): VR and keyword of a tag. Of dcmjs only its dictionary module is loaded, which takes a third of the
 * time of the whole package, and only when a tag is asked for the first time.
 */
import { createRequire } from 'node:module';

export type DictionaryEntry = { vr: string; keyword: string };
type Dictionary = typeof import('dcmjs/dictionary');

/**
 * The dictionary's words for VRs that depend on the rest of the data set: which VR Implicit VR data have then (PS3.5 A.1).
 * `xs` (US or SS) is decided by Pixel Representation, see `vrIn`.
 */
const dependingVrs = new Map([
  ['ox', 'OW'],
  ['xs', 'US'],
  ['lt', 'OW'],
  ['up', 'UL'],
  ['na', 'UN'],
]);

let entries: Map<number, DictionaryEntry> | undefined;
/** Elements that exist in each even group of a range: by the element of the group that begins it. */
let repeating: Array<{ first: number; last: number; mask: number; entry: DictionaryEntry }> = [];
const signedness = new Set<number>();

function load(): Map<number, DictionaryEntry> {
  const { default: dictionary } = createRequire(import.meta.url)('dcmjs/dictionary') as Dictionary;
  const loaded = new Map<number, DictionaryEntry>();
  repeating = [];
  for (const [key, { vr, name }] of Object.entries(dictionary)) {
    if (vr === undefined || key.includes('"')) continue;
    const entry = { vr: dependingVrs.get(vr) ?? vr, keyword: name.replace(/^RETIRED_/, '') };
    const [, group = '', groups, element = '', elements] =
      /^\(([0-9A-F]{4})(-[0-9A-F]{4})?,([0-9A-F]{4})(-[0-9A-F]{4})?\)$/.exec(key) ?? [];
    if (group === '') continue;
    const tag = Number.parseInt(group + element, 16);
    if (vr === 'xs') signedness.add(tag);
    if (groups === undefined && elements === undefined) loaded.set(tag, entry);
    else addRange(tag, groups, elements, entry);
  }
  return loaded;
}

function addRange(
  first: number,
  groups: string | undefined,
  elements: string | undefined,
  entry: DictionaryEntry,
): void {
  const lastGroup = groups === undefined ? first >>> 16 : Number.parseInt(groups.slice(1), 16);
  const lastElement = elements === undefined ? first & 0xffff : Number.parseInt(elements.slice(1), 16);
  repeating.push({ first, last: lastGroup * 0x10000 + lastElement, mask: elements === undefined ? 0xffff : 0, entry });
}

export const isPrivate = (tag: number): boolean => (tag & 0x10000) !== 0;
/** (gggg,0010-00FF) of an odd group: reserves (gggg,xx00-xxFF) for whom it names (PS3.5 7.8.1). */
export const isPrivateCreator = (tag: number): boolean =>
  isPrivate(tag) && (tag & 0xffff) >= 0x0010 && (tag & 0xffff) <= 0x00ff;
export const isGroupLength = (tag: number): boolean => (tag & 0xffff) === 0;

/** The element that reserves the block of a private element (PS3.5 7.8.1); undefined when no element can. */
export function creatorTagOf(tag: number): number | undefined {
  const block = (tag >>> 8) & 0xff;
  if (!isPrivate(tag) || block < 0x10) return undefined;
  return (tag >>> 16) * 0x10000 + block;
}

const groupLength: DictionaryEntry = { vr: 'UL', keyword: 'GenericGroupLength' };
const privateCreator: DictionaryEntry = { vr: 'LO', keyword: 'PrivateCreator' };

/** undefined for private elements and for what PS3.6 does not know. */
export function lookUp(tag: number): DictionaryEntry | undefined {
  entries ??= load();
  const entry = entries.get(tag);
  if (entry !== undefined) return entry;
  if (isGroupLength(tag)) return groupLength;
  if (isPrivate(tag)) return isPrivateCreator(tag) ? privateCreator : undefined;
  for (const { first, last, mask, entry: found } of repeating) {
    if (tag >= first && tag <= last && ((tag ^ first) & mask) === 0) return found;
  }
  return undefined;
}

/** The VR of a tag; 'UN' when it is not known. */
export const vrOf = (tag: number): string => lookUp(tag)?.vr ?? 'UN';

/** The VR of a tag in Implicit VR data whose Pixel Representation (0028,0103) is signed or not. */
export function implicitVr(tag: number, signed: boolean): string {
  const vr = vrOf(tag);
  return signed && signedness.has(tag) ? 'SS' : vr;
}

/** The keyword of PS3.6, `PatientName`; undefined when it is not known. */
export const keywordOf = (tag: number): string | undefined => lookUp(tag)?.keyword;
