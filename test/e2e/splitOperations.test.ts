/** Around split applications in the real gateway: storage commitment, revisions, completion, retention, the operator, key conflicts. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { createMemoryLog } from '../../src/base/log.ts';
import type { CommitmentReport } from '../../src/dicom/dataSet/commitmentDataSets.ts';
import { type ReportReceiver, startReportReceiver } from '../../src/dicom/scu/reportReceiver.ts';
import { requestCommitment } from '../../src/dicom/scu/storageCommitment.ts';
import type { GatewayStatus } from '../../src/web/status.ts';
import { ctStudy, type SyntheticInstance, usMultiFrame, writePart10File } from '../../synthetic/index.ts';
import type { GatewayProcess } from '../support/gatewayProcess.ts';
import { freePorts } from '../support/serverProcess.ts';
import { appOf, filesIn, isDelivered, isSettled, proofOf, runsOf, writeApplication } from './applicationSite.ts';
import { waitFor } from './commitmentSupport.ts';
import { createSite, portOf, type Site, type SiteOptions, until } from './site.ts';

const gatewayProgram = fileURLToPath(new URL('../../bin/medusa-gateway', import.meta.url));

const manifest = (name: string, options: string, deliver = 'both') => `name: ${name}
version: 1.0.0
description: de-identified instances and their headers
scope: study
select: {}
dataPart: { steps: [deidentify: { options: [${options}] }, metadata] }
deliver: ${deliver}
`;
const toHeaders = '[{ name: all, store: local, application: headers }]';

const configuration = (settings: { routes?: string; study?: string; keep?: string } = {}) => {
  const { routes = toHeaders, study = 'quietSeconds: 1, onAssociationEnd: 0.1', keep = '24h' } = settings;
  return `spool: { segmentSize: 4MiB, quota: 256MiB, preallocate: 1, reserve: 0, keepDelivered: ${keep} }
study: { ${study} }
stores: [{ name: local, type: directory, path: ./store }]
delivery: { retry: { initial: 100ms, cap: 500ms } }
applications: { directory: ./apps }
processing: { retry: { initial: 100ms, cap: 1s } }
storageCommitment: { reportRetry: { initial: 100ms, cap: 500ms }, giveUpAfter: 2min }
routes: ${routes}
`;
};

let site: Site;
let gateway: GatewayProcess;
let receiver: ReportReceiver | undefined;
afterEach(async () => {
  await receiver?.stop();
  receiver = undefined;
  await site?.remove();
});

function create(settings: Parameters<typeof configuration>[0] = {}, options: SiteOptions = {}): void {
  site = createSite(configuration(settings), options);
  writeApplication(site, 'headers', { 'application.yaml': manifest('headers', 'retainModifiedDates') });
  writeApplication(site, 'kept', {
    'application.yaml': manifest('kept', 'retainUids, retainModifiedDates', 'instances'),
  });
}

const ct = (slices: number, seed: number, rows = 64) => [...ctStudy({ slices, seed, rows, columns: rows })];
const send = (name: string, instances: SyntheticInstance[]) =>
  site.send(site.write(name, instances), { associations: 1 });
const isDone = (status: GatewayStatus) => isSettled(status) && isDelivered(status);
const tasksOf = (status: GatewayStatus) => appOf(status, 'headers').tasks;

/** The store refuses everything until `open`. */
function closeStore(): { open(): void } {
  const store = join(site.directory, 'store');
  const aside = join(site.directory, 'aside');
  renameSync(store, aside);
  writeFileSync(store, 'a file in the place of the folder');
  return {
    open: () => {
      rmSync(store);
      renameSync(aside, store);
    },
  };
}

const medusa = (...args: string[]) =>
  spawnSync(gatewayProgram, [...args, '--config', join(site.directory, 'gateway.yaml')], { encoding: 'utf8' });

describe('split applications in operation', () => {
  test('commitment that means delivered: when the results are, and not for what was set aside', async () => {
    const reports: CommitmentReport[] = [];
    const [port = 0] = await freePorts(1);
    receiver = await startReportReceiver({
      ...{ host: '127.0.0.1', port, log: createMemoryLog().log },
      onReport: (report) => reports.push(report) && 0,
    });
    const commitment = `{ means: delivered, report: { host: 127.0.0.1, port: ${port} } }`;
    create({}, { peers: `[{ aeTitle: E2E, storageCommitment: ${commitment} }]` });
    const store = closeStore();
    gateway = await site.start();
    const study = ct(3, 1);
    await send('study', study);
    await until(gateway, (now) => tasksOf(now).finished === 1, 'run');
    const { listeners } = await gateway.status();
    const target = {
      host: '127.0.0.1',
      port: portOf(listeners[0]?.address ?? ''),
      callingAeTitle: 'E2E',
      calledAeTitle: 'MEDUSA',
    };
    const ask = (instances: SyntheticInstance[]) =>
      requestCommitment(
        target,
        instances.map(({ sopClassUid, sopInstanceUid }) => ({ sopClassUid, sopInstanceUid })),
      );
    await ask(study);
    await until(gateway, ({ commitments }) => commitments[0]?.pending === 1, 'pending');
    expect(reports).toEqual([]);
    store.open();
    await waitFor('report', () => reports.length === 1, 90_000);
    expect(reports[0]).toMatchObject({ failed: [] });
    expect(reports[0]?.committed).toHaveLength(3);

    const risky = usMultiFrame({ frames: 2, rows: 64, columns: 64 });
    mkdirSync(join(site.directory, 'us'));
    writePart10File(join(site.directory, 'us', 'us.dcm'), risky);
    await site.send(join(site.directory, 'us'), { associations: 1 });
    await until(gateway, (now) => tasksOf(now).quarantined === 1, 'set aside');
    await ask([risky]);
    await waitFor('second report', () => reports.length === 2, 90_000);
    expect(reports[1]).toMatchObject({ committed: [], failed: [{ failureReason: 0x0110 }] });
  }, 120_000);

  test('what comes late is the next revision; the manifest of the study names both', async () => {
    create();
    gateway = await site.start();
    const study = ct(5, 2);
    await send('first', study.slice(0, 3));
    await until(gateway, (now) => tasksOf(now).finished === 1 && isDone(now), 'first');
    await send('late', study.slice(3));
    await until(gateway, (now) => tasksOf(now).finished === 2 && isDone(now), 'second');
    const [file = ''] = filesIn(site, 'store').filter((one) => /manifest[^/]*\.json$/.test(one));
    const { applications, objects } = JSON.parse(readFileSync(file, 'utf8'));
    expect(applications.map(({ revision, instancesIn }: Record<string, number>) => [revision, instancesIn])).toEqual([
      [1, 3],
      [2, 5],
    ]);
    expect(objects.filter(({ key }: { key: string }) => key.endsWith('.dcm'))).toHaveLength(5);
    await gateway.stop();
    expect(await proofOf(site, 'local')).toMatchObject({ missing: [], faults: [] });
  }, 120_000);

  test('a study is begun early: when its sender has ended the association, or has sent as many as it said', async () => {
    create({ study: 'quietSeconds: 600, onAssociationEnd: 0.5' });
    gateway = await site.start();
    await send('study', ct(3, 3));
    await until(gateway, (now) => tasksOf(now).finished === 1, 'at the end of the association');
    await gateway.stop();
    await site.remove();

    create({ study: 'quietSeconds: 600, onAssociationEnd: off' });
    gateway = await site.start();
    const whole = ct(3, 4).map((one) => announcing(one, 3));
    const partial = ct(3, 5).map((one) => announcing(one, 4));
    for (const [name, files] of Object.entries({ partial, whole })) {
      mkdirSync(join(site.directory, name));
      for (const [at, bytes] of files.entries()) writeFileSync(join(site.directory, name, `${at}.dcm`), bytes);
      await site.send(join(site.directory, name), { associations: 1 });
    }
    const status = await until(gateway, (now) => tasksOf(now).finished === 1, 'as many as announced');
    expect(tasksOf(status)).toMatchObject({ gathering: 1, due: 0 });
    expect(await runsOf(site, 'finished')).toMatchObject([{ study: ct(1, 4)[0]?.studyInstanceUid, instances: 3 }]);
  }, 120_000);

  test('inputs leave the spool only when their results are delivered', async () => {
    create({ keep: '0s' });
    const store = closeStore();
    gateway = await site.start();
    for (const seed of [6, 7]) await send(`study-${seed}`, ct(20, seed, 256));
    const before = await until(gateway, (now) => tasksOf(now).finished === 2, 'run');
    expect(before.spool.instances).toMatchObject({ routed: 40, delivered: 0 });
    await new Promise((resolve) => setTimeout(resolve, 2_000)); // the reclaimer has had its chance
    const still = await gateway.status();
    expect(still.spool.instances).toMatchObject({ routed: 40, delivered: 0 });
    store.open();
    const after = await until(gateway, (now) => isDone(now) && now.spool.usedBytes < still.spool.usedBytes, 'pruned');
    expect(after.spool.instances.routed).toBe(0);
    await gateway.stop();
    expect(await proofOf(site, 'local')).toMatchObject({ missing: [], faults: [] });
    expect(site.stored('store')).toHaveLength(40);
  }, 120_000);

  test('a restart with tasks that wait; an operator sees, retries, and is told of what is not there', async () => {
    create({ study: 'quietSeconds: 15, onAssociationEnd: 15' });
    gateway = await site.start();
    for (const seed of [8, 9]) await send(`study-${seed}`, ct(3, seed));
    await until(gateway, (now) => tasksOf(now).gathering === 2, 'gathering');
    const waiting = medusa('app', 'runs');
    expect(waiting.stdout).toContain('gathering');
    await gateway.kill();
    gateway = await site.start();
    await until(gateway, (now) => tasksOf(now).finished === 2 && isDone(now), 'done after the restart');
    const risky = usMultiFrame({ frames: 2, rows: 64, columns: 64 });
    mkdirSync(join(site.directory, 'us'));
    writePart10File(join(site.directory, 'us', 'us.dcm'), risky);
    await site.send(join(site.directory, 'us'), { associations: 1 });
    await until(gateway, (now) => tasksOf(now).quarantined === 1, 'set aside');
    const [run] = await runsOf(site, 'quarantined');
    const id = String(run?.id);
    const listed = medusa('app', 'runs', '--state', 'quarantined');
    expect(listed.status).toBe(0);
    expect(listed.stdout).toContain(risky.studyInstanceUid);
    const shown = medusa('app', 'runs', id);
    expect(shown.stdout).toContain('deidentify.burned-in-risk');
    const retried = medusa('app', 'retry', id);
    expect([retried.status, retried.stderr]).toEqual([0, '']);
    await until(gateway, (now) => tasksOf(now).quarantined === 1 && tasksOf(now).due === 0, 'set aside once more');
    expect(medusa('app', 'retry', '99999').status).not.toBe(0);
    const queue = medusa('queue', 'list', '--state', 'delivered');
    expect(queue.stdout).toContain('headers');
  }, 120_000);

  test('originals and results under one key: the first stays, the other is set aside and named', async () => {
    create({
      routes: '[{ name: whole, store: local }, { name: kept, store: local, application: kept }]',
      study: 'quietSeconds: 1, onAssociationEnd: 0.5',
    });
    gateway = await site.start();
    const study = ct(2, 10);
    await send('study', study);
    const status = await until(gateway, (now) => isSettled(now) && now.stores[0]?.quarantined === 2, 'set aside');
    expect(status.spool.instances.quarantined).toBe(2);
    const refused = (await gateway.deliveries()).filter(({ state }) => state === 'quarantined');
    expect(refused).toHaveLength(2);
    for (const { lastError, result } of refused) {
      expect(lastError).toMatchObject({ code: 'store.conflict', hint: expect.stringContaining('compare the two') });
      expect(result).toMatchObject({ application: 'kept' });
    }
    expect(status.warnings.map(({ code }) => code)).toContain('delivery.quarantined');
    expect(site.stored('store').map((file) => readFileSync(file).includes('Synthetic^Phantom'))).toEqual([true, true]);
    await gateway.stop();
    expect(await proofOf(site, 'local')).toMatchObject({ missing: [], faults: [] });
  }, 120_000);
});

/** The Part 10 file of an instance that says how many its study has in all: Number of Study Related Instances (0020,1208). */
function announcing(instance: SyntheticInstance, count: number): Buffer {
  const file = instance.part10();
  const before = file.indexOf(Buffer.from([0x28, 0, 0x02, 0, 0x55, 0x53]));
  const element = Buffer.concat([
    Buffer.from([0x20, 0, 0x08, 0x12]),
    Buffer.from('IS\x02\x00'),
    Buffer.from(`${count} `),
  ]);
  return Buffer.concat([file.subarray(0, before), element, file.subarray(before)]);
}
