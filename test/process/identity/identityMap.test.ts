import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { IdentityMap } from '../../../src/process/identity/identityMap.ts';
import type { Identity } from '../../../src/process/step.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'medusa-identity-map-'));
  path = join(folder, 'map.sqlite');
});
afterEach(() => rmSync(folder, { recursive: true }));

const key = Buffer.alloc(32, 1);
const patient = {
  ...{ pseudonym: 'P-0123456789ABCDEF', patientId: 'MRN-4711', issuer: 'Ward', patientName: 'Quixote^Dulcinea' },
  ...{ birthDate: '19440611', sex: 'F' },
};
const identityOf = (instance: number, more: Partial<Identity['patient']> = {}): Identity => ({
  patient: { ...patient, ...more },
  dateShiftDays: -100,
  uids: [
    { original: '1.2.276.1', replacement: '2.25.1', kind: 'study' },
    { original: '1.2.276.1.2', replacement: '2.25.2', kind: 'series' },
    { original: `1.2.276.1.3.${instance}`, replacement: `2.25.3.${instance}`, kind: 'instance' },
    { original: '1.2.276.99', replacement: '2.25.99', kind: 'other' },
  ],
  values: [],
});
async function filled(...identities: Identity[]): Promise<void> {
  const map = IdentityMap.open(path, key, 'write');
  await map.add(identities);
  map.close();
}
function reading<T>(ask: (map: IdentityMap) => T): T {
  const map = IdentityMap.open(path, key, 'read');
  try {
    return ask(map);
  } finally {
    map.close();
  }
}

it('finds patients by pseudonym, with their studies and series, and by each UID that left', async () => {
  await filled(identityOf(1), identityOf(2));
  expect(reading((map) => map.find(patient.pseudonym))).toEqual({
    patient,
    earlier: [],
    uids: [
      { original: '1.2.276.1', replacement: '2.25.1', kind: 'study' },
      { original: '1.2.276.1.2', replacement: '2.25.2', kind: 'series' },
    ],
  });
  expect(reading((map) => map.find('2.25.3.2'))).toMatchObject({
    patient,
    uids: [{ original: '1.2.276.1.3.2', kind: 'instance' }],
  });
  // Equipment and frames of reference are nobody's.
  expect(reading((map) => map.find('2.25.99'))).toMatchObject({
    patient: { patientName: '' },
    uids: [{ original: '1.2.276.99' }],
  });
  expect(reading((map) => map.find('1.2.276.1'))).toBeUndefined();
});

it('has nothing in its file that tells who it is, and is for its owner alone', async () => {
  await filled(identityOf(1));
  const bytes = readFileSync(path);
  for (const text of ['Quixote', 'MRN-4711', 'Ward', '19440611', '1.2.276']) {
    expect(bytes.includes(text), text).toBe(false);
    expect(bytes.includes(Buffer.from(text, 'utf16le')), text).toBe(false);
  }
  expect(bytes.includes(patient.pseudonym)).toBe(true);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

it('the same again changes nothing; another name of the same patient is kept beside the first', async () => {
  await filled(identityOf(1));
  const before = readFileSync(path);
  await filled(identityOf(1));
  expect(readFileSync(path).equals(before)).toBe(true);
  await filled(identityOf(1, { patientName: 'Quixote^Aldonza' }));
  expect(reading((map) => map.find('2.25.1'))).toMatchObject({
    patient: { patientName: 'Quixote^Aldonza' },
    earlier: [patient],
  });
});

it('a UID never stands for another original: refused, and nothing of the run is kept', async () => {
  await filled(identityOf(1));
  const other = identityOf(7, { patientName: 'Panza^Sancho' });
  other.uids[1] = { original: '1.2.276.666', replacement: '2.25.2', kind: 'series' };
  await expect(filled(other)).rejects.toMatchObject({ code: 'identity-map.conflict' });
  expect(reading((map) => map.find('2.25.3.7'))).toBeUndefined();
  expect(reading((map) => map.find('2.25.2'))).toMatchObject({ earlier: [], uids: [{ original: '1.2.276.1.2' }] });
});

it('another key opens nothing, adds nothing, and says so', async () => {
  await filled(identityOf(1));
  const before = readFileSync(path);
  for (const mode of ['read', 'write'] as const) {
    expect(() => IdentityMap.open(path, Buffer.alloc(32, 2), mode)).toThrow(
      expect.objectContaining({ code: 'identity-map.wrong-key', hint: expect.stringMatching(/back from the backup/) }),
    );
  }
  expect(readFileSync(path).equals(before)).toBe(true);
});

it('an entry that was changed, or put in the place of another, is an error and no answer', async () => {
  await filled(identityOf(1), identityOf(2));
  const db = new Database(path);
  db.exec(
    "UPDATE uid SET sealed = (SELECT sealed FROM uid WHERE replacement = '2.25.3.1') WHERE replacement = '2.25.3.2'",
  );
  db.close();
  expect(() => reading((map) => map.find('2.25.3.2'))).toThrow(
    expect.objectContaining({ code: 'identity-map.damaged' }),
  );
  expect(reading((map) => map.find('2.25.3.1'))).toMatchObject({ patient });
});

it('no map, or no database, is told from an unknown pseudonym', () => {
  expect(() => IdentityMap.open(path, key, 'read')).toThrow(expect.objectContaining({ code: 'identity-map.absent' }));
  writeFileSync(path, 'x'.repeat(5000));
  expect(() => IdentityMap.open(path, key, 'write')).toThrow(
    expect.objectContaining({ code: 'identity-map.unusable' }),
  );
});

it('takes a large run while others wait their turn, and somebody reads', async () => {
  await filled(identityOf(0));
  const map = IdentityMap.open(path, key, 'write');
  const large = Array.from({ length: 5000 }, (_, index) => identityOf(index + 1));
  await Promise.all([map.add(large), map.add([identityOf(6000)]), map.add(large)]);
  expect(reading((reader) => reader.find('2.25.3.4321'))).toMatchObject({ patient });
  expect(map.find('2.25.3.6000')).toMatchObject({ patient });
  map.close();
});
