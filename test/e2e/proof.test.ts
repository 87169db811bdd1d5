import { readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Configuration } from '../../src/gateway/config/configuration.ts';
import { loadConfiguration } from '../../src/gateway/config/configuration.ts';
import { verifyStore } from '../../src/gateway/verifyTool.ts';
import { tinyStudy } from '../../synthetic/index.ts';
import { createSite, type Site, storeOf, until } from './site.ts';

const instances = 6;

describe('proof, as the command gives it', () => {
  let site: Site;
  let config: Configuration;

  beforeEach(async () => {
    site = createSite(`spool: { segmentSize: 4MiB, quota: 64MiB, preallocate: 1, reserve: 0 }
study: { quietSeconds: 1 }
stores: [{ name: local, type: directory, path: ./store }]
routes: [{ name: all, store: local }]
`);
    const gateway = await site.start();
    await site.send(site.write('study', tinyStudy({ instances, seed: 7 })));
    await until(
      gateway,
      (status) => storeOf(status, 'local').delivered === instances && status.studies.open === 0,
      'done',
    );
    await until(gateway, (status) => storeOf(status, 'local').queued === 0, 'manifested');
    await gateway.stop();
    const loaded = loadConfiguration(join(site.directory, 'gateway.yaml'));
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
    config = loaded.config;
  });
  afterEach(() => site.remove());

  const verify = async () => {
    const [store] = config.stores;
    if (store === undefined) throw new Error('no store');
    return verifyStore(config, store, new AbortController().signal);
  };
  const manifest = () => {
    const found = readdirSync(join(site.directory, 'store'), { recursive: true, encoding: 'utf8' });
    return join(site.directory, 'store', found.find((path) => path.endsWith('manifest.json')) ?? '');
  };
  const receipts = () => join(site.stateDirectory, 'receipts', 'ledger.jsonl');

  test('is whole after a study, also without an index', async () => {
    expect(await verify()).toMatchObject({ receipts: instances, verified: instances, missing: [], faults: [] });
    for (const name of readdirSync(join(site.stateDirectory, 'spool')).filter((entry) => entry.startsWith('index'))) {
      rmSync(join(site.stateDirectory, 'spool', name));
    }
    expect(await verify()).toMatchObject({ receipts: instances, verified: instances, missing: [], faults: [] });
  });

  test('misses the manifest of a complete study', async () => {
    rmSync(manifest());
    expect((await verify()).faults).toEqual([expect.stringMatching(/manifest of a complete study is not there/)]);
  });

  test('misses receipts that were lost, and a gateway without them receives but does not deliver', async () => {
    renameSync(receipts(), `${receipts()}.kept`);
    expect((await verify()).faults.join()).toMatch(/lost or cut/);
    const paused = await site.start();
    const report = await site.send(site.write('second', tinyStudy({ instances: 3, seed: 8 })));
    expect(report.acknowledged).toBe(3);
    const status = await until(paused, (now) => storeOf(now, 'local').queued === 3, 'queued');
    expect(status.warnings.map((warning) => warning.code)).toContain('receipts.unusable');
    expect(storeOf(status, 'local').delivered).toBe(instances);
    await paused.stop();
    renameSync(`${receipts()}.kept`, receipts());
    const gateway = await site.start();
    await until(gateway, (now) => storeOf(now, 'local').delivered === instances + 3, 'delivered the rest');
    expect((await gateway.status()).receipts.count).toBe(instances + 3);
  });

  test('an object that the store lost is named, and can be sent again', async () => {
    const [lost = ''] = site.stored('store');
    rmSync(lost);
    expect((await verify()).missing).toHaveLength(1);
    const gateway = await site.start();
    const entry = (await gateway.deliveries()).find(({ key }) => lost.endsWith(key));
    expect(entry?.state).toBe('delivered');
    expect(await gateway.retry(entry?.id ?? 0)).toBe(1);
    await until(gateway, () => site.stored('store').length === instances, 'sent again');
    await until(gateway, (status) => storeOf(status, 'local').queued === 0, 'receipted');
    await gateway.stop();
    expect(await verify()).toMatchObject({ verified: instances, missing: [] });
  });
});
