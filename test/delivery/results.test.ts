import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Manifest, verifyManifest } from '../../src/delivery/manifest.ts';
import { parseReceiptLine, type Receipt } from '../../src/delivery/receipt.ts';
import { generateSigningKey } from '../../src/delivery/signingKey.ts';
import { sha256 } from '../support/receipts.ts';
import {
  type DeliverySite,
  filesOf,
  identifying,
  loseIndex,
  noise,
  original,
  outputStudy,
  type SiteOptions,
  startSite,
} from './deliverySite.ts';

const key = generateSigningKey();
const instances = 6;
const files = 2;
const application = `site/studies/${outputStudy}/results/ct/1.0.0`;

let directory: string;
let site: DeliverySite;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'medusa-results-'));
});
afterEach(async () => {
  await site?.stop();
  rmSync(directory, { recursive: true, force: true });
});

async function start(options: Partial<SiteOptions> = {}): Promise<void> {
  site = await startSite({ directory, key, ...options });
  site.start();
}

const stored = (store: string) => filesOf(join(directory, store));
function manifestOf(store: string, study: string): Manifest {
  const name = `site/studies/${study}/manifest.json`;
  const bytes = stored(store).get(name);
  if (!bytes) throw new Error(`no ${name} in ${store}: ${[...stored(store).keys()].join()}`);
  return verifyManifest(bytes, key.publicKey, name);
}
async function receipts(): Promise<Receipt[]> {
  const found: Receipt[] = [];
  for await (const line of site.ledgerLines()) found.push(parseReceiptLine(line));
  return found;
}
async function expectProved(objects: Record<string, number>): Promise<void> {
  for (const [store, count] of Object.entries(objects)) {
    expect(await site.verify(store), store).toMatchObject({
      ok: true,
      objects: count,
      verified: count,
      unexpected: [],
    });
    const byLedger = await site.verify(store, { receipts: site.ledgerLines(), expectEnd: site.ledger.end });
    expect(byLedger, store).toMatchObject({ ok: true, objects: count, verified: count, storedChain: { ok: true } });
  }
}

describe('results of a split application', () => {
  it('are delivered and proved like what was received, and leave nothing of its origin in their store', async () => {
    await start();
    await site.receive(0, instances);
    expect(await site.work()).toHaveLength(1);
    await site.settled();
    await expectProved({ vault: instances, research: instances + files });

    const research = stored('research');
    expect([...research.keys()].filter((name) => name.includes('/results/')).toSorted()).toEqual([
      `${application}/images/key-1.png`,
      `${application}/report.json`,
    ]);
    for (const [name, content] of research) {
      for (const value of identifying) {
        expect(name).not.toContain(value);
        expect(content.includes(value), `${value} in ${name}`).toBe(false);
      }
    }
    // Nor do the originals' store and its readers learn the pseudonyms.
    for (const [name, content] of stored('vault')) expect(content.includes('2.25.'), name).toBe(false);
    const lines = [...research].filter(([name]) => name.includes('/receipts/')).map(([, content]) => String(content));
    expect(lines.join('')).toMatch(/"format":"medusa\.receipt-digest\/1"/);

    const ofReport = (await receipts()).find(({ delivered }) => delivered.key.endsWith('report.json'));
    const inputs = [...stored('vault')].filter(([name]) => name.endsWith('.dcm')).map(([, content]) => content);
    expect(ofReport).toMatchObject({
      sopInstanceUid: '',
      studyInstanceUid: outputStudy,
      received: {
        sha256: sha256(
          inputs
            .map((content) => `${sha256(content)}\n`)
            .toSorted()
            .join(''),
        ),
        size: inputs.reduce((sum, { length }) => sum + length, 0),
        peer: '',
      },
      steps: [
        { name: 'ct', version: '1.0.0' },
        { name: 'deidentify', version: '1.0.0' },
      ],
    });
  });

  it('are in the manifest of their study, with what each run cost and saved', async () => {
    await start();
    await site.receive(0, instances);
    await site.work();
    await site.settled();
    const manifest = manifestOf('research', outputStudy);
    expect(manifest).toMatchObject({ study: outputStudy, revision: 1, complete: true });
    expect(manifest.objects).toHaveLength(instances + files);
    expect(manifest.objects.find((object) => object.key.endsWith('report.json'))?.result).toEqual({
      ...{ application: 'ct', version: '1.0.0', revision: 1, unit: outputStudy, from: instances },
    });
    expect(manifest.applications).toEqual([
      expect.objectContaining({
        ...{ name: 'ct', version: '1.0.0', revision: 1, scope: 'study', unit: outputStudy },
        ...{ instancesIn: instances, files, promised: '0.5', reached: false, cpuSeconds: '0.25' },
      }),
    ]);
    const whole = manifestOf('vault', original.study);
    expect(whole.objects).toHaveLength(instances);
    expect(whole.applications).toBeUndefined();

    // Late arrivals: the next revision beside the first, and a manifest of both.
    await site.receive(instances, instances + 1);
    expect(await site.work()).toMatchObject([{ revision: 2 }]);
    await site.settled();
    const later = manifestOf('research', outputStudy);
    expect(later.revision).toBe(2);
    expect(later.applications?.map(({ revision, instancesIn }) => [revision, instancesIn])).toEqual([
      [1, instances],
      [2, instances + 1],
    ]);
    expect(later.objects.map((object) => object.key)).toEqual(
      expect.arrayContaining([`${application}/report.json`, `${application}/r2/report.json`]),
    );
    // The instances of the first run are the same in the second: they are not delivered again.
    await expectProved({ vault: instances + 1, research: instances + 1 + 2 * files });
    expect(await receipts()).toHaveLength(2 * (instances + 1) + 2 * files);
  });

  it('arrive once each, also when the courier is killed with some of them in its hands', async () => {
    await start();
    await site.receive(0, 40, 200_000);
    await site.work();
    for (const progress of [5, 20, 50]) {
      for (let i = 0; i < 2_000 && site.count('delivered') < progress; i++)
        await new Promise((go) => setTimeout(go, 5));
      const { pid } = site.courier;
      if (pid !== undefined) process.kill(pid, 'SIGKILL');
    }
    await site.settled();
    expect(site.lines.some(({ event }) => event === 'courier.died')).toBe(true);
    expect(await receipts()).toHaveLength(40 + 40 + files);
    await expectProved({ vault: 40, research: 40 + files });
  });

  it.each([
    ['with their runs on disk', false],
    ['with only their receipts left', true],
  ])('are not delivered twice after a loss of the index, %s', async (_, runs) => {
    await start();
    await site.receive(0, instances);
    await site.work();
    await site.settled();
    const before = site.ledger.end.seq;
    const keys = [...stored('research').keys()].filter((name) => !name.includes('/receipts/')).toSorted();
    await site.stop();
    loseIndex(directory, { runs });
    await start();
    expect(site.reconciled).toBe(runs ? instances : 2 * instances + files);
    // No instance is made up from a receipt that is none's.
    expect([...site.spool.index.all()]).toHaveLength(instances);
    expect([...site.spool.index.sopInstanceUids()].filter((uid) => uid.startsWith('2.25.'))).toEqual([]);
    await site.work();
    await site.settled();
    expect(site.ledger.end.seq).toBe(before);
    expect([...stored('research').keys()].filter((name) => !name.includes('/receipts/')).toSorted()).toEqual(keys);
    await expectProved({ vault: instances, research: instances + files });
  });

  it('take another key when they come out otherwise and only the receipts know what was there', async () => {
    const options = { report: () => noise(20) };
    await start(options);
    await site.receive(0, instances);
    await site.work();
    await site.settled();
    await site.stop();
    loseIndex(directory, { runs: true });
    await start(options);
    await site.work();
    await site.settled();
    const reports = [...stored('research').keys()].filter((name) => name.includes('/report'));
    expect(reports.toSorted()).toEqual([`${application}/report.json`, `${application}/report.v2.json`]);
    await expectProved({ vault: instances, research: instances + files + 1 });
    expect(manifestOf('research', outputStudy).objects).toHaveLength(instances + files + 1);
  });

  it('that were under way when the index was lost are delivered by what is on disk', async () => {
    site = await startSite({ directory, key });
    await site.receive(0, instances);
    await site.work();
    await site.stop();
    loseIndex(directory);
    await start();
    await site.settled();
    await expectProved({ vault: instances, research: instances + files });
    expect(await receipts()).toHaveLength(2 * instances + files);
  });

  it('that meet something else under their key are set aside, and nothing is overwritten', async () => {
    site = await startSite({ directory, key });
    await site.receive(0, 1);
    await site.work();
    mkdirSync(join(directory, 'research', application), { recursive: true });
    writeFileSync(join(directory, 'research', application, 'report.json'), 'of somebody else');
    site.start();
    for (let i = 0; i < 1_000 && site.count('quarantined') < 1; i++) await new Promise((go) => setTimeout(go, 10));
    const [entry] = site.spool.queue.page({ states: ['quarantined'], after: 0, limit: 9, store: undefined });
    expect(entry).toMatchObject({ kind: 'result', key: `${application}/report.json`, errorCode: 'store.conflict' });
    expect(String(stored('research').get(`${application}/report.json`))).toBe('of somebody else');
  });
});
