/**
 * Attack classes 4, 5, 6 and 10 on a plain listener, beyond what peers.test.ts, states.test.ts and lengths.test.ts have: odd
 * but legal PDUs, states reached in one packet, floods, commands that make no sense, names that are programs.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { commandField, encodeCommandSet } from '../../src/dicom/dimse/commandSet.ts';
import { encodePData } from '../../src/dicom/dimse/pdvWriter.ts';
import { uid } from '../../src/dicom/uids.ts';
import { encodePdu } from '../../src/dicom/upperLayer/pdu.ts';
import { dataSet, element, secondaryCapture } from '../support/dataSets.ts';
import {
  associateRq,
  dataPdus,
  echoRq,
  storageContext,
  storeCommand,
  verificationContext,
} from '../support/rawPeer.ts';
import { answersUntilClosed, header, honest, hostileSite, secretPatient } from './hostileSite.ts';

const site = hostileSite();
const instance = dataSet('explicit', { patientId: secretPatient });
const hostileInstances = () => site.intake.stored.filter((one) => one.header.peer !== honest);
const refusedApplication = encodePdu(associateRq({ applicationContext: '1.2.3' }));

describe('PDUs that are odd but legal (class 4)', () => {
  it('a data set in fragments of odd sizes is what it was', async () => {
    const peer = await site.associated();
    peer.send(storeCommand());
    for (let at = 0, size = 1; at < instance.length; at += size, size = (size % 37) + 2) {
      const piece = instance.subarray(at, at + size);
      const last = at + size >= instance.length ? 2 : 0;
      peer.send(Buffer.concat([header(4, piece.length + 6), Buffer.from([0, 0, 0, piece.length + 2, 3, last]), piece]));
    }
    expect(await peer.answer()).toBe('status 0000 to 1');
    expect(hostileInstances().pop()?.dataSet).toEqual(instance);
  });

  it('twenty thousand values of zero bytes change nothing, and keep nobody else waiting', async () => {
    const peer = await site.associated();
    const empty = Buffer.from('0400000000060000000203 00'.replace(' ', ''), 'hex');
    peer.send(
      storeCommand(),
      ...Array.from({ length: 200 }, () => Buffer.concat(Array.from({ length: 100 }, () => empty))),
    );
    peer.send(dataPdus(instance));
    expect(await peer.answer()).toBe('status 0000 to 1');
    expect(hostileInstances().pop()?.dataSet).toEqual(instance);
  });

  it('a context with a thousand transfer syntaxes gets one of them', async () => {
    const transferSyntaxes = Array.from({ length: 1000 }, (_, i) => `1.2.${i}`);
    const peer = await site.associated({ contexts: [{ ...storageContext, transferSyntaxes }] });
    peer.send(storeCommand(), dataPdus(instance));
    expect(await peer.answer()).toBe('status 0000 to 1');
    expect(hostileInstances().pop()?.header.transferSyntaxUid).toBe('1.2.0');
  });

  it('128 contexts are all answered, and the last one serves', async () => {
    const contexts = Array.from({ length: 128 }, (_, i) => ({ ...storageContext, id: i * 2 + 1 }));
    const peer = await site.associated({ contexts });
    peer.send(storeCommand({}, 255), dataPdus(instance, 255));
    expect(await peer.answer()).toBe('status 0000 to 1');
  });

  it.each([1, 7, 0xffffffff])('a peer that says it takes PDUs of %i bytes gets its answer', async (maximumLength) => {
    const peer = await site.associated({
      userInformation: { maximumLength, implementationClassUid: '1', roleSelections: [] },
    });
    peer.send(echoRq());
    expect((await peer.next()) === 'closed').toBe(false);
    peer.send({ type: 'release-rq' });
    expect((await answersOfRelease(peer)).at(-1)).toBe('RELEASE-RP');
  });

  /** The rest of an answer that comes in many small PDUs, then that to the release. */
  async function answersOfRelease(peer: Awaited<ReturnType<typeof site.associated>>): Promise<string[]> {
    for (;;) {
      const pdu = await peer.next();
      if (pdu === 'closed') return ['closed'];
      if (pdu.type === 6) return ['RELEASE-RP'];
    }
  }
});

describe('states in one packet (class 5)', () => {
  it('request, echo and release without waiting for an answer', async () => {
    const peer = await site.connected();
    peer.send(Buffer.concat([encodePdu(associateRq()), echoRq(), encodePdu({ type: 'release-rq' })]));
    expect([await peer.answer(), await peer.answer(), await peer.answer()]).toEqual([
      'AC',
      'status 0000 to 1',
      'RELEASE-RP',
    ]);
  });

  it('request, half an instance and abort', async () => {
    const before = hostileInstances().length;
    const discarded = site.intake.discarded;
    const peer = await site.connected();
    const half = dataPdus(Buffer.alloc(40_000, 1)).subarray(0, 20_000);
    const abort = encodePdu({ type: 'abort', source: 0, reason: 0 });
    peer.send(Buffer.concat([encodePdu(associateRq()), storeCommand(), half.subarray(0, 16390), abort]));
    expect(await answersUntilClosed(peer)).toEqual(['AC']);
    expect(site.intake.discarded).toBe(discarded + 1);
    expect(hostileInstances()).toHaveLength(before);
  });

  it('a rejected request with an instance behind it: nothing of it is begun', async () => {
    const results = site.hostileResults().length;
    const peer = await site.connected();
    peer.send(Buffer.concat([refusedApplication, storeCommand(), dataPdus(instance)]));
    expect(await answersUntilClosed(peer)).toEqual(['RJ 1/1/2']);
    expect(site.hostileResults()).toHaveLength(results);
  });

  it('an error in the middle of a packet: what stands behind it in the same packet is not heard', async () => {
    const results = site.hostileResults().length;
    const peer = await site.associated();
    peer.send(
      Buffer.concat([echoRq(1, 99), encodePdu(associateRq()), storeCommand(), dataPdus(instance), header(0x42, 0)]),
    );
    expect(await answersUntilClosed(peer)).toEqual(['ABORT 2/6']);
    expect(site.hostileResults()).toHaveLength(results);
  });
});

describe('floods (class 6)', () => {
  it('requests without end after a rejection get one A-ABORT, not one each', async () => {
    const peer = await site.connected();
    peer.send(Buffer.concat(Array.from({ length: 5000 }, () => refusedApplication)));
    expect(await answersUntilClosed(peer)).toEqual(['RJ 1/1/2', 'ABORT 2/2']);
  });

  it('three thousand echoes in a row are answered, in order', async () => {
    const peer = await site.associated();
    peer.send(Buffer.concat(Array.from({ length: 3000 }, (_, i) => echoRq(i + 1))));
    for (let i = 1; i <= 3000; i++) expect(await peer.answer()).toBe(`status 0000 to ${i}`);
  });

  it('a command that never ends is broken off at 64 kB', async () => {
    const from = site.running.lines.length;
    const peer = await site.associated();
    const piece = Buffer.concat([header(4, 8006), Buffer.from([0, 0, 0x1f, 0x42, 1, 1]), Buffer.alloc(8000)]);
    peer.send(...Array.from({ length: 9 }, () => piece));
    expect(await answersUntilClosed(peer)).toEqual(['ABORT 2/6']);
    await site.lineSince(from, /command set of over 65536 bytes/);
  });

  it('sixty connections that stop in the middle of a header are closed, each with a line', async () => {
    const own = site.running.listener.associations.size;
    // One after another: the kernel's queue for new connections is not what is tested.
    const peers = [];
    for (let i = 0; i < 60; i++) peers.push(await site.connected());
    for (const [i, peer] of peers.entries()) peer.send(refusedApplication.subarray(0, i % 6));
    for (const peer of peers) expect(await peer.answer()).toBe('closed');
    for (let i = 0; i < 200 && site.running.listener.associations.size > own; i++) await sleep(10);
    expect(site.running.listener.associations.size).toBe(own);
  });
});

describe('commands that make no sense', () => {
  const rq = (changes: Parameters<typeof encodeCommandSet>[0], contextId = 3) =>
    encodePData(contextId, encodeCommandSet(changes), 'command', 16384);
  const affectedSopClassUid = secondaryCapture;

  it.each([
    ['C-FIND', commandField.cFindRq],
    ['C-MOVE', commandField.cMoveRq],
    ['C-GET', commandField.cGetRq],
    ['N-CREATE', commandField.nCreateRq],
    ['N-DELETE', commandField.nDeleteRq],
    ['N-SET', commandField.nSetRq],
    ['N-GET', commandField.nGetRq],
    ['N-ACTION', commandField.nActionRq],
    ['N-EVENT-REPORT', commandField.nEventReportRq],
    ['a command nobody has defined', 0x0666],
  ])(
    '%s with a data set is answered 0211H, its data set is read over, and the association goes on',
    async (_what, field) => {
      const results = site.hostileResults().length;
      const peer = await site.associated();
      peer.send(
        rq({ commandField: field, messageId: 4, affectedSopClassUid, commandDataSetType: 1 }),
        dataPdus(instance),
      );
      expect(await peer.answer()).toBe('status 0211 to 4');
      peer.send(echoRq(5));
      expect(await peer.answer()).toBe('status 0000 to 5');
      expect(site.hostileResults()).toHaveLength(results);
    },
  );

  it('a C-STORE on a Verification context stores nothing', async () => {
    const results = site.hostileResults().length;
    const peer = await site.associated({ contexts: [verificationContext] });
    peer.send(storeCommand({ messageId: 3 }, 1), dataPdus(instance, 1));
    expect(await peer.answer()).toBe('status 0211 to 3');
    expect(site.hostileResults()).toHaveLength(results);
  });

  it.each([
    ['no SOP class', { affectedSopClassUid: '' }, 'status 0122 to 1'],
    ['no SOP instance', { affectedSopInstanceUid: '' }, 'status 0117 to 1'],
    ['no message ID', { messageId: undefined }, 'status 0000 to 0'],
  ])('C-STORE with %s', async (_what, changes, answer) => {
    const peer = await site.associated();
    const usual = {
      commandField: commandField.cStoreRq,
      messageId: 1,
      affectedSopClassUid,
      affectedSopInstanceUid: '1.2.3',
    };
    const { messageId, ...rest } = { ...usual, commandDataSetType: 0, ...changes };
    peer.send(rq({ ...rest, ...(messageId === undefined ? {} : { messageId }) }), dataPdus(instance));
    expect(await peer.answer()).toBe(answer);
  });

  it('a response that nobody waits for, with a data set, ends the association', async () => {
    const peer = await site.associated();
    peer.send(
      rq({ commandField: commandField.cStoreRsp, messageIdBeingRespondedTo: 1, commandDataSetType: 0, status: 0 }),
    );
    expect(await answersUntilClosed(peer)).toEqual(['ABORT 2/0']);
  });

  it('elements of the data set’s groups in a command end the association', async () => {
    const peer = await site.associated();
    const command = Buffer.concat([
      encodeCommandSet({ commandField: 1, commandDataSetType: 0 }),
      element('implicit', 0x00100010, 'PN', secretPatient),
    ]);
    peer.send(encodePData(3, command, 'command', 16384));
    expect(await answersUntilClosed(peer)).toEqual(['ABORT 2/6']);
  });
});

describe('names that are programs (class 10)', () => {
  it.each([
    ['a path', '../../etc/passwd'],
    ['SQL', "x'; DROP TABLE--"],
    ['HTML', '<script>'],
    ['a forged log line', 'A\r\n{"event":"x"}'],
    ['a terminal’s orders', '\x1b[2J\x07\x9b31m'],
    ['right to left', 'A\xe2\x80\xaegnp'],
    ['nothing', ''],
  ])('an AE title that is %s is one readable word in the log', async (_what, title) => {
    const from = site.running.lines.length;
    const peer = await site.associated({
      callingAeTitle: title,
      userInformation: {
        maximumLength: 0,
        implementationClassUid: title,
        implementationVersionName: title,
        roleSelections: [],
      },
      contexts: [
        storageContext,
        { id: 9, abstractSyntax: title, transferSyntaxes: [title, uid.explicitVrLittleEndian] },
      ],
    });
    peer.send(storeCommand({ affectedSopInstanceUid: title }), dataPdus(instance));
    expect(await peer.answer()).toBe('status 0117 to 1');
    peer.send({ type: 'release-rq' });
    expect(await peer.answer()).toBe('RELEASE-RP');
    peer.destroy();
    await site.lineSince(from, /association released/);
    const ended = site.running.lines.slice(from).find((line) => line.event === 'association.released');
    expect(ended?.peer).toMatch(/^[\x20-\x7e]{0,64}$/);
    // That the lines hold no control characters and nobody's name is looked at after every test (hostileSite.ts).
  });
});
