/**
 * Real and malformed objects through applications with every built-in step: what the gateway acknowledged either leaves as
 * results or is named with a code and a reason. MEDUSA_CORPUS=all takes every file, else each kind once or twice.
 */
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BufferSource } from '../../src/dicom/dataSet/byteSources.ts';
import { bytesIn, element } from '../../src/dicom/dataSet/dicomObject.ts';
import { parsePart10 } from '../../src/dicom/dataSet/parsePart10.ts';
import type { SendReport } from '../../src/dicom/scu/sendFiles.ts';
import type { GatewayStatus, RunEntry } from '../../src/web/status.ts';
import { type CorpusEntry, corpusEntries } from '../support/corpus.ts';
import { appOf, filesIn, isDelivered, isSettled, proofOf, runOf, runsOf, writeApplication } from './applicationSite.ts';
import { createSite, type Site, until } from './site.ts';

const takesAll = process.env.MEDUSA_CORPUS === 'all';
const patience = takesAll ? 1_800_000 : 240_000;

const allOptions = `retainUids, retainDeviceIdentity, retainInstitutionIdentity, retainPatientCharacteristics,
  retainModifiedDates, cleanDescriptors, cleanStructuredContent, cleanGraphics, retainSafePrivate`;
const applications = {
  none: { steps: '[metadata]', select: '{ modality: [ZZ] }', deliver: 'both' },
  basic: { steps: '[deidentify, preview: { maxEdge: 64, frames: all }, metadata, compress]', deliver: 'both' },
  study: { steps: '[deidentify, metadata, preview, compress: { transferSyntax: jpeg-ls-lossless }]', scope: 'study' },
  options: { steps: `[deidentify: { options: [${allOptions}] }, metadata]`, deliver: 'both' },
  people: {
    steps: '[select: {}, metadata, preview: { format: jpeg }, compress: { recompress: true }]',
    deliver: 'both',
  },
} as const satisfies Record<string, { steps: string; select?: string; scope?: string; deliver?: string }>;
const names = Object.keys(applications) as Array<keyof typeof applications>;
const storeNames = ['none', 'basic', 'study', 'options', 'people'];

const manifestOf = (name: keyof typeof applications) => {
  const application: { steps: string; select?: string; scope?: string; deliver?: string } = applications[name];
  const { steps, select = '{}', scope = 'instance', deliver = 'results' } = application;
  return `name: ${name}
version: 1.0.0
description: every built-in step over every object
scope: ${scope}
select: ${select}
dataPart: { steps: ${steps} }
deliver: ${deliver}
`;
};

const configuration = `spool: { segmentSize: 64MiB, quota: 2GiB, preallocate: 1, reserve: 0 }
study: { quietSeconds: 2 }
stores: [${storeNames.map((name) => `{ name: ${name}, type: directory, path: ./store/${name} }`).join(', ')}]
applications: { directory: ./apps }
processing: { retry: { initial: 100ms, cap: 1s } }
routes: [${storeNames.map((name) => `{ name: ${name}, store: ${name}, application: ${name} }`).join(', ')}]
`;

/** Each SOP class in each transfer syntax twice, and of what is malformed each category three times. */
function chosen(): CorpusEntry[] {
  const seen = new Map<string, number>();
  return corpusEntries()
    .filter(({ path }) => !path.includes('profuzzbench'))
    .filter(({ isMalformed, kind, path, sopClassUid, transferSyntaxUid, size }) => {
      if (takesAll) return true;
      const group = isMalformed ? path.split('/')[1] : `${kind} ${sopClassUid} ${transferSyntaxUid}`;
      const count = (seen.get(group ?? '') ?? 0) + 1;
      if (size > 1_000_000 || count > (isMalformed ? 3 : 2)) return false;
      seen.set(group ?? '', count);
      return true;
    });
}

const entries = chosen();
if (entries.length === 0) console.warn('skipped: no corpus beside the project');

describe.skipIf(entries.length === 0)('the corpus through every built-in step', () => {
  let site: Site;
  let sent: SendReport;
  let status: GatewayStatus;
  let runs: RunEntry[];

  beforeAll(async () => {
    site = createSite(configuration);
    for (const name of names) writeApplication(site, name, { 'application.yaml': manifestOf(name) });
    const folder = join(site.directory, 'corpus');
    mkdirSync(folder);
    for (const [at, entry] of entries.entries()) {
      const file = join(folder, `${String(at).padStart(4, '0')}.dcm`);
      copyFileSync(entry.absolute, file);
    }
    const gateway = await site.start();
    sent = await site.send(folder);
    status = await until(gateway, (now) => isSettled(now) && isDelivered(now), 'settled', patience);
    runs = await runsOf(site);
  }, patience + 60_000);
  afterAll(() => site?.remove());

  test('everything is accounted for', async () => {
    expect(sent.acknowledged).toBeGreaterThan(entries.length / 2);
    const kept = Object.values(status.spool.instances).reduce((sum, count) => sum + count, 0);
    expect(kept).toBeGreaterThan(sent.acknowledged / 3);
    expect(status.peers.map(({ instances, duplicates }) => instances - duplicates)).toEqual([kept]);
    const table: Record<string, number> = {};
    for (const name of names) {
      const outcomes = { used: 0, 'not-selected': 0, quarantined: 0, 'older version': 0 };
      for (const run of runs.filter(({ application }) => application === name)) {
        expect(['finished', 'skipped', 'quarantined'], `${name} ${run.id}`).toContain(run.state);
        if (run.state === 'quarantined') {
          expect(run.lastError?.code).toMatch(/^[a-z]+\.[a-z-]+$/);
          expect(run.lastError?.message.length).toBeGreaterThan(20);
          outcomes.quarantined += run.instances;
          const why = /the first: ([a-z0-9.-]+)/.exec(run.lastError?.message ?? '')?.[1] ?? run.lastError?.code;
          table[`${name} quarantined ${why}`] = (table[`${name} quarantined ${why}`] ?? 0) + run.instances;
          continue;
        }
        const { inputs = [] } = await runOf(site, run.id);
        expect(inputs.length, `${name} ${run.id}`).toBe(run.instances);
        for (const { outcome, code, reason } of inputs) {
          // Files of the corpus that share a UID are versions of one instance: in one run the newest counts.
          outcomes[/superseded by version/.test(reason ?? '') ? 'older version' : outcome] += 1;
          const key = `${name} ${outcome} ${code ?? ''}`;
          table[key] = (table[key] ?? 0) + 1;
          if (outcome === 'quarantined') expect([code, reason]).toEqual([expect.any(String), expect.any(String)]);
        }
      }
      const sum = Object.values(outcomes).reduce((all, count) => all + count, 0);
      expect(sum, name).toBe(kept);
      expect(outcomes.used > 0, name).toBe(name !== 'none');
      expect(outcomes['not-selected'] > 0, name).toBe(name === 'none');
    }
    if (takesAll) console.log(sent.sent, sent.acknowledged, kept, table);
  });

  test('no step fails in a way that nobody thought of, and nothing is tried without end', () => {
    const codes = site.log().match(/"event":"(engine\.[a-z-]+|gateway\.[a-z-]+failed|app\.engine-failed)"/g) ?? [];
    expect(codes).toEqual([]);
    const unexpected = runs.filter(({ lastError }) => lastError?.message.includes('instance.step-failed'));
    expect(unexpected.map(({ lastError }) => lastError?.message)).toEqual([]);
    expect(Math.max(...runs.map(({ attempts }) => attempts))).toBeLessThanOrEqual(3);
  });

  test('what left is proved', async () => {
    for (const name of storeNames.slice(1)) {
      const proof = await proofOf(site, name);
      expect(proof, name).toMatchObject({ missing: [], faults: [] });
      expect(proof.verified, name).toBe(proof.receipts);
    }
    expect(appOf(status, 'none').runs).toBe(0);
  }, 300_000);

  test('nobody is named in what left de-identified', () => {
    const needles = new Map<string, string>();
    for (const { absolute, path, isMalformed } of entries) {
      for (const text of isMalformed ? [] : whoIsIn(absolute)) needles.set(text, path);
    }
    expect(needles.size).toBeGreaterThan(20);
    const found: string[] = [];
    for (const name of ['basic', 'study', 'options']) {
      for (const file of filesIn(site, join('store', name))) {
        const content = readFileSync(file).toString('latin1');
        for (const [text, path] of needles) if (content.includes(text)) found.push(`${path}: ${text} in ${file}`);
      }
    }
    expect(found).toEqual([]);
  }, 120_000);
});

/** Patient's Name and Patient ID as they stand in a file, unless they may stand anywhere by chance: short, digits, "Anonymous". */
function whoIsIn(path: string): string[] {
  try {
    const { dataSet } = parsePart10(new BufferSource('input', readFileSync(path)));
    return [0x00100010, 0x00100020].flatMap((tag) => {
      const value = element(dataSet, tag)?.value;
      const text =
        value?.kind === 'bytes'
          ? bytesIn(value.bytes)
              .toString('latin1')
              .replace(/[\0 ]+$/, '')
          : '';
      const isTelling = text.length >= (/^[0-9.]+$/.test(text) ? 11 : 6) && !/^anonym/i.test(text);
      return isTelling ? [text] : [];
    });
  } catch {
    return [];
  }
}
