import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  graphicsRow,
  type ProfileRow,
  privateRow,
  profileRow,
  profileRows,
} from '../../../src/dicom/confidentiality/profileTable.ts';
import { SafePrivate, safePrivateElements } from '../../../src/dicom/confidentiality/safePrivateTable.ts';
import { corpusFolder } from '../../support/programs.ts';

const reference = join(corpusFolder, '../reference/confidentiality_profile_attributes.json');

/** Its edition is January 2025; ours is 2026d. */
const newSince: Record<string, string> = {
  '00321033': 'Requesting Service: 2026d lets Clean Descriptors clean it',
};

const columns = {
  rtnSafePrivOpt: 'retainSafePrivate',
  rtnUIDsOpt: 'retainUids',
  rtnDevIdOpt: 'retainDeviceIdentity',
  rtnInstIdOpt: 'retainInstitutionIdentity',
  rtnPatCharsOpt: 'retainPatientCharacteristics',
  rtnLongFullDatesOpt: 'retainFullDates',
  rtnLongModifDatesOpt: 'retainModifiedDates',
  cleanDescOpt: 'cleanDescriptors',
  cleanStructContOpt: 'cleanStructuredContent',
  cleanGraphOpt: 'cleanGraphics',
} as const;
type ReferenceRow = { id: string; tag: string; basicProfile: string } & Partial<Record<keyof typeof columns, string>>;

/** A member of what the row is about: of a family, one of its tags. */
function tagOf({ tag }: ReferenceRow): number {
  const [, group = '', element = ''] = /^\(([0-9A-Fa-fXx]{4}),([0-9A-Fa-fXx]{4})\)$/.exec(tag) ?? [];
  if (group === '') return 0x00091001; // (gggg,eeee) where gggg is odd
  return Number.parseInt(`${group}${element}`.toLowerCase().replaceAll('x', '0'), 16);
}

function rowOf(row: ReferenceRow): ProfileRow {
  const options = Object.entries(columns).flatMap(([column, option]) => {
    const action = row[column as keyof typeof columns];
    return action === undefined ? [] : [[option, action]];
  });
  return { basic: row.basicProfile, options: Object.fromEntries(options) } as ProfileRow;
}

describe.skipIf(!existsSync(reference))('table E.1-1 beside an earlier edition of it', () => {
  const rows: ReferenceRow[] = existsSync(reference) ? JSON.parse(readFileSync(reference, 'utf8')) : [];

  test('has every row of it, with the same codes', () => {
    expect(rows.length).toBeGreaterThan(600);
    const different = rows
      .filter((row) => {
        const ours = profileRow(tagOf(row));
        return JSON.stringify(sorted(ours)) !== JSON.stringify(sorted(rowOf(row)));
      })
      .map(({ id }) => id.toUpperCase());
    expect(different).toEqual(Object.keys(newSince));
  });
});

const sorted = (row: ProfileRow | undefined) =>
  row && { basic: row.basic, options: Object.entries(row.options).sort() };

describe('table E.1-1', () => {
  test('has 653 attributes and the four families of the edition 2026d', () => {
    expect(profileRows.size).toBe(653);
    expect(profileRow(0x50203000)).toBe(graphicsRow);
    expect(profileRow(0x60023000)).toBe(graphicsRow);
    expect(profileRow(0x60024000)).toBe(graphicsRow);
    expect(profileRow(0x60020010)).toBeUndefined();
    expect(profileRow(0x50210010)).toBe(privateRow);
    expect(profileRow(0x00291010)).toBe(privateRow);
    expect(profileRow(0xfffafffa)).toEqual({ basic: 'X', options: {} });
  });
});

describe('table E.3.10-1', () => {
  const safe = new SafePrivate([{ creator: 'OURS', group: 0x0011, element: 0x10 }]);

  test('has its 479 attributes, each once', () => {
    const names = safePrivateElements.map(({ creator, group, element }) => `${creator} ${group} ${element}`);
    expect(new Set(names).size).toBe(479);
  });

  test('goes by creator, group and the last byte of the element, in any block', () => {
    expect(safe.has('Philips PET Private Group', 0x70531000)).toBe(true);
    expect(safe.has('Philips PET Private Group', 0x7053e009)).toBe(true);
    expect(safe.has('Philips PET Private Group', 0x70531001)).toBe(false);
    expect(safe.has('philips pet private group', 0x70531000)).toBe(false);
    expect(safe.has('SIEMENS MR HEADER', 0x0019100c)).toBe(true);
    expect(safe.has('SIEMENS MR HEADER', 0x0019110f)).toBe(false);
    expect(safe.has('OURS', 0x00112010)).toBe(true);
    expect(safe.holdsUid('NQHeader', 0x00991002)).toBe(true);
  });
});
