import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createMemoryLog } from '../../src/base/log.ts';
import type { CommitmentReport, SopReference } from '../../src/dicom/dataSet/commitmentDataSets.ts';
import { type ReportReceiver, startReportReceiver } from '../../src/dicom/scu/reportReceiver.ts';
import type { ScuTarget } from '../../src/dicom/scu/requestor.ts';
import { type CommitmentOptions, requestCommitment } from '../../src/dicom/scu/storageCommitment.ts';
import { type SyntheticInstance, tinyStudy } from '../../synthetic/index.ts';
import type { GatewayProcess } from '../support/gatewayProcess.ts';
import { associateRq, dataPdus, RawPeer, storageContext, storeCommand } from '../support/rawPeer.ts';
import { freePorts } from '../support/serverProcess.ts';
import { waitFor } from './commitmentSupport.ts';
import { createSite, portOf, type Site, storeOf, until } from './site.ts';

const settings = `spool: { segmentSize: 4MiB, quota: 64MiB, preallocate: 1, reserve: 0 }
stores: [{ name: local, type: directory, path: ./store }]
routes: [{ name: all, store: local }]
delivery: { retry: { initial: 100ms, cap: 500ms } }
storageCommitment: { reportRetry: { initial: 100ms, cap: 500ms } }
`;
const referencesOf = (study: Iterable<SyntheticInstance>): SopReference[] =>
  [...study].map(({ sopClassUid, sopInstanceUid }) => ({ sopClassUid, sopInstanceUid }));

describe('storage commitment, end to end', () => {
  let reportPort = 0;
  let receiver: ReportReceiver | undefined;
  let site: Site;
  let gateway: GatewayProcess;
  const reports: CommitmentReport[] = [];

  beforeEach(async () => {
    reports.length = 0;
    [reportPort = 0] = await freePorts(1);
  });
  afterEach(async () => {
    await receiver?.stop();
    receiver = undefined;
    await site?.remove();
  });

  async function listen(): Promise<void> {
    receiver = await startReportReceiver({
      host: '127.0.0.1',
      port: reportPort,
      log: createMemoryLog().log,
      onReport: (report) => {
        reports.push(report);
        return 0;
      },
    });
  }

  const create = (storageCommitment: string) => {
    site = createSite(settings, { peers: `[{ aeTitle: E2E${storageCommitment} }, { aeTitle: OTHER }]` });
  };
  const reportHere = () => `report: { host: 127.0.0.1, port: ${reportPort} }`;

  async function target(callingAeTitle = 'E2E'): Promise<ScuTarget> {
    const { listeners } = await gateway.status();
    const port = portOf(listeners[0]?.address ?? ':0');
    return { host: '127.0.0.1', port, callingAeTitle, calledAeTitle: 'MEDUSA' };
  }
  const ask = async (references: SopReference[], options?: CommitmentOptions) =>
    requestCommitment(await target(), references, options);
  const reportOf = async (transactionUid: string): Promise<CommitmentReport> => {
    const find = () => reports.find((report) => report.transactionUid === transactionUid);
    await waitFor('report', () => find() !== undefined);
    return find() as CommitmentReport;
  };

  test('spooled: what was acknowledged a moment ago is committed, each time; what is not yet whole is not', async () => {
    create(`, storageCommitment: { ${reportHere()} }`);
    gateway = await site.start();
    await listen();
    for (let seed = 1; seed <= 15; seed++) {
      const study = [...tinyStudy({ instances: 2, seed })];
      await site.send(site.write(`study${seed}`, study), { associations: 1 });
      const { transactionUid } = await ask(referencesOf(study));
      expect((await reportOf(transactionUid)).failed).toEqual([]);
    }

    const peer = await RawPeer.connect((await target()).port);
    peer.send(associateRq({ callingAeTitle: 'E2E', calledAeTitle: 'MEDUSA' }));
    expect(await peer.answer()).toBe('AC');
    const asked = { sopClassUid: storageContext.abstractSyntax, sopInstanceUid: '1.2.3.4.5.6.7' };
    const [whole] = [...tinyStudy({ instances: 1, seed: 99 })];
    const pdus = dataPdus(whole?.dataSet ?? Buffer.alloc(0));
    peer.send(storeCommand({ affectedSopInstanceUid: asked.sopInstanceUid }), pdus.subarray(0, -100));
    const early = await ask([asked]);
    expect((await reportOf(early.transactionUid)).failed).toEqual([{ ...asked, failureReason: 0x0112 }]);
    peer.send(pdus.subarray(-100));
    expect(await peer.answer()).toBe('status 0000 to 1');
    const late = await ask([asked]);
    expect((await reportOf(late.transactionUid)).committed).toEqual([asked]);
    peer.destroy();
  });

  test('delivered: waits for the store, over a restart, and then says so', async () => {
    create(`, storageCommitment: { means: delivered, ${reportHere()} }`);
    const store = join(site.directory, 'store');
    rmSync(store, { recursive: true });
    writeFileSync(store, 'a file in the place of the folder'); // the store cannot be opened
    gateway = await site.start();
    await listen();
    const study = [...tinyStudy({ instances: 5, seed: 7 })];
    await site.send(site.write('study', study));
    const { transactionUid } = await ask([...referencesOf(study), { sopClassUid: '1.2.9', sopInstanceUid: '1.9' }]);
    await until(gateway, (status) => storeOf(status, 'local').state === 'waiting', 'refused by the store');
    await gateway.kill();
    gateway = await site.start();
    const before = await until(gateway, ({ commitments }) => commitments[0]?.pending === 1, 'pending again');
    expect(storeOf(before, 'local').delivered).toBe(0);
    expect(reports).toEqual([]);
    rmSync(store);
    mkdirSync(store);
    const report = await reportOf(transactionUid);
    expect(report.committed).toEqual(referencesOf(study));
    expect(report.failed).toEqual([{ sopClassUid: '1.2.9', sopInstanceUid: '1.9', failureReason: 0x0112 }]);
    expect(storeOf(await gateway.status(), 'local').delivered).toBe(5);
  });

  test('the report comes on the same association, and on one of ours when that is released first', async () => {
    create(`, storageCommitment: { sameAssociation: true, ${reportHere()} }`);
    gateway = await site.start();
    await listen();
    const study = [...tinyStudy({ instances: 3, seed: 8 })];
    await site.send(site.write('study', study));
    const same = await ask(referencesOf(study), { waitMs: 30_000 });
    expect(same.report).toEqual({ transactionUid: same.transactionUid, committed: referencesOf(study), failed: [] });
    await until(gateway, ({ commitments }) => commitments[0]?.reported === 1, 'counted');
    expect(reports).toEqual([]);

    const refusing = await ask(referencesOf(study), { waitMs: 30_000, reportStatus: 0x0110 });
    expect(refusing.report?.failed).toEqual([]); // it came, and we did not take it
    expect((await reportOf(refusing.transactionUid)).committed).toHaveLength(3);

    const released = await ask(referencesOf(study));
    expect(released.report).toBeUndefined();
    await waitFor('a report somewhere', () => site.log().split('"commitment.reported"').length === 4);
  });

  test('a report goes to no host that is not configured, not even to one that was', async () => {
    create(`, storageCommitment: { ${reportHere()} }`);
    gateway = await site.start();
    const study = [...tinyStudy({ instances: 1, seed: 9 })];
    await site.send(site.write('study', study));
    const { transactionUid } = await ask(referencesOf(study));
    await waitFor('an attempt', () => site.log().includes('"commitment.unreachable"'));
    await gateway.kill();
    const file = join(site.directory, 'gateway.yaml');
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replace(`{ ${reportHere()} }`, '{}'));
    expect(readFileSync(file, 'utf8')).not.toBe(text);
    await listen();
    gateway = await site.start();
    const status = await gateway.status();
    expect(status.commitments).toMatchObject([{ aeTitle: 'E2E', reporting: 1 }]);
    await new Promise((resolve) => setTimeout(resolve, 2_000)); // several times the longest wait between attempts
    expect(reports).toEqual([]);
    // It goes on the next association which that peer opens, and on no other's.
    await expect(requestCommitment(await target('OTHER'), referencesOf(study))).rejects.toThrow(
      /does not take this SOP/,
    );
    const later = await ask(referencesOf(study), { transactionUid: '1.2.3', waitMs: 30_000 });
    expect(later.report?.committed).toHaveLength(1);
    await waitFor('both', () => site.log().split('"commitment.reported"').length === 3);
    expect(site.log()).toContain(`"transactionUid":"${transactionUid}"`);
    expect(reports).toEqual([]);
  });

  test('huge and doubled lists are answered, or refused, while others store', async () => {
    create(`, storageCommitment: { ${reportHere()} }`);
    gateway = await site.start();
    await listen();
    const study = [...tinyStudy({ instances: 20, seed: 10 })];
    const [first] = referencesOf(study);
    if (first === undefined) throw new Error('no instance');
    const folder = site.write('study', study);
    await site.send(folder);
    const unknown = Array.from({ length: 20_001 }, (_, i) => ({ ...first, sopInstanceUid: `1.2.840.9999.${i}` }));
    await expect(ask(unknown)).rejects.toThrow(/0213H/);
    const asked = [...unknown.slice(0, 15_000), ...Array.from({ length: 5_000 }, () => first)];
    const [{ transactionUid }, sent] = await Promise.all([
      ask(asked),
      site.send(site.write('more', tinyStudy({ instances: 40, seed: 11 }))),
    ]);
    expect(sent.acknowledged).toBe(40);
    const report = await reportOf(transactionUid);
    expect(report.failed).toHaveLength(15_000);
    expect(new Set(report.failed.map(({ failureReason }) => failureReason))).toEqual(new Set([0x0112]));
    expect(report.committed).toEqual(Array.from({ length: 5_000 }, () => first));
    // Once more under the same Transaction UID, with other content, and by somebody who may not.
    await gateway.kill();
    await receiver?.stop();
    gateway = await site.start();
    await ask([first], { transactionUid: '1.2.3' });
    await ask([first], { transactionUid: '1.2.3' });
    await expect(ask([first, first], { transactionUid: '1.2.3' })).rejects.toThrow(/0131H/);
    await listen();
    expect((await reportOf('1.2.3')).committed).toEqual([first]);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(reports.filter((one) => one.transactionUid === '1.2.3')).toHaveLength(1);
  });
});
