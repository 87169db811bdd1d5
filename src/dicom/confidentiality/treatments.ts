/** From the codes of table E.1-1 and the chosen options to what is done with an attribute, once for a SOP class. Pure. */
import type { ProfileOption } from './profileOptions.ts';
import { ownRows, type ProfileRow, profileRows } from './profileTable.ts';
import { insteadOfRemoval, mustNotBeEmpty, wantsReferences, wantsValue } from './requiredAttributes.ts';

export type Treatment =
  | 'remove'
  | 'empty'
  | 'dummy'
  | 'replace-uid'
  /** Kept; the items of a sequence are treated each by its own. */
  | 'keep'
  | 'shift-date'
  /** Text keeps only words that are known to be harmless; see cleanText.ts. */
  | 'clean-text'
  /** An AE title becomes a pseudonym of it. */
  | 'replace-ae'
  | 'clean-content'
  | 'clean-graphics';

/** `otherwise`: where cleaning leaves nothing. */
export type Handling = { treatment: Treatment; otherwise: 'remove' | 'empty' | 'dummy' };

const cleaning: Partial<Record<ProfileOption, Treatment>> = {
  cleanDescriptors: 'clean-text',
  retainPatientCharacteristics: 'clean-text',
  cleanStructuredContent: 'clean-content',
  cleanGraphics: 'clean-graphics',
  retainModifiedDates: 'shift-date',
  retainDeviceIdentity: 'replace-ae',
};

const textValue = 0x0040a160;

/** What the Basic Profile comes to for an attribute of this SOP class, at the top of the data set or in an item. */
function basicTreatment(tag: number, row: ProfileRow, sopClassUid: string, inItem: boolean): Treatment {
  // Empty is valid for Type 2 and Type 3, and says as little as nothing.
  const emptyOrAbsent = () => (mustNotBeEmpty(tag, sopClassUid, inItem) ? 'remove' : 'empty');
  switch (row.basic) {
    case 'X':
      return insteadOfRemoval(tag, sopClassUid) ?? 'remove';
    case 'Z':
      return 'empty';
    case 'X/Z':
      return emptyOrAbsent();
    case 'D':
      return 'dummy';
    case 'U':
      return 'replace-uid';
    case 'X/D':
      return wantsValue(tag, sopClassUid, inItem) ? 'dummy' : 'remove';
    case 'Z/D':
      return wantsValue(tag, sopClassUid, inItem) ? 'dummy' : 'empty';
    case 'X/Z/D':
      return wantsValue(tag, sopClassUid, inItem) ? 'dummy' : emptyOrAbsent();
    case 'X/Z/U*':
      return inItem || wantsReferences(sopClassUid) ? 'replace-uid' : 'remove';
  }
}

/** Where options disagree, the careful one counts: C before K. */
function handlingOf(
  tag: number,
  row: ProfileRow,
  options: ReadonlySet<ProfileOption>,
  sopClassUid: string,
  inItem: boolean,
): Handling {
  const basic = basicTreatment(tag, row, sopClassUid, inItem);
  const otherwise = basic === 'remove' || basic === 'empty' ? basic : 'dummy';
  const chosen = Object.entries(row.options).filter(([option]) => options.has(option as ProfileOption));
  const clean = chosen.find(([, action]) => action === 'C')?.[0] as ProfileOption | undefined;
  if (clean !== undefined) {
    const treatment = tag === textValue ? 'clean-text' : (cleaning[clean] ?? basic);
    return { treatment, otherwise };
  }
  return { treatment: chosen.length > 0 ? 'keep' : basic, otherwise };
}

/** By tag. What stands in neither table is for unlistedAttributes.ts. */
export type Plan = { top: ReadonlyMap<number, Handling>; item: ReadonlyMap<number, Handling> };

export function planFor(options: ReadonlySet<ProfileOption>, sopClassUid: string): Plan {
  const rows = [...ownRows, ...profileRows];
  const plan = (inItem: boolean) =>
    new Map(rows.map(([tag, row]) => [tag, handlingOf(tag, row, options, sopClassUid, inItem)]));
  return { top: plan(false), item: plan(true) };
}
