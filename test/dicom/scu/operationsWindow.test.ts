/** Several unanswered requests on one association: what is granted is used, and each answer finds its own instance. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { encodeFileMeta } from '../../../src/dicom/dataSet/fileMeta.ts';
import { Requestor } from '../../../src/dicom/scu/requestor.ts';
import { type SendOptions, type SentInstance, sendFiles } from '../../../src/dicom/scu/sendFiles.ts';
import { uid } from '../../../src/dicom/uids.ts';
import { dataSet, secondaryCapture } from '../../support/dataSets.ts';
import { startListener } from '../../support/dicomListener.ts';
import { makeDicomTls } from '../../support/dicomTls.ts';
import { MemoryIntake } from '../../support/memoryIntake.ts';
import { dataPdus, storeCommand } from '../../support/rawPeer.ts';
import { startScriptedAcceptor } from '../../support/scriptedAcceptor.ts';

const cleanUp: Array<() => void | Promise<void>> = [];
afterEach(async () => {
  for (const done of cleanUp.splice(0).reverse()) await done();
});

/** `count` objects in a folder: their SOP Instance UIDs end in 1, 2, 3, ... and so do their names. */
function folderOf(count: number, pixels = 0): { folder: string; data: Buffer[] } {
  const folder = mkdtempSync(join(tmpdir(), 'window-'));
  cleanUp.push(() => rmSync(folder, { recursive: true, force: true }));
  const data = Array.from({ length: count }, (_, i) => {
    const sopInstanceUid = `1.2.3.${i + 1}`;
    const body = dataSet('explicit', { sopInstanceUid, ...(pixels ? { pixels: randomBytes(pixels) } : {}) });
    const meta = { sopClassUid: secondaryCapture, sopInstanceUid, transferSyntaxUid: uid.explicitVrLittleEndian };
    writeFileSync(join(folder, `${String(i + 1).padStart(3, '0')}`), Buffer.concat([encodeFileMeta(meta), body]));
    return body;
  });
  return { folder, data };
}

async function acceptor(options: Parameters<typeof startScriptedAcceptor>[0]) {
  const started = await startScriptedAcceptor(options);
  cleanUp.push(() => started.stop());
  return started;
}

const send = (port: number, folder: string, window: number, more: Partial<SendOptions> = {}) =>
  sendFiles({
    host: '127.0.0.1',
    port,
    callingAeTitle: 'SENDER',
    calledAeTitle: 'GATEWAY',
    timeouts: { connectMs: 5000, associateMs: 5000, responseMs: 5000 },
    paths: [folder],
    window,
    ...more,
  });

const names = (failed: ReadonlyArray<{ file: string }>) => failed.map(({ file }) => Number(basename(file)));

describe('sendFiles with a window', () => {
  it('proposes it, and none when it is 1', async () => {
    const peer = await acceptor({ window: 4, onStore: (request) => request.answer(0) });
    const { folder } = folderOf(2);
    await send(peer.port, folder, 4);
    await send(peer.port, folder, 1);
    expect(peer.requests.map((rq) => rq.userInformation.asynchronousOperationsWindow)).toEqual([
      { invoked: 4, performed: 1 },
      undefined,
    ]);
  });

  it.each([
    ['as many as it proposed', 3, 3, 3],
    ['as many as are granted, when these are fewer', 8, 2, 2],
    ['one, when the peer does not know windows', 8, undefined, 1],
    ['no more than it proposed, whatever the peer grants', 2, 0, 2],
  ])('has unanswered %s', async (_what, proposed, window, expected) => {
    const peer = await acceptor({ ...(window === undefined ? {} : { window }) });
    const { folder } = folderOf(9);
    const sending = send(peer.port, folder, proposed);
    for (let answered = 0; answered < 9; answered++) {
      const outstanding = Math.min(9, answered + expected);
      await peer.until(() => peer.stores.length === outstanding);
      if (answered < 3) await sleep(40);
      expect(peer.stores).toHaveLength(outstanding);
      peer.stores[answered]?.answer(0);
    }
    expect(await sending).toMatchObject({ sent: 9, acknowledged: 9, failed: [] });
    expect(peer.released).toBe(1);
  });

  it('gives each answer to its own instance, in whatever order they come', async () => {
    const peer = await acceptor({ window: 3 });
    const { folder } = folderOf(3);
    const seen: SentInstance[] = [];
    const sending = send(peer.port, folder, 3, { onInstance: (instance) => seen.push(instance) });
    await peer.until(() => peer.stores.length === 3);
    peer.stores[2]?.answer(0);
    peer.stores[0]?.answer(0xa700);
    peer.stores[1]?.answer(0xb000);
    const report = await sending;
    expect(report).toMatchObject({ sent: 3, acknowledged: 2 });
    expect(names(report.failed)).toEqual([1]);
    expect(report.failed[0]?.reason).toMatch(/A700H/);
    expect(seen.map((one) => [one.sopInstanceUid, one.status])).toEqual([
      ['1.2.3.3', 0],
      ['1.2.3.1', 0xa700],
      ['1.2.3.2', 0xb000],
    ]);
  });

  it('releases only when all is answered', async () => {
    const peer = await acceptor({ window: 4 });
    const { folder } = folderOf(2);
    const sending = send(peer.port, folder, 4);
    await peer.until(() => peer.stores.length === 2);
    peer.stores[1]?.answer(0);
    await sleep(100);
    expect(peer.released).toBe(0);
    peer.stores[0]?.answer(0);
    expect(await sending).toMatchObject({ acknowledged: 2 });
    expect(peer.released).toBe(1);
  });

  it('loses what is unanswered when the peer aborts, and sends the rest on another association', async () => {
    const peer = await acceptor({
      window: 3,
      onStore: (request) => {
        if (request.association > 0) request.answer(0);
      },
    });
    const { folder } = folderOf(6);
    const sending = send(peer.port, folder, 3);
    await peer.until(() => peer.stores.length === 3);
    peer.stores[1]?.answer(0);
    await peer.until(() => peer.stores.length === 4);
    peer.stores[1]?.abort();
    const report = await sending;
    expect(report).toMatchObject({ sent: 6, acknowledged: 3 });
    expect(names(report.failed).sort()).toEqual([1, 3, 4]);
    for (const { reason } of report.failed) expect(reason).toMatch(/peer sent A-ABORT \(source 2, reason 0\)/);
    expect(peer.requests).toHaveLength(2);
  });

  it('blames only the instance that is never answered; the others get their answers, the rest another association', async () => {
    const peer = await acceptor({
      window: 2,
      onStore: (request) => {
        if (request.command.affectedSopInstanceUid === '1.2.3.2') return; // never
        setTimeout(() => request.answer(0), 1200);
      },
    });
    const { folder } = folderOf(6);
    // When the second is given up another is unanswered, and some are not sent yet.
    const report = await send(peer.port, folder, 2, { timeouts: { responseMs: 3000 } });
    expect(report).toMatchObject({ sent: 6, acknowledged: 5 });
    expect(names(report.failed)).toEqual([2]);
    expect(report.failed[0]?.reason).toMatch(/no response within 3000 ms/);
    expect(peer.requests).toHaveLength(2);
  });

  it('does not take an answer to what was not asked', async () => {
    const peer = await acceptor({ window: 2, onStore: (one) => one.answer(0, { messageIdBeingRespondedTo: 999 }) });
    const { folder } = folderOf(1);
    const report = await send(peer.port, folder, 2);
    expect(report.failed[0]?.reason).toMatch(/response to message 999, which does not wait for one/);
  });

  it('reports each as cancelled that was unanswered', async () => {
    const peer = await acceptor({ window: 4 });
    const { folder } = folderOf(10);
    const cancel = new AbortController();
    const sending = send(peer.port, folder, 4, { signal: cancel.signal });
    await peer.until(() => peer.stores.length === 4);
    peer.stores[3]?.answer(0);
    await peer.until(() => peer.stores.length === 5);
    cancel.abort();
    const report = await sending;
    expect(report.acknowledged).toBe(1);
    expect(report.failed).toHaveLength(9);
    for (const { reason } of report.failed) expect(reason).toMatch(/cancelled/);
  });

  it.each(['plain', 'tls'])('stores with our own receiver, bit for bit, on %s', async (kind) => {
    const tls = await makeDicomTls();
    cleanUp.push(() => tls.remove());
    const intake = new MemoryIntake();
    const security = kind === 'tls' ? { tls: tls.server } : {};
    const running = await startListener({ intake, limits: { operationsWindow: 8 }, ...security });
    cleanUp.push(() => running.stop());
    const { folder, data } = folderOf(60, 70_000);
    const report = await send(running.port, folder, 16, {
      associations: 2,
      ...(kind === 'tls' ? { tls: tls.client } : {}),
    });
    expect(report).toMatchObject({ sent: 60, acknowledged: 60, failed: [] });
    const stored = (i: number) => intake.stored.find((one) => one.header.sopInstanceUid === `1.2.3.${i + 1}`);
    data.forEach((sent, i) => {
      expect(stored(i)?.dataSet?.equals(sent)).toBe(true);
    });
  });
});

describe('requests that are begun at the same time', () => {
  it('do not mix on the wire, and the release waits for their answers', async () => {
    const peer = await acceptor({ window: 3 });
    const target = { host: '127.0.0.1', port: peer.port, callingAeTitle: 'A', calledAeTitle: 'B' };
    const context = { id: 1, abstractSyntax: secondaryCapture, transferSyntaxes: [uid.explicitVrLittleEndian] };
    const requestor = await Requestor.open(target, [context], { operationsWindow: 3 });
    const frames = async function* (messageId: number) {
      const whole = Buffer.concat([storeCommand({ messageId }, 1), dataPdus(Buffer.alloc(100_000), 1)]);
      for (let at = 0; at < whole.length; at += 30_000) {
        yield whole.subarray(at, at + 30_000);
        await sleep(1);
      }
    };
    const answers = [1, 2, 3].map((messageId) => requestor.exchange(messageId, frames(messageId)));
    await peer.until(() => peer.stores.length === 3);
    const released = requestor.release();
    await sleep(100);
    expect(peer.released).toBe(0);
    for (const index of [2, 0, 1]) peer.stores[index]?.answer(index);
    expect((await Promise.all(answers)).map((response) => response.status)).toEqual([0, 1, 2]);
    await released;
    expect(peer.released).toBe(1);
  });
});

describe('roles', () => {
  const contexts = [
    { id: 1, abstractSyntax: uid.storageCommitmentPushModel, transferSyntaxes: [uid.implicitVrLittleEndian] },
    { id: 3, abstractSyntax: secondaryCapture, transferSyntaxes: [uid.implicitVrLittleEndian] },
  ];

  it('are what the peer grants of what was proposed, and SCU where nothing was', async () => {
    const negotiation = {
      accepts: () => true,
      transferSyntaxPreference: [],
      roles: (abstractSyntax: string) => ({ scu: true, scp: abstractSyntax === uid.storageCommitmentPushModel }),
    };
    const access = { admit: () => ({ admitted: true as const, terms: { negotiation } }) };
    const running = await startListener({ intake: new MemoryIntake(), access });
    cleanUp.push(() => running.stop());
    const target = { host: '127.0.0.1', port: running.port, callingAeTitle: 'A', calledAeTitle: 'B' };
    const roleSelections = [
      { sopClassUid: uid.storageCommitmentPushModel, scu: false, scp: true },
      { sopClassUid: secondaryCapture, scu: true, scp: true },
    ];
    const requestor = await Requestor.open(target, contexts, { roleSelections });
    expect(requestor.roles(uid.storageCommitmentPushModel)).toEqual({ scu: false, scp: true });
    expect(requestor.roles(secondaryCapture)).toEqual({ scu: true, scp: false });
    expect(requestor.roles('1.2.3')).toEqual({ scu: true, scp: false });
    await requestor.release();
  });

  it('are none where a receiver does not let us be SCP: it refuses the context', async () => {
    const access = { admit: () => ({ admitted: true as const }) };
    const running = await startListener({ intake: new MemoryIntake(), access });
    cleanUp.push(() => running.stop());
    const target = { host: '127.0.0.1', port: running.port, callingAeTitle: 'A', calledAeTitle: 'B' };
    const roleSelections = [{ sopClassUid: secondaryCapture, scu: false, scp: true }];
    const requestor = await Requestor.open(target, contexts, { roleSelections });
    expect(requestor.contextResult(3)).toBe(1);
    await requestor.release();
  });
});
