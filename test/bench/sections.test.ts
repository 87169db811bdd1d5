/** The bench's sections in small: real receivers, a few instances, and figures that cannot be made up. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { measureDelivery } from '../../bench/delivery.ts';
import { loadgenMissing } from '../../bench/loadgen.ts';
import { ceilingPipeline, gatewayPipeline, storescpPipeline } from '../../bench/pipelines.ts';
import { processTree, residentBytes } from '../../bench/processTree.ts';
import type { CreateReceiver } from '../../bench/receiver.ts';
import { createGateway } from '../../bench/receivers/gateway.ts';
import { createSink } from '../../bench/receivers/sink.ts';
import { createStorescpFork } from '../../bench/receivers/storescp.ts';
import { measureReception } from '../../bench/reception.ts';
import type { ReceptionCase } from '../../bench/receptionPlan.ts';
import { fileSystemOf, openStorage, type Storage } from '../../bench/storage.ts';
import type { StoreConfiguration } from '../../src/delivery/store/objectStore.ts';
import { openStore } from '../../src/delivery/store/openStore.ts';
import { ctStudy, writeStudy } from '../../synthetic/index.ts';
import { createTestPki, type TestPki } from '../support/certificates.ts';
import { storescpMissing } from '../support/dcmtkPeers.ts';

const directory = mkdtempSync(join(tmpdir(), 'sections-'));
const missing = loadgenMissing() ?? storescpMissing();
const storage: Storage = { directory, fileSystem: 'test', remove: () => {} };
const say = () => {};
let pki: TestPki;
beforeAll(async () => {
  pki = await createTestPki(join(directory, 'pki'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true, maxRetries: 3 }));

const whatFor = (transport: 'tls' | 'plain'): ReceptionCase => ({
  ...{ transport, kind: 'CT', associations: 2, count: 6, rounds: 2 },
});

describe.skipIf(missing)(`reception in small ${missing ?? ''}`, () => {
  const failing: CreateReceiver = (setting) => ({
    ...createSink(setting),
    name: 'broken',
    start: () => Promise.reject(new Error('package missing')),
  });

  it('measures each receiver in each round, and says what could not run', async () => {
    const receivers = { gateway: (s: Parameters<CreateReceiver>[0]) => createGateway(s), storescp: createStorescpFork };
    const all = { ...receivers, sink: createSink, failing };
    const cases = [whatFor('tls'), whatFor('plain')];
    const deadline = Number.POSITIVE_INFINITY;
    const result = await measureReception({ cases, receivers: all, storage, pki, deadline, say });
    expect(result.couldNotRun).toEqual({ 'broken (tls)': 'package missing', 'broken (plain)': 'package missing' });
    const names = ['gateway', 'null sink', 'storescp --fork', 'storescp --fork + sync'];
    for (const what of cases) {
      const rows = result.rows.filter((row) => row.case === what);
      expect(rows.map((row) => row.receiver).sort()).toEqual(names);
      for (const { runs } of rows) {
        expect(runs).toHaveLength(2);
        for (const run of runs) expect(run?.rssBytes).toBeGreaterThan(1e6);
      }
    }
    const rate = (name: string) => result.rows.find((row) => row.receiver === name)?.runs[0]?.instancesPerSecond ?? 0;
    expect(rate('storescp --fork')).toBeGreaterThan(rate('storescp --fork + sync'));
    expect(result.tlsUsed).toEqual(['TLSv1.3 TLS_AES_256_GCM_SHA384']);
  });

  it('leaves out what does not begin in time, and says so', async () => {
    const receivers = { sink: createSink };
    const result = await measureReception({ cases: [whatFor('tls')], receivers, storage, pki, deadline: 0, say });
    expect(result).toMatchObject({ rows: [], couldNotRun: { 'CT TLS 2': 'left out: time is up' } });
  });
});

describe.skipIf(missing)(`delivery in small ${missing ?? ''}`, () => {
  it('counts a study as delivered when the store has all of it', async () => {
    const path = join(directory, 'objects');
    mkdirSync(path);
    const configuration: StoreConfiguration = { name: 'local', type: 'directory', path, prefix: 'bench' };
    const ready = join(directory, 'ready');
    writeStudy(ready, ctStudy({ slices: 32, rows: 64, columns: 64 }));
    const at = (name: string) => {
      mkdirSync(join(directory, name), { recursive: true });
      return { transport: 'tls' as const, directory: join(directory, name), pki };
    };
    const pipelines = [
      gatewayPipeline(at('gateway'), configuration),
      storescpPipeline(createStorescpFork(at('storescp')), at('storescp'), configuration),
      ceilingPipeline(ready, configuration),
    ];
    const store = openStore(configuration);
    const setting = { title: 'a directory', pipelines, store, storage, slices: 8, rounds: 2 };
    const result = await measureDelivery({ ...setting, deadline: Number.POSITIVE_INFINITY, say });
    await store.close();
    expect(result.couldNotRun).toEqual({});
    expect(result.rows.map((row) => row.pipeline)).toEqual(['gateway', 'storescp --fork + upload', 'store ceiling']);
    for (const { rates } of result.rows) for (const rate of rates) expect(rate).toBeGreaterThan(0);
  });
});

describe('storage', () => {
  it('is on a disk, said by name; memory is refused', () => {
    const opened = openStorage(join(directory, 'storage'));
    expect(opened.fileSystem).toMatch(/^\w+ on \S+ \(\S+\)$/);
    opened.remove();
    expect(() => openStorage('/dev/shm/medusa-bench')).toThrow('is in memory');
    rmSync('/dev/shm/medusa-bench', { recursive: true });
    expect(fileSystemOf('/proc/self')).toMatch(/^proc /);
  });
});

describe('processes', () => {
  it('are found with their descendants', () => {
    expect(processTree(process.pid)).toContain(process.pid);
    expect(processTree(process.ppid)).toContain(process.pid);
    expect(residentBytes([process.pid])).toBeGreaterThan(10e6);
    expect(residentBytes([2 ** 22 + 1])).toBe(0);
  });
});
