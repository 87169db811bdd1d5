/** Split applications in the real gateway: real associations in, everything that leaves found in the store and proved. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { loadConfiguration } from '../../src/gateway/config/configuration.ts';
import { verifyStore } from '../../src/gateway/verifyTool.ts';
import type { ApplicationStatus, GatewayStatus, RunEntry } from '../../src/web/status.ts';
import { ctStudy } from '../../synthetic/index.ts';
import { realObjects } from '../support/corpus.ts';
import { fetchText, type GatewayProcess } from '../support/gatewayProcess.ts';
import { createSite, type Site, type SiteOptions, until } from './site.ts';

const program = fileURLToPath(new URL('../support/children/gatewayWithSteps.ts', import.meta.url));
const deidentify = '{ deidentify: { profile: basic, options: [retainModifiedDates] } }';

const triage = `name: triage
version: 1.0.0
description: everything that is built in
scope: study
select: { modality: [CT] }
dataPart:
  steps: [${deidentify}, { preview: { maxEdge: 64 } }, { metadata: {} }, { compress: { transferSyntax: htj2k-lossless } }]
  placement: { bandwidth: "results must be < 90 % of input" }
deliver: both
`;
const headersOnly = `name: headers
version: 1.0.0
description: de-identified headers
scope: instance
select: {}
dataPart: { steps: [${deidentify}] }
deliver: instances
`;

const configuration = (
  routes: string,
  processing = '',
) => `spool: { segmentSize: 8MiB, quota: 256MiB, preallocate: 1, reserve: 0 }
study: { quietSeconds: 1, onAssociationEnd: 0.1 }
stores: [{ name: local, type: directory, path: ./store }]
applications: { directory: ./apps }
processing: { retry: { initial: 100ms, cap: 1s } ${processing} }
routes: ${routes}
`;
const toTriage = '[{ name: ct, store: local, application: triage, match: { modalities: [CT] } }]';

let site: Site;
afterEach(() => site.remove());

function createAppSite(routes: string, options: SiteOptions & { processing?: string } = {}): Site {
  site = createSite(configuration(routes, options.processing), { program, ...options });
  for (const [name, manifest] of Object.entries({ triage, headers: headersOnly })) {
    mkdirSync(join(site.directory, 'apps', name), { recursive: true });
    writeFileSync(join(site.directory, 'apps', name, 'application.yaml'), manifest);
  }
  return site;
}

const appOf = (status: GatewayStatus, name: string): ApplicationStatus => {
  const found = status.applications.find(({ application }) => application === name);
  if (found === undefined) throw new Error(`no application ${name}`);
  return found;
};
const isDone = (status: GatewayStatus, finished: number, name = 'triage') => {
  const { tasks } = appOf(status, name);
  return tasks.finished >= finished && tasks.gathering + tasks.due === 0 && isDelivered(status);
};
const isDelivered = ({ stores, studies }: GatewayStatus) =>
  stores.every(({ queued, inFlight }) => queued + inFlight === 0) && studies.open === 0;

async function runs(state: string): Promise<RunEntry[]> {
  const text = await fetchText(join(site.stateDirectory, 'api.sock'), `/v1/runs?state=${state}&limit=100`);
  return (JSON.parse(text) as { entries: RunEntry[] }).entries;
}

function allFiles(): string[] {
  return readdirSync(join(site.directory, 'store'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

async function proof() {
  const loaded = loadConfiguration(join(site.directory, 'gateway.yaml'));
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const [store] = loaded.config.stores;
  if (store === undefined) throw new Error('no store');
  return verifyStore(loaded.config, store, new AbortController().signal);
}

const ct = (slices: number, seed: number, rows = 64) => [...ctStudy({ slices, seed, rows, columns: rows })];

describe('a split application in the gateway', () => {
  test('all built-in steps over a study: what leaves is proved, and says nothing of whom it is', async () => {
    createAppSite(toTriage);
    const gateway = await site.start();
    const study = ct(12, 3);
    expect((await site.send(site.write('study', study))).acknowledged).toBe(12);
    const status = await until(gateway, (now) => isDone(now, 1), 'done');
    const app = appOf(status, 'triage');
    expect(app).toMatchObject({ runs: 1, instancesIn: 12, instancesOut: 12, files: 24, quarantined: 0 });
    expect(app.bytesIn).toBeGreaterThan(study.reduce((sum, one) => sum + one.size, 0));
    expect(app.cpuSeconds).toBeGreaterThan(0);
    expect(app.ratio).toBeGreaterThan(0);
    await gateway.stop();
    const proved = await proof();
    expect(proved).toMatchObject({ missing: [], faults: [] });
    expect(proved.verified).toBe(36);
    const files = allFiles();
    const original = study[0]?.studyInstanceUid ?? '';
    for (const file of files) {
      expect(file).not.toContain(original);
      expect(readFileSync(file).includes(original), file).toBe(false);
    }
    expect(files.filter((file) => file.endsWith('.png'))).toHaveLength(12);
    expect(files.filter((file) => /\/series\/.*\.dcm$/.test(file))).toHaveLength(12);
    const log = site.log();
    expect(log).toContain('"event":"app.finished"');
  });

  test('real objects: each leaves, or is set aside with a reason', async ({ skip }) => {
    const objects = realObjects().filter(({ size }) => size < 300_000);
    if (objects.length === 0) skip('no corpus beside the project');
    createAppSite('[{ name: all, store: local, application: headers }]');
    const gateway = await site.start();
    const some = objects.filter((_, at) => at % Math.ceil(objects.length / 60) === 0);
    const folder = join(site.directory, 'real');
    mkdirSync(folder);
    for (const [at, { absolute }] of some.entries()) {
      writeFileSync(join(folder, `${at}.dcm`), readFileSync(absolute));
    }
    const { acknowledged } = await site.send(folder, { associations: 1 });
    const status = await until(
      gateway,
      (now) => {
        const { tasks } = appOf(now, 'headers');
        const over = tasks.finished + tasks.skipped + tasks.quarantined;
        return over > 0 && tasks.gathering + tasks.due === 0 && isDelivered(now);
      },
      'done',
    );
    const { tasks } = appOf(status, 'headers');
    expect(tasks.finished).toBeGreaterThan(acknowledged / 3);
    expect(tasks.finished + tasks.quarantined + tasks.skipped).toBeGreaterThan(0);
    for (const { lastError } of await runs('quarantined')) {
      expect(lastError?.code).toMatch(/^(application\.too-few-left|gate\.)/);
      expect(lastError?.message).toMatch(/the first: (dataset|deidentify|instance|gate)\./);
    }
    await gateway.stop();
    expect(await proof()).toMatchObject({ missing: [], faults: [] });
  });

  test('what comes late makes the next revision over everything', async () => {
    createAppSite(toTriage);
    const gateway = await site.start();
    const study = ct(6, 4);
    await site.send(site.write('first', study.slice(0, 4)));
    await until(gateway, (now) => isDone(now, 1), 'first');
    await site.send(site.write('late', study.slice(4)));
    const status = await until(gateway, (now) => isDone(now, 2), 'second');
    expect(appOf(status, 'triage')).toMatchObject({ runs: 2, instancesIn: 10 });
    expect((await runs('finished')).map(({ revision, instances }) => [revision, instances])).toEqual([
      [1, 4],
      [2, 6],
    ]);
    await gateway.stop();
    expect(await proof()).toMatchObject({ missing: [], faults: [] });
    expect(allFiles().filter((file) => /\/series\/.*\.dcm$/.test(file))).toHaveLength(6);
  });

  test('an instance that kills or hangs its worker is set aside with a reason; the rest goes on', async () => {
    const study = ct(6, 5);
    const env = {
      MEDUSA_TEST_DIE: study[1]?.sopInstanceUid ?? '',
      MEDUSA_TEST_HANG: study[4]?.sopInstanceUid ?? '',
    };
    createAppSite(toTriage, { env, processing: ', wallPerInstance: 2s' });
    const gateway = await site.start();
    await site.send(site.write('study', study));
    const status = await until(gateway, (now) => isDone(now, 1), 'done');
    expect(appOf(status, 'triage')).toMatchObject({ instancesOut: 4, quarantined: 2 });
    const [run] = await runs('finished');
    const text = await fetchText(join(site.stateDirectory, 'api.sock'), `/v1/runs/${run?.id}`);
    const { inputs = [], figures } = JSON.parse(text) as RunEntry;
    expect(figures).toMatchObject({ instancesIn: 6, instancesOut: 4, quarantined: 2 });
    expect(new Map(inputs.map(({ instance, code = '' }) => [instance, code]))).toEqual(
      new Map(
        study.map(({ sopInstanceUid }, at) => [
          sopInstanceUid,
          { 1: 'instance.kills-worker', 4: 'instance.time-limit' }[at] ?? '',
        ]),
      ),
    );
    await gateway.stop();
    expect(await proof()).toMatchObject({ missing: [], faults: [], verified: 12 });
  });

  test('killed in the middle of a run: the same results, once', async () => {
    createAppSite(toTriage, { env: { MEDUSA_TEST_SLOW: '150' } });
    let gateway: GatewayProcess = await site.start();
    await site.send(site.write('study', ct(10, 6)));
    await until(gateway, (now) => appOf(now, 'triage').tasks.running === 1, 'running');
    await new Promise((resolve) => setTimeout(resolve, 400));
    await gateway.kill();
    gateway = await site.start();
    const status = await until(gateway, (now) => isDone(now, 1), 'done');
    expect(appOf(status, 'triage')).toMatchObject({ runs: 1, instancesOut: 10, files: 20 });
    expect((await runs('finished')).map(({ revision }) => revision)).toEqual([1]);
    await gateway.stop();
    expect(await proof()).toMatchObject({ missing: [], faults: [], verified: 30 });
    expect(allFiles().filter((file) => file.endsWith('.png'))).toHaveLength(10);
  });

  test('what is urgent overtakes', async () => {
    createAppSite(toTriage, {
      env: { MEDUSA_TEST_SLOW: '100' },
      processing: ', concurrency: 1',
      peers: '[{ aeTitle: ER, priority: urgent }, { aeTitle: "*" }]',
    });
    const gateway = await site.start();
    for (const seed of [7, 8]) await site.send(site.write(`slow-${seed}`, ct(40, seed)), { calling: 'WARD' });
    await until(gateway, (now) => appOf(now, 'triage').tasks.running === 1, 'running');
    await site.send(site.write('urgent', ct(3, 9)), { calling: 'ER' });
    await until(gateway, (now) => isDone(now, 3), 'done');
    const order = (await runs('finished')).sort((a, b) => (a.finishedAt ?? 0) - (b.finishedAt ?? 0));
    expect(order.map(({ priority }) => priority)).toEqual(['urgent', 'normal', 'normal']);
  });
});
