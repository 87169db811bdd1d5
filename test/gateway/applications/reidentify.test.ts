import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readAudit } from '../../../src/gateway/applications/auditFile.ts';
import { type IdentityLookup, reidentify } from '../../../src/gateway/applications/reidentify.ts';
import { statePaths } from '../../../src/gateway/statePaths.ts';

let stateDirectory: string;
let looked: string[];
beforeEach(() => {
  stateDirectory = mkdtempSync(join(tmpdir(), 'medusa-reidentify-'));
  looked = [];
});
afterEach(() => rmSync(stateDirectory, { recursive: true }));

const file = () => statePaths(stateDirectory).identityAudit;
const patient = { pseudonym: 'P1', patientId: '7', issuer: '', patientName: 'A^B', birthDate: '', sex: 'F' };

/** Remembers how many lines the audit file had when it was asked. */
const open = async (): Promise<IdentityLookup> => ({
  find: (text) => {
    looked.push(`${text} ${readAudit(file()).entries.length}`);
    return text === 'P1' ? { patient, uids: [] } : undefined;
  },
  close: () => {},
});
const ask = (...texts: string[]) => reidentify({ stateDirectory }, { texts, reason: 'ticket 4711' }, open);

it('writes down who asks and why before anything is looked up, and never the answer', async () => {
  expect(await ask('P1', 'P2')).toEqual([
    { asked: 'P1', found: { patient, uids: [] } },
    { asked: 'P2', found: undefined },
  ]);
  expect(looked).toEqual(['P1 1', 'P2 1']);
  await ask('P3');
  const { entries } = readAudit(file());
  expect(entries).toMatchObject([
    { seq: 1, reason: 'ticket 4711', texts: ['P1', 'P2'], user: expect.any(String) },
    { seq: 2, texts: ['P3'] },
  ]);
  expect(readFileSync(file(), 'utf8')).not.toContain('A^B');
});

it.each([
  ['is changed', (lines: string[]) => [lines[0]?.replace('4711', '4712'), ...lines.slice(1)]],
  ['is taken out', (lines: string[]) => lines.slice(1)],
  ['changes places', (lines: string[]) => [lines[1], lines[0], ...lines.slice(2)]],
])('looks nothing up once a line of the audit file %s', async (_what, change) => {
  for (const text of ['P1', 'P2', 'P3']) await ask(text);
  const lines = readFileSync(file(), 'utf8').trimEnd().split('\n');
  writeFileSync(file(), `${change(lines).join('\n')}\n`);
  looked = [];
  await expect(ask('P1')).rejects.toMatchObject({ code: 'audit.chain-broken' });
  expect(looked).toEqual([]);
});
