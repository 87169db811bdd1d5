/** Verification and Storage SCP through real sockets: what a well-behaved peer may do, over both transports. */
import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { echo } from '../../../src/dicom/scu/echo.ts';
import { uid } from '../../../src/dicom/uids.ts';
import { decodePdu } from '../../../src/dicom/upperLayer/pdu.ts';
import { dataSet, identity, secondaryCapture } from '../../support/dataSets.ts';
import { startListener, type TestListener } from '../../support/dicomListener.ts';
import { type DicomTls, makeDicomTls, tlsOptions } from '../../support/dicomTls.ts';
import { MemoryIntake } from '../../support/memoryIntake.ts';
import { associateRq, dataPdus, echoRq, RawPeer, storageContext, storeCommand } from '../../support/rawPeer.ts';

let tls: DicomTls;
beforeAll(async () => {
  tls = await makeDicomTls();
});
afterAll(() => tls.remove());

const cleanUp: Array<() => void | Promise<void>> = [];
afterEach(async () => {
  for (const done of cleanUp.splice(0).reverse()) await done();
});

type Kind = 'plain' | 'tls';
type Options = Omit<Parameters<typeof startListener>[0], 'intake' | 'tls'>;

async function start(kind: Kind = 'plain', options: Options = {}) {
  const intake = new MemoryIntake();
  const running = await startListener({ intake, ...(kind === 'tls' ? { tls: tls.server } : {}), ...options });
  cleanUp.push(() => running.stop());
  return { intake, running };
}

async function associated(running: TestListener, kind: Kind = 'plain', changes = {}): Promise<RawPeer> {
  const peer = await RawPeer.connect(running.port, kind === 'tls' ? tlsOptions(tls.client) : undefined);
  cleanUp.push(() => peer.destroy());
  peer.send(associateRq(changes));
  expect(await peer.answer()).toBe('AC');
  return peer;
}

describe.each(['plain', 'tls'] as const)('Verification and Storage SCP, %s', (kind) => {
  it('answers C-ECHO', async () => {
    const { running } = await start(kind);
    const target = { host: '127.0.0.1', port: running.port, callingAeTitle: 'SCU', calledAeTitle: 'GATEWAY' };
    await echo({ ...target, ...(kind === 'tls' ? { tls: tls.client } : {}) });
    expect((await running.logged('association.released')).echoes).toBe(1);
  });

  describe.each(['shared-buffer', 'data-events'] as const)('read by %s', (reading) => {
    it('stores a data set bit for bit, and answers with its UIDs', async () => {
      const { intake, running } = await start(kind, { reading });
      const peer = await associated(running, kind);
      const pixels = randomBytes(3_000_000);
      const sent = dataSet('explicit', { pixels });
      peer.send(storeCommand({ messageId: 77 }), dataPdus(sent));
      expect(await peer.answer()).toBe('status 0000 to 77');
      expect(intake.stored).toHaveLength(1);
      expect(intake.stored[0]?.dataSet?.equals(sent)).toBe(true);
      expect(intake.stored[0]?.header).toEqual({
        sopClassUid: secondaryCapture,
        sopInstanceUid: identity.sopInstanceUid,
        transferSyntaxUid: uid.explicitVrLittleEndian,
        peer: 'RAWPEER',
      });
      peer.send({ type: 'release-rq' });
      expect(await peer.answer()).toBe('RELEASE-RP');
      peer.destroy();
      const line = await running.logged('association.released');
      expect(line).toMatchObject({ peer: 'RAWPEER', instances: 1, bytes: sent.length, level: 'info' });
    });
  });
});

describe('Storage SCP', () => {
  it('takes a data set in PDUs of every size, values of zero bytes among them, and bytes that come one at a time', async () => {
    const { intake, running } = await start();
    const peer = await associated(running);
    const sent = dataSet('explicit');
    peer.send(storeCommand(), dataPdus(sent, 3, 8));
    expect(await peer.answer()).toBe('status 0000 to 1');
    const empty = Buffer.from('0400000000060000000203', 'hex');
    peer.send(storeCommand(), Buffer.concat([empty, Buffer.from([0])]), dataPdus(sent));
    expect(await peer.answer()).toBe('status 0000 to 1');
    for (const byte of Buffer.concat([storeCommand({ messageId: 3 }), dataPdus(sent)])) peer.send(Buffer.from([byte]));
    expect(await peer.answer()).toBe('status 0000 to 3');
    expect(intake.stored.map((one) => one.dataSet?.equals(sent))).toEqual([true, true, true]);
  });

  it('takes an empty data set as it takes any other', async () => {
    const { intake, running } = await start();
    const peer = await associated(running);
    peer.send(storeCommand(), dataPdus(Buffer.alloc(0)));
    expect(await peer.answer()).toBe('status 0000 to 1');
    expect(intake.stored[0]?.bytes).toBe(0);
  });

  it('answers only when the instance is durable', async () => {
    const { intake, running } = await start();
    const peer = await associated(running);
    intake.hold();
    peer.send(storeCommand(), dataPdus(dataSet('explicit')), echoRq(2));
    // The echo came later and is answered first: nothing was said about the instance until then.
    expect(await peer.answer()).toBe('status 0000 to 2');
    expect(intake.stored).toHaveLength(0);
    intake.release();
    expect(await peer.answer()).toBe('status 0000 to 1');
  });

  it('answers the last instance before the release that came before the answer', async () => {
    const { intake, running } = await start();
    const peer = await associated(running);
    intake.hold();
    peer.send(storeCommand(), dataPdus(dataSet('explicit')), { type: 'release-rq' });
    await intake.until(() => intake.begun === 1 && intake.taken > 0);
    await new Promise((resolve) => setTimeout(resolve, 20));
    intake.release();
    expect(await peer.answer()).toBe('status 0000 to 1');
    expect(await peer.answer()).toBe('RELEASE-RP');
    expect(intake.stored).toHaveLength(1);
  });

  it('keeps what came whole although the peer is gone before the answer', async () => {
    const { intake, running } = await start();
    const peer = await associated(running);
    intake.hold();
    peer.send(storeCommand(), dataPdus(dataSet('explicit')));
    await intake.until(() => intake.taken > 0);
    peer.destroy();
    expect((await running.logged('association.aborted')).msg).toContain('connection closed without A-RELEASE');
    intake.release();
    await intake.until(() => intake.stored.length === 1);
    expect(intake.discarded).toBe(0);
  });

  it.each([
    ['abort', (peer: RawPeer) => peer.send({ type: 'abort', source: 0, reason: 0 }), 'peer sent A-ABORT'],
    ['lost connection', (peer: RawPeer) => peer.destroy(), 'connection closed without A-RELEASE'],
  ])('forgets an instance that an %s cuts off', async (_what, cut, message) => {
    const { intake, running } = await start();
    const peer = await associated(running);
    peer.send(storeCommand(), dataPdus(dataSet('explicit', { pixels: randomBytes(100_000) })).subarray(0, 3 * 16390)); // three whole PDUs
    await intake.until(() => intake.taken > 10_000);
    cut(peer);
    await intake.until(() => intake.discarded === 1);
    expect((await running.logged('association.aborted')).msg).toContain(message);
    expect(intake.stored).toHaveLength(0);
  });

  it('answers A700 when the intake refuses, and goes on', async () => {
    const { intake, running } = await start();
    const peer = await associated(running);
    intake.refuse = 'spool is full';
    peer.send(storeCommand(), dataPdus(dataSet('explicit')));
    expect(await peer.answer()).toBe('status a700 to 1');
    intake.refuse = undefined;
    intake.outcome = { kind: 'refused', reason: 'disk is full' };
    peer.send(storeCommand({ messageId: 2 }), dataPdus(dataSet('explicit')));
    expect(await peer.answer()).toBe('status a700 to 2');
    intake.outcome = { kind: 'duplicate' };
    peer.send(storeCommand({ messageId: 3 }), dataPdus(dataSet('explicit')));
    expect(await peer.answer()).toBe('status 0000 to 3');
    peer.send({ type: 'release-rq' });
    expect(await peer.answer()).toBe('RELEASE-RP');
    peer.destroy();
    expect(await running.logged('association.released')).toMatchObject({ refused: 2, duplicates: 1, instances: 0 });
    expect(running.lines.filter((line) => line.event === 'instance.refused').map((line) => line.msg)).toEqual([
      'instance answered A700H: spool is full',
      'instance answered A700H: disk is full',
    ]);
  });

  it.each(['begin', 'write', 'finish'] as const)(
    'survives an intake whose %s throws: that association pays',
    async (where) => {
      const { intake, running } = await start();
      const good = await associated(running);
      const peer = await associated(running);
      intake.breaks = where;
      peer.send(storeCommand(), dataPdus(dataSet('explicit')));
      const answer = await peer.answer();
      expect(answer).toBe(where === 'finish' ? 'status a700 to 1' : 'ABORT 2/0');
      const event = where === 'finish' ? 'instance.refused' : 'association.fault';
      expect((await running.logged(event)).msg).toContain(`${where} breaks`);
      intake.breaks = undefined;
      good.send(storeCommand(), dataPdus(dataSet('explicit')));
      expect(await good.answer()).toBe('status 0000 to 1');
    },
  );

  it.each([
    ['another SOP class than its context’s', { affectedSopClassUid: '1.2.840.10008.5.1.4.1.1.2' }, '0122'],
    ['no SOP Instance UID', { affectedSopInstanceUid: '' }, '0117'],
    ['no data set', { commandDataSetType: 0x0101 }, 'c000'],
  ])('refuses an instance with %s', async (_what, changes, status) => {
    const { intake, running } = await start();
    const peer = await associated(running);
    peer.send(storeCommand(changes));
    if (!('commandDataSetType' in changes)) peer.send(dataPdus(dataSet('explicit')));
    expect(await peer.answer()).toBe(`status ${status} to 1`);
    peer.send(echoRq(9));
    expect(await peer.answer()).toBe('status 0000 to 9');
    expect(intake.stored).toHaveLength(0);
  });

  it('refuses operations that it does not offer with 0211, and reads their data sets over', async () => {
    const { running } = await start();
    const peer = await associated(running);
    peer.send(storeCommand({ commandField: 0x0020, messageId: 5 }), dataPdus(dataSet('explicit')));
    expect(await peer.answer()).toBe('status 0211 to 5');
    peer.send(storeCommand({ commandField: 0x0fff, commandDataSetType: 0x0101 }), echoRq(6)); // C-CANCEL has no answer
    expect(await peer.answer()).toBe('status 0000 to 6');
    peer.send(storeCommand({ messageId: 7 }, 1), dataPdus(dataSet('explicit'), 1)); // C-STORE on the Verification context
    expect(await peer.answer()).toBe('status 0211 to 7');
  });

  it('keeps a data set as sent although groups 0000 and 0002 are in it', async () => {
    const { intake, running } = await start();
    const peer = await associated(running);
    const stray = Buffer.from('0000020004005549312e3200' + '02001000554904002e2e2f00', 'hex');
    const sent = Buffer.concat([stray, dataSet('explicit')]);
    peer.send(storeCommand(), dataPdus(sent));
    expect(await peer.answer()).toBe('status 0000 to 1');
    expect(intake.stored[0]?.dataSet?.equals(sent)).toBe(true);
  });

  it('cuts its answers to what the peer takes', async () => {
    const { running } = await start();
    const userInformation = { maximumLength: 64, implementationClassUid: '1.2', roleSelections: [] };
    const peer = await associated(running, 'plain', { userInformation });
    peer.send(storeCommand(), dataPdus(dataSet('explicit')));
    const parts: Buffer[] = [];
    for (let last = false; !last; ) {
      const pdu = await peer.next();
      if (pdu === 'closed') throw new Error('closed');
      expect(pdu.body.length).toBeLessThanOrEqual(64);
      parts.push(pdu.body.subarray(6));
      last = ((pdu.body[5] ?? 0) & 2) !== 0;
    }
    expect(parts.length).toBeGreaterThan(1);
    expect(Buffer.concat(parts).includes(Buffer.from('0000000902000000' + '0000', 'hex'))).toBe(true);
  });

  it('answers each proposed context and says what it can receive', async () => {
    const { running } = await start('plain', { limits: { maxPduLength: 65536 } });
    const peer = await RawPeer.connect(running.port);
    cleanUp.push(() => peer.destroy());
    const find = {
      id: 5,
      abstractSyntax: '1.2.840.10008.5.1.4.1.2.2.1',
      transferSyntaxes: [uid.implicitVrLittleEndian],
    };
    peer.send(associateRq({ contexts: [storageContext, find] }));
    const pdu = await peer.next();
    if (pdu === 'closed') throw new Error('closed');
    expect(decodePdu(pdu.type, pdu.body)).toMatchObject({
      calledAeTitle: 'GATEWAY',
      callingAeTitle: 'RAWPEER',
      contexts: [
        { id: 3, result: 0, transferSyntax: uid.explicitVrLittleEndian },
        { id: 5, result: 3 },
      ],
      userInformation: { maximumLength: 65536 },
    });
    expect((await running.logged('association.contexts-refused')).abstractSyntaxes).toEqual([find.abstractSyntax]);
  });
});
