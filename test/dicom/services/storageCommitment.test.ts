import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type CommitmentReport,
  type CommitmentRequest,
  decodeCommitmentReport,
  encodeCommitmentRequest,
} from '../../../src/dicom/dataSet/commitmentDataSets.ts';
import {
  type CommandSet,
  commandField,
  decodeCommandSet,
  encodeCommandSet,
} from '../../../src/dicom/dimse/commandSet.ts';
import { encodePData } from '../../../src/dicom/dimse/pdvWriter.ts';
import type { CommitmentAnswer } from '../../../src/dicom/services/commitmentAction.ts';
import {
  type CommitmentDesk,
  type ReportChannel,
  StorageCommitmentService,
} from '../../../src/dicom/services/storageCommitment.ts';
import { uid } from '../../../src/dicom/uids.ts';
import { decodePdu } from '../../../src/dicom/upperLayer/pdu.ts';
import { startListener, type TestListener } from '../../support/dicomListener.ts';
import { MemoryIntake } from '../../support/memoryIntake.ts';
import { associateRq, commandOf, RawPeer, storeCommand } from '../../support/rawPeer.ts';

const context = {
  id: 1,
  abstractSyntax: uid.storageCommitmentPushModel,
  transferSyntaxes: [uid.implicitVrLittleEndian],
};
const reference = { sopClassUid: '1.2.840.10008.5.1.4.1.1.2', sopInstanceUid: '1.2.3.1' };
const request: CommitmentRequest = { transactionUid: '1.2.3.4', references: [reference] };

/** A desk that does as the test says. */
class TestDesk implements CommitmentDesk {
  requests: Array<{ request: CommitmentRequest; calledAeTitle: string; channel: ReportChannel }> = [];
  channels: ReportChannel[] = [];
  refusals: CommitmentAnswer[] = [];
  allowed = true;
  room = Number.POSITIVE_INFINITY;
  taken = 0;
  answer: Promise<CommitmentAnswer> = Promise.resolve({ status: 0 });
  terms() {
    return this.allowed ? { instancesPerRequest: 3 } : undefined;
  }
  takeRoom(bytes: number) {
    if (this.taken + bytes > this.room) return false;
    this.taken += bytes;
    return true;
  }
  giveRoom(bytes: number) {
    this.taken -= bytes;
  }
  /** Collected when it is an array. */
  turns: Array<() => void> | undefined;
  inTurn(work: () => void) {
    if (this.turns) this.turns.push(work);
    else work();
  }
  request(made: CommitmentRequest, from: { calledAeTitle: string; channel: ReportChannel }) {
    this.requests.push({ request: made, ...from });
    return this.answer;
  }
  opened(channel: ReportChannel) {
    this.channels.push(channel);
  }
  refused(_peer: string, answer: CommitmentAnswer) {
    this.refusals.push(answer);
  }
}

const action = (changes: Partial<CommandSet> = {}) =>
  encodePData(
    1,
    encodeCommandSet({
      commandField: commandField.nActionRq,
      messageId: 7,
      requestedSopClassUid: uid.storageCommitmentPushModel,
      requestedSopInstanceUid: uid.storageCommitmentInstance,
      actionTypeId: 1,
      commandDataSetType: 0,
      ...changes,
    }),
    'command',
    16384,
  );
const dataOf = (dataSet: Buffer) => encodePData(1, dataSet, 'data-set', 16384);
const data = (made: CommitmentRequest = request) => dataOf(encodeCommitmentRequest(made, uid.implicitVrLittleEndian));
const until = async (condition: () => boolean) => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
};

describe('storage commitment SCP', () => {
  let desk: TestDesk;
  let intake: MemoryIntake;
  let listener: TestListener;
  const peers: RawPeer[] = [];

  beforeEach(async () => {
    desk = new TestDesk();
    intake = new MemoryIntake();
    listener = await startListener({ intake, commitment: desk });
  });
  afterEach(async () => {
    for (const peer of peers.splice(0)) peer.destroy();
    await listener.stop();
  });

  async function associate(contexts = [context]): Promise<RawPeer> {
    const peer = await RawPeer.connect(listener.port);
    peers.push(peer);
    peer.send(associateRq({ contexts }));
    expect(await peer.answer()).toBe('AC');
    return peer;
  }

  async function answerTo(peer: RawPeer, ...parts: Buffer[]): Promise<CommandSet> {
    peer.send(...parts);
    const pdu = await peer.next();
    if (pdu === 'closed') throw new Error('closed');
    return commandOf(pdu);
  }

  test('answers Success when the desk has the request, and not before', async () => {
    const { promise, resolve } = Promise.withResolvers<CommitmentAnswer>();
    desk.answer = promise;
    const peer = await associate();
    peer.send(action(), data());
    await until(() => desk.requests.length === 1);
    expect(desk.requests[0]).toMatchObject({
      request,
      calledAeTitle: 'GATEWAY',
      channel: { peer: 'RAWPEER', open: true },
    });
    peer.send({ type: 'release-rq' }); // the answer still comes first
    await new Promise((wait) => setTimeout(wait, 50));
    resolve({ status: 0 });
    const pdu = await peer.next();
    expect(pdu === 'closed' ? pdu : commandOf(pdu)).toMatchObject({
      commandField: commandField.nActionRsp,
      messageIdBeingRespondedTo: 7,
      affectedSopClassUid: uid.storageCommitmentPushModel,
      affectedSopInstanceUid: uid.storageCommitmentInstance,
      actionTypeId: 1,
      status: 0,
    });
    expect(await peer.answer()).toBe('RELEASE-RP');
    expect(desk.taken).toBe(0);
  });

  test('refuses with the status that says what is wrong, and goes on', async () => {
    const peer = await associate();
    const cases: Array<[number, Buffer[]]> = [
      [0x0123, [action({ actionTypeId: 2 }), data()]],
      [0x0118, [action({ requestedSopClassUid: uid.verification }), data()]],
      [0x0112, [action({ requestedSopInstanceUid: '1.2.3' }), data()]],
      [0x0117, [action({ requestedSopInstanceUid: '../../x' }), data()]],
      [0x0115, [action({ commandDataSetType: 0x0101 })]],
      [0x0115, [action(), dataOf(Buffer.from('this is no data set'))]],
      [0x0115, [action(), dataOf(Buffer.alloc(0))]],
      [0x0115, [action(), data({ ...request, references: [] })]],
      [0x0213, [action(), data({ ...request, references: [reference, reference, reference, reference] })]],
      [0x0213, [action(), dataOf(Buffer.alloc(300 * 1024))]],
      [0x0211, [action({ commandField: commandField.nGetRq }), data()]],
      [0x0211, [storeCommand({ affectedSopClassUid: uid.storageCommitmentPushModel }, 1), data()]],
    ];
    for (const [status, parts] of cases) expect((await answerTo(peer, ...parts)).status).toBe(status);
    expect(desk.requests).toHaveLength(0);
    expect(intake.begun).toBe(0);
    expect(desk.taken).toBe(0);
    expect(desk.refusals).toHaveLength(10);
    expect((await answerTo(peer, action(), data())).status).toBe(0);
  });

  test('refuses who may not ask, and what there is no room for', async () => {
    const peer = await associate();
    desk.allowed = false;
    expect((await answerTo(peer, action(), data())).status).toBe(0x0124);
    desk.allowed = true;
    desk.room = 10;
    expect((await answerTo(peer, action(), data())).status).toBe(0x0213);
    desk.answer = Promise.resolve({ status: 0x0131, comment: 'in use' });
    desk.room = 10_000;
    expect(await answerTo(peer, action(), data())).toMatchObject({ status: 0x0131, errorComment: 'in use' });
    expect(desk.taken).toBe(0);
  });

  test('takes room for as long as a request is not answered, and decodes it in a turn of its own', async () => {
    const { promise, resolve } = Promise.withResolvers<CommitmentAnswer>();
    desk.answer = promise;
    desk.turns = [];
    const { turns } = desk;
    const peer = await associate();
    const gone = await associate();
    for (const one of [peer, gone]) one.send(action(), data());
    await until(() => turns.length === 2);
    const { taken } = desk;
    expect(taken).toBeGreaterThan(0);
    expect(desk.requests).toHaveLength(0);
    gone.destroy();
    await until(() => desk.channels.some((channel) => !channel.open));
    for (const work of turns) work();
    await until(() => desk.requests.length === 1 && desk.taken === taken / 2); // whoever is gone was promised nothing
    resolve({ status: 0 });
    expect(await peer.answer()).toBe('status 0000 to 7');
    expect(desk.taken).toBe(0);
  });

  test('is offered in the two transfer syntaxes that it reads', async () => {
    const peer = await RawPeer.connect(listener.port);
    peers.push(peer);
    const abstractSyntax = uid.storageCommitmentPushModel;
    const jpeg = '1.2.840.10008.1.2.4.50';
    peer.send(
      associateRq({
        contexts: [
          { id: 1, abstractSyntax, transferSyntaxes: [jpeg, uid.explicitVrBigEndian] },
          { id: 3, abstractSyntax, transferSyntaxes: [jpeg, uid.explicitVrLittleEndian] },
        ],
      }),
    );
    const pdu = await peer.next();
    if (pdu === 'closed') throw new Error('closed');
    expect(decodePdu(pdu.type, pdu.body)).toMatchObject({
      contexts: [
        { id: 1, result: 4 },
        { id: 3, result: 0, transferSyntax: uid.explicitVrLittleEndian },
      ],
    });
  });

  const report: CommitmentReport = {
    transactionUid: '1.2.3.4',
    committed: Array.from({ length: 500 }, (_, i) => ({ ...reference, sopInstanceUid: `1.2.3.${i}` })),
    failed: [{ ...reference, failureReason: 0x0112 }],
  };

  /** Reads an N-EVENT-REPORT-RQ of any number of PDUs. */
  async function reportTo(peer: RawPeer): Promise<{ command: CommandSet; report: CommitmentReport; pdus: number }> {
    const first = await peer.next();
    if (first === 'closed') throw new Error('closed');
    const parts: Buffer[] = [];
    for (let pdus = 2; ; pdus++) {
      const pdu = await peer.next();
      if (pdu === 'closed') throw new Error('closed');
      parts.push(pdu.body.subarray(6));
      if ((pdu.body[5] ?? 0) & 2) {
        const dataSet = Buffer.concat(parts);
        const decoded = decodeCommitmentReport(dataSet, uid.implicitVrLittleEndian, { maxReferences: 1000 });
        return { command: decodeCommandSet(first.body.subarray(6)), report: decoded, pdus };
      }
    }
  }

  const reportAnswer = (messageId: number, status = 0) =>
    encodePData(
      1,
      encodeCommandSet({
        commandField: commandField.nEventReportRsp,
        messageIdBeingRespondedTo: messageId,
        commandDataSetType: 0x0101,
        status,
      }),
      'command',
      16384,
    );

  test('sends a report on the association, in pieces that the peer takes, and hands on how it was answered', async () => {
    const peer = await associate();
    await until(() => desk.channels.length === 1);
    const [channel] = desk.channels;
    for (const status of [0, 0x0110]) {
      const answered = channel?.report(report);
      const got = await reportTo(peer);
      expect(got.pdus).toBeGreaterThan(2);
      expect(got.report).toEqual(report);
      expect(got.command).toMatchObject({
        commandField: commandField.nEventReportRq,
        eventTypeId: 2,
        affectedSopClassUid: uid.storageCommitmentPushModel,
        affectedSopInstanceUid: uid.storageCommitmentInstance,
      });
      await expect(channel?.report(report)).rejects.toThrow(/another report/);
      peer.send(reportAnswer(got.command.messageId ?? 0, status));
      expect(await answered).toBe(status);
    }
  });

  test('a report that the association did not live to see answered is rejected', async () => {
    const ways: Array<(peer: RawPeer) => void> = [
      (peer) => peer.send({ type: 'release-rq' }),
      (peer) => peer.send({ type: 'abort', source: 0, reason: 0 }),
      (peer) => peer.destroy(),
    ];
    for (const end of ways) {
      desk.channels = [];
      const peer = await associate();
      await until(() => desk.channels.length === 1);
      const [channel] = desk.channels;
      const answered = expect(channel?.report(report)).rejects.toThrow(/without an answer/);
      await reportTo(peer);
      end(peer);
      await answered;
      expect(channel?.open).toBe(false);
      await expect(channel?.report(report)).rejects.toThrow(/over/);
    }
  });

  test('an answer to a report that was never sent ends the association', async () => {
    const peer = await associate();
    peer.send(reportAnswer(99));
    expect(await peer.answer()).toMatch(/ABORT/);
  });

  test('a request that is cut off leaves nothing behind', async () => {
    const peer = await associate();
    const bytes = encodeCommitmentRequest(request, uid.implicitVrLittleEndian);
    const pdu = dataOf(bytes);
    const part = encodePData(1, bytes.subarray(0, 20), 'data-set', 16384);
    part[11] = 0; // not the last fragment
    peer.send(action(), part);
    await until(() => desk.taken === 20);
    peer.destroy();
    await until(() => desk.taken === 0);
    expect(desk.requests).toHaveLength(0);
    expect(pdu.length).toBeGreaterThan(20);
  });
});

test('a request whose data set comes a byte at a time takes its bytes, not a hundred times as many', () => {
  const desk = new TestDesk();
  const host = { send: () => {}, pause: () => {}, resume: () => {}, abort: () => {} };
  const accepted = {
    id: 1,
    abstractSyntax: uid.storageCommitmentPushModel,
    transferSyntax: uid.implicitVrLittleEndian,
  };
  desk.terms = () => ({ instancesPerRequest: 20_000 });
  const service = new StorageCommitmentService({ host, peer: 'P', calledAeTitle: 'G', contexts: [accepted], desk });
  const command = { commandField: commandField.nActionRq, messageId: 1, actionTypeId: 1, commandDataSetType: 0 };
  const about = {
    requestedSopClassUid: accepted.abstractSyntax,
    requestedSopInstanceUid: uid.storageCommitmentInstance,
  };
  service.onCommand(accepted, { ...command, ...about }, true);
  const piece = Buffer.from([1]); // one for all: what a new one for each would leave behind is not what is measured
  for (let i = 0; i < 1_000; i++) service.onDataSet(piece, false);
  const before = process.memoryUsage();
  for (let i = 1_000; i < 1_000_000; i++) service.onDataSet(piece, false);
  const after = process.memoryUsage();
  expect(desk.taken).toBe(1_000_000);
  expect(after.heapUsed - before.heapUsed + after.arrayBuffers - before.arrayBuffers).toBeLessThan(32 * 1024 * 1024);
  service.close();
  expect(desk.taken).toBe(0);
});
