import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StoreConfiguration } from '../../src/delivery/store/objectStore.ts';
import { openStore } from '../../src/delivery/store/openStore.ts';
import { type CephServer, cephMissing, startCeph } from '../support/cephServer.ts';
import { type DeliverySite, directoryStores, identifying, outputStudy, startSite } from './deliverySite.ts';

const missing = cephMissing();
if (missing) console.warn(`skipped: results of split applications in an S3 store: ${missing}`);

const MiB = 2 ** 20;

describe.skipIf(missing !== undefined)('results of a split application in an S3 store', () => {
  let ceph: CephServer;
  let directory: string;
  let site: DeliverySite;
  let stores: StoreConfiguration[];

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'medusa-results-ceph-'));
    ceph = await startCeph();
    await ceph.createBucket('research');
    const { endpoint, region, accessKeyId, secretAccessKey } = ceph;
    const access = { endpoint, region, accessKeyId, secretAccessKey, pathStyle: true };
    const research = { ...access, bucket: 'research', prefix: '', multipartThreshold: 5 * MiB, partSize: 5 * MiB };
    stores = [...directoryStores(directory).slice(0, 1), { name: 'research', type: 's3', ...research }];
  }, 180_000);
  afterAll(async () => {
    await site?.stop();
    await ceph?.remove();
    if (directory) rmSync(directory, { recursive: true, force: true });
  }, 60_000);

  it('are delivered from their pieces, in one part or several, proved, and say nothing of their origin', async () => {
    site = await startSite({ directory, stores });
    site.start();
    await site.receive(0, 3);
    await site.receive(3, 4, 11 * MiB);
    await site.work();
    await site.settled();
    const objects = 4 + 2;
    expect(await site.verify('research')).toMatchObject({
      ...{ ok: true, objects, verified: objects, unexpected: [], manifests: { verified: 1 } },
      chain: { withheld: 4 },
    });
    const ledger = site.ledgerLines();
    expect(await site.verify('research', { receipts: ledger })).toMatchObject({ ok: true, storedChain: { ok: true } });
    expect(await site.verify('vault')).toMatchObject({ ok: true, objects: 4, chain: { withheld: objects } });

    const research = stores[1];
    if (research === undefined) throw new Error('no store');
    const store = openStore(research);
    const keys: string[] = [];
    for await (const { key } of store.list('')) {
      keys.push(key);
      const chunks: Uint8Array[] = [];
      for await (const chunk of store.get(key)) chunks.push(chunk);
      const content = Buffer.concat(chunks);
      for (const value of identifying) expect(content.includes(value) || key.includes(value), key).toBe(false);
    }
    await store.close();
    expect(keys).toContain(`site/studies/${outputStudy}/results/ct/1.0.0/report.json`);
    expect(keys).toContain(`site/studies/${outputStudy}/manifest.json`);
  }, 120_000);
});
