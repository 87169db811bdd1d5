import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tinyStudy } from '../../synthetic/index.ts';
import { type CephServer, cephMissing, startCeph } from '../support/cephServer.ts';
import { type Fault, type FaultyProxy, startFaultyProxy } from '../support/faultyProxy.ts';
import { createSite, type Site, storeOf, until } from './site.ts';

const missing = cephMissing();
if (missing) console.warn(`skipped: stores that refuse for a while: ${missing}`);

const configuration = (endpoint: string, access: { accessKeyId: string; secretAccessKey: string }, bucket: string) => `
spool: { segmentSize: 8MiB, quota: 256MiB, preallocate: 2, reserve: 0 }
study: { quietSeconds: 1 }
stores:
  - { name: good, type: directory, path: ./store }
  - name: moody
    type: s3
    endpoint: ${endpoint}
    bucket: ${bucket}
    accessKeyId: ${access.accessKeyId}
    secretAccessKey: ${access.secretAccessKey}
delivery: { retry: { initial: 200ms, cap: 1s } }
routes:
  - { name: to-good, store: good }
  - { name: to-moody, store: moody }
`;

describe.skipIf(missing !== undefined)('a store that refuses for a while', () => {
  let ceph: CephServer;
  let proxy: FaultyProxy;
  let site: Site;
  let seed = 100;

  beforeAll(async () => {
    ceph = await startCeph();
    proxy = await startFaultyProxy(ceph.endpoint);
  }, 180_000);
  afterAll(async () => {
    await proxy?.close();
    await ceph?.remove();
    await site?.remove();
  });

  const faults: Array<[string, Fault]> = [
    ['503 SlowDown', { kind: 'answer', status: 503, code: 'SlowDown' }],
    ['403 AccessDenied', { kind: 'answer', status: 403, code: 'AccessDenied' }],
    ['507 out of space', { kind: 'answer', status: 507, code: 'QuotaExceeded' }],
    ['no answer to what it did', { kind: 'loseAnswer' }],
  ];
  test.for(faults)('%s: nothing is lost or stuck, and the other store does not wait', async ([name, fault]) => {
    await site?.remove();
    const bucket = `e2e-${seed}`;
    await ceph.createBucket(bucket);
    site = createSite(configuration(proxy.endpoint, ceph, bucket));
    proxy.setFault(fault, { when: (method) => method === 'PUT' || method === 'POST' });
    const gateway = await site.start();
    const count = 30;
    const report = await site.send(site.write('study', tinyStudy({ instances: count, seed: seed++ })));
    expect(report.acknowledged, name).toBe(count);
    const during = await until(
      gateway,
      (status) => storeOf(status, 'good').delivered === count,
      'delivered to the good one',
    );
    expect(storeOf(during, 'moody').delivered).toBeLessThan(count);
    expect(storeOf(during, 'moody').quarantined).toBe(0);
    proxy.setFault({ kind: 'pass' });
    const settled = await until(
      gateway,
      (status) => storeOf(status, 'moody').delivered === count && status.studies.open === 0,
      'delivered to the moody one',
    );
    expect(storeOf(settled, 'moody').quarantined).toBe(0);
    expect(settled.receipts.count).toBe(2 * count);
    expect(await gateway.stop()).toBe(0);
  });

  test('stopped and started again', async () => {
    await site?.remove();
    const bucket = `e2e-${seed}`;
    await ceph.createBucket(bucket);
    site = createSite(configuration(ceph.endpoint, ceph, bucket));
    const gateway = await site.start();
    await ceph.stopGateway();
    const count = 25;
    await site.send(site.write('study', tinyStudy({ instances: count, seed: seed++ })));
    await until(gateway, (status) => storeOf(status, 'good').delivered === count, 'delivered to the good one');
    const out = await until(gateway, (status) => storeOf(status, 'moody').state === 'waiting', 'seen as unavailable');
    expect(storeOf(out, 'moody').lastError?.code).toMatch(/^store\./);
    await ceph.startGateway();
    await until(gateway, (status) => storeOf(status, 'moody').delivered === count, 'delivered after the outage');
    expect(site.log()).toMatch(/store\.unavailable/);
    expect(site.log()).toMatch(/store\.available/);
  });
});
