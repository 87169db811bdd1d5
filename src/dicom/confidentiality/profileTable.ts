/** Table E.1-1 of DICOM PS3.15 2026d: what the Basic Profile and its options do with an attribute, by its tag. Pure. */
import { isPrivate } from '../dataSet/dictionary.ts';
import { ownRules } from './ownRules.ts';
import type { ProfileOption } from './profileOptions.ts';
import { removedAttributes } from './removedAttributes.ts';
import { replacedAttributes } from './replacedAttributes.ts';

export const profileEdition = 'DICOM PS3.15 2026d';

/**
 * Table E.1-1a: X remove, Z empty, D replace by a dummy, U replace the UID; of a combination the mildest that leaves the IOD
 * valid: X for Type 3, Z for Type 2, D for Type 1. `X/Z/U*`: U of the UIDs within a sequence of Type 1.
 */
export type BasicAction = 'X' | 'X/Z' | 'X/D' | 'X/Z/D' | 'X/Z/U*' | 'Z' | 'Z/D' | 'D' | 'U';
/** K keep, C clean. */
export type OptionAction = 'K' | 'C';
export type ProfileRow = { basic: BasicAction; options: Partial<Record<ProfileOption, OptionAction>> };

const basicActions: ReadonlySet<string> = new Set(['X', 'X/Z', 'X/D', 'X/Z/D', 'X/Z/U*', 'Z', 'Z/D', 'D', 'U']);

function rowOf(line: string): ProfileRow {
  const [basic = '', ...words] = line.split(' ');
  if (!basicActions.has(basic)) throw new Error(`table E.1-1: no action ${basic}`);
  const options: ProfileRow['options'] = {};
  for (const word of words.flatMap((one) => (one === 'dates' ? ['retainFullDates=K', 'retainModifiedDates=C'] : one))) {
    const [option, action] = word.split('=') as [ProfileOption, OptionAction];
    options[option] = action;
  }
  return { basic: basic as BasicAction, options };
}

function rowsOf(...texts: string[]): Map<number, ProfileRow> {
  const rows = new Map<number, ProfileRow>();
  let row: ProfileRow | undefined;
  for (const line of texts.join('\n').split('\n').filter(Boolean)) {
    const [, group, elements] = /^ {2}([0-9A-F]{4}):((?: [0-9A-F]{4})+)$/.exec(line) ?? [];
    if (elements === undefined) row = rowOf(line);
    else if (row !== undefined) {
      for (const element of elements.trim().split(' ')) rows.set(Number.parseInt(`${group}${element}`, 16), row);
    }
  }
  return rows;
}

/** The rows of single attributes. Those of families are below. */
export const profileRows: ReadonlyMap<number, ProfileRow> = rowsOf(removedAttributes, replacedAttributes);
/** Ours, in addition: ownRules.ts. */
export const ownRows: ReadonlyMap<number, ProfileRow> = rowsOf(ownRules);

/** (50XX,XXXX) Curve Data, (60XX,3000) Overlay Data and (60XX,4000) Overlay Comments. */
export const graphicsRow: ProfileRow = { basic: 'X', options: { cleanGraphics: 'C' } };
/** (gggg,eeee) where gggg is odd. */
export const privateRow: ProfileRow = { basic: 'X', options: { retainSafePrivate: 'C' } };

export const isCurve = (tag: number): boolean => tag >>> 24 === 0x50 && !isPrivate(tag);
export const isOverlay = (tag: number): boolean => tag >>> 24 === 0x60 && !isPrivate(tag);

/** What the table says of `tag`; undefined when it does not name it. */
export function profileRow(tag: number): ProfileRow | undefined {
  if (isPrivate(tag)) return privateRow;
  if (isCurve(tag)) return graphicsRow;
  if (isOverlay(tag) && ((tag & 0xffff) === 0x3000 || (tag & 0xffff) === 0x4000)) return graphicsRow;
  return profileRows.get(tag);
}
