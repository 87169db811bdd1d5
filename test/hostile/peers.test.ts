/**
 * Peers that break the rules, through real sockets. Each gets the standard's answer and a log line with the reason, and a
 * good association that stores all the while notices nothing.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { pdvHeaderBytes } from '../../src/dicom/dimse/pdvWriter.ts';
import { uid } from '../../src/dicom/uids.ts';
import { encodePdu } from '../../src/dicom/upperLayer/pdu.ts';
import { dataSet, deflate, secondaryCapture } from '../support/dataSets.ts';
import { startListener } from '../support/dicomListener.ts';
import { MemoryIntake } from '../support/memoryIntake.ts';
import { associateRq, dataPdus, echoRq, RawPeer, storageContext, storeCommand } from '../support/rawPeer.ts';
import { header, honest, hostileLimits, hostileSite } from './hostileSite.ts';

const limits = { ...hostileLimits, associationBytes: 3_000_000 };
const site = hostileSite();
const { connected, associated, lineSince } = site;
/** What the hostile peers leave behind; the honest one's instances are not among it. */
const hostileInstances = () => site.intake.stored.filter((one) => one.header.peer !== honest);

const peers: RawPeer[] = [];
afterEach(() => {
  for (const peer of peers.splice(0)) peer.destroy();
});

const releaseRq = encodePdu({ type: 'release-rq' });
const releaseRp = encodePdu({ type: 'release-rp' });
const ac = encodePdu({ ...associateRq(), type: 'associate-ac', contexts: [] });

describe('before an association', () => {
  const first: Array<[string, Buffer, string, RegExp]> = [
    ['P-DATA-TF', echoRq(), 'ABORT 0/0', /Evt10 \(P-DATA-TF\) is unexpected in Sta2/],
    ['A-RELEASE-RQ', releaseRq, 'ABORT 0/0', /release-rq.* unexpected/],
    ['A-RELEASE-RP', releaseRp, 'ABORT 0/0', /release-rp.* unexpected/],
    ['A-ASSOCIATE-AC', ac, 'ABORT 0/0', /associate-ac.* unexpected/],
    ['an unknown PDU', header(0x42, 4, '00000000'), 'ABORT 0/0', /unrecognised PDU type 42H/],
    ['an A-ASSOCIATE-RQ of FFFFFFFFH bytes', header(1, 0xffffffff), 'ABORT 0/0', /declares 4294967295 bytes/],
    ['an A-ASSOCIATE-RQ of zero bytes', header(1, 0), 'ABORT 0/0', /without a body/],
    [
      'an A-ASSOCIATE-RQ over its limit',
      header(1, 131073),
      'ABORT 0/0',
      /declares 131073 bytes, at most 131072 .*; limits\.associateRequestBytes is 131072 bytes/,
    ],
    ['an A-ASSOCIATE-RQ of stray bytes', header(1, 70, '00'.repeat(70)), 'ABORT 0/0', /stray bytes/],
  ];
  it.each(first)('%s is answered with A-ABORT', async (_what, bytes, answer, reason) => {
    const from = site.running.lines.length;
    const peer = await connected();
    peer.send(bytes);
    expect(await peer.answer()).toBe(answer);
    expect(await peer.answer()).toBe('closed');
    await lineSince(from, reason);
  });

  it('a peer that says nothing, or hardly anything, is closed when ARTIM expires', async () => {
    const from = site.running.lines.length;
    const silent = await connected();
    const slow = await connected();
    const rq = encodePdu(associateRq());
    const dripping = (async () => {
      for (let i = 0; i < rq.length && !slow.socket.destroyed; i++) {
        slow.send(rq.subarray(i, i + 1));
        await sleep(20);
      }
    })();
    expect(await silent.answer()).toBe('closed');
    expect(await slow.answer()).toBe('closed');
    slow.destroy();
    await dripping;
    await lineSince(from, /no A-ASSOCIATE-RQ within 300 ms; limits\.artimTimeout is 300 ms/);
  });

  it('a peer that aborts at once is not answered', async () => {
    const peer = await connected();
    peer.send({ type: 'abort', source: 0, reason: 0 });
    expect(await peer.answer()).toBe('closed');
  });
});

describe('A-ASSOCIATE-RQ', () => {
  const many = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ ...storageContext, id: (i * 2 + 1) & 0xff }));
  const refused: Array<[string, Parameters<typeof associateRq>[0], string, RegExp]> = [
    ['another protocol version', { protocolVersion: 2 }, 'RJ 1/2/2', /protocol version 2/],
    ['another application context', { applicationContext: '1.2.3' }, 'RJ 1/1/2', /application context 1\.2\.3/],
    ['129 contexts', { contexts: many(129) }, 'ABORT 0/0', /more than 128 presentation contexts/],
    ['256 contexts', { contexts: many(256) }, 'ABORT 0/0', /more than 128 presentation contexts/],
    ['an even context ID', { contexts: [{ ...storageContext, id: 4 }] }, 'ABORT 2/6', /ID 4 is even/],
    ['a context ID twice', { contexts: [storageContext, storageContext] }, 'ABORT 2/6', /ID 3 comes twice/],
  ];
  it('with 128 contexts, one for each ID, is accepted', async () => {
    const peer = await connected();
    peer.send(associateRq({ contexts: many(128) }));
    expect(await peer.answer()).toBe('AC');
    peer.destroy();
  });
  it.each(refused)('with %s is refused', async (_what, changes, answer, reason) => {
    const from = site.running.lines.length;
    const peer = await connected();
    peer.send(associateRq(changes));
    expect(await peer.answer()).toBe(answer);
    expect(await peer.answer()).toBe('closed'); // ARTIM closes what the peer does not
    await lineSince(from, reason);
  });

  it('with no contexts is accepted, and there is nothing to be done on it', async () => {
    const peer = await associated({ contexts: [] });
    peer.send(echoRq());
    expect(await peer.answer()).toBe('ABORT 2/6');
  });

  it('with role selections up to the last byte of its item gets an answer that fits', async () => {
    const roles = Array.from({ length: 2200 }, () => ({ sopClassUid: secondaryCapture, scu: true, scp: true }));
    const userInformation = { maximumLength: 16384, implementationClassUid: '1', roleSelections: roles.slice(0, 1985) };
    const peer = await associated({ userInformation });
    peer.send(echoRq());
    expect(await peer.answer()).toBe('status 0000 to 1');
  });

  const identified = (...sizes: [primary: number, secondary: number]) => ({
    ...associateRq().userInformation,
    userIdentity: {
      type: 2,
      positiveResponseRequested: true,
      primary: Buffer.alloc(sizes[0], 'A'),
      secondary: Buffer.alloc(sizes[1], 'B'),
    },
  });

  it('with a user identity as long as its item can be is accepted where none is asked for', async () => {
    await associated({ userInformation: identified(65_400, 0) });
  });

  it.each([
    ['longer than its item', 10, 0xff],
    ['shorter than its item', 10, 1],
  ])('with a user identity whose length is %s is aborted', async (_what, length, declared) => {
    const rq = encodePdu(associateRq({ userInformation: identified(length, 0) }));
    rq[rq.indexOf(Buffer.from('A'.repeat(length))) - 1] = declared;
    const peer = await connected();
    peer.send(rq);
    expect(await peer.answer()).toBe('ABORT 0/0');
  });

  it('with names that are no names is logged readably and in one line', async () => {
    const from = site.running.lines.length;
    const peer = await associated({ callingAeTitle: 'A\nB\0\x1b[31m\xe4', calledAeTitle: '../../etc' });
    peer.send({ type: 'release-rq' });
    expect(await peer.answer()).toBe('RELEASE-RP');
    peer.destroy();
    await lineSince(from, /association released/);
    const line = site.running.lines.slice(from).find((one) => one.event === 'association.released');
    expect(line?.peer).toBe('A\\x0aB\\x00\\x1b[31m\\xe4');
  });
});

describe('on an association', () => {
  it('a release in the middle of a data set is granted, and what was cut off is said', async () => {
    const from = site.running.lines.length;
    const peer = await associated();
    const beginning = dataSet('explicit').subarray(0, 100);
    const header = pdvHeaderBytes(storageContext.id, beginning.length, 'data-set', false);
    peer.send(storeCommand(), Buffer.concat([header, beginning]), { type: 'release-rq' });
    expect(await peer.answer()).toBe('RELEASE-RP');
    peer.destroy();
    await lineSince(from, /released in the middle of a message.*send it again/);
  });

  const wrong: Array<[string, Array<Buffer>, string, RegExp]> = [
    ['a second A-ASSOCIATE-RQ', [encodePdu(associateRq())], 'ABORT 2/2', /associate-rq.* unexpected in Sta6/],
    ['an A-ASSOCIATE-AC', [ac], 'ABORT 2/2', /associate-ac.* unexpected in Sta6/],
    ['an A-RELEASE-RP that nobody asked for', [releaseRp], 'ABORT 2/2', /release-rp.* unexpected in Sta6/],
    [
      'data after A-RELEASE-RQ',
      [storeCommand(), dataPdus(dataSet('explicit')), releaseRq, echoRq()],
      'ABORT 2/2',
      /P-DATA-TF\) is unexpected in Sta8/,
    ],
    ['an unknown PDU', [header(0x08, 4, '00000000')], 'ABORT 2/1', /unrecognised PDU type 08H/],
    [
      'a P-DATA-TF longer than negotiated',
      [header(4, 16385)],
      'ABORT 2/6',
      /16385 bytes, 16384 were negotiated; limits\.maxPduLength is 16384 bytes/,
    ],
    ['a P-DATA-TF of FFFFFFFFH bytes', [header(4, 0xffffffff)], 'ABORT 2/6', /4294967295 bytes/],
    ['a P-DATA-TF of zero bytes', [header(4, 0)], 'ABORT 2/6', /holds no value/],
    ['a value longer than its PDU', [header(4, 10, '00000100', '0103', '00000000')], 'ABORT 2/6', /does not fit/],
    ['data on a context that was not accepted', [echoRq(1, 99)], 'ABORT 2/6', /context 99, which was not accepted/],
    ['data without a command', [dataPdus(dataSet('explicit'))], 'ABORT 2/6', /without a command/],
    [
      'a command in a data set',
      [
        storeCommand(),
        dataPdus(Buffer.alloc(100)).subarray(0, 11),
        Buffer.from([0]),
        Buffer.alloc(100),
        storeCommand(),
      ],
      'ABORT 2/6',
      /command fragment in the middle/,
    ],
    [
      'a data set on another context',
      [storeCommand(), dataPdus(Buffer.alloc(10), 1)],
      'ABORT 2/6',
      /another presentation context/,
    ],
    ['a command that is noise', [header(4, 16, '0000000c', '0303', 'ffffffffffffffffffff')], 'ABORT 2/6', /command/],
    [
      'an instance without end',
      [storeCommand(), dataPdus(Buffer.alloc(2_100_000))],
      'ABORT 0/0',
      /more than 2000000 bytes; limits\.instanceBytes is 1000000 bytes/,
    ],
  ];
  it.each(wrong)('%s is answered with A-ABORT', async (_what, parts, answer, reason) => {
    const from = site.running.lines.length;
    const before = hostileInstances().length;
    intakeHoldsFor(parts);
    const peer = await associated();
    peer.send(...parts);
    expect(await peer.answer()).toBe(answer);
    site.intake.release();
    await lineSince(from, reason);
    expect(hostileInstances().length - before).toBe(parts.includes(releaseRq) ? 1 : 0);
  });

  /** The release must still wait for an answer when the data come. */
  function intakeHoldsFor(parts: Buffer[]): void {
    if (parts.includes(releaseRq)) site.intake.hold();
  }

  it('a release collision ends in order: the acceptor never asks for release itself', async () => {
    const peer = await associated();
    peer.send(releaseRq, releaseRq);
    const answers = [await peer.answer(), await peer.answer()];
    expect(answers).toEqual(['RELEASE-RP', 'closed']);
  });

  it('a peer that goes on after the A-ABORT is not listened to', async () => {
    const peer = await associated();
    const before = hostileInstances().length;
    peer.send(header(0x08, 4, '00000000'), storeCommand(), dataPdus(dataSet('explicit')), echoRq());
    expect(await peer.answer()).toBe('ABORT 2/1');
    expect(await peer.answer()).toBe('closed');
    expect(hostileInstances()).toHaveLength(before);
  });
});

describe('identifiers that are no identifiers', () => {
  const odd = [
    '../../etc/passwd',
    '..',
    '/abs',
    '1.2\0.3',
    '1.2\n3',
    `1.${'2'.repeat(63)}`,
    '1.2.3 4',
    'ÄÖ',
    '.',
    '<script>',
  ];
  it.each(odd)('SOP Instance UID %j is answered 0117 and goes nowhere', async (uidText) => {
    const before = hostileInstances().length;
    const begun = hostileBegun();
    const peer = await associated();
    peer.send(storeCommand({ affectedSopInstanceUid: uidText }), dataPdus(dataSet('explicit')));
    expect(await peer.answer()).toBe('status 0117 to 1');
    peer.send(echoRq(2));
    expect(await peer.answer()).toBe('status 0000 to 2');
    expect(hostileInstances()).toHaveLength(before);
    expect(hostileBegun()).toBe(begun);
    for (const line of site.running.lines) expect(JSON.stringify(line)).not.toMatch(/[^\x20-\x7e]/);
  });
  /** Instances that were begun for others than the good one. */
  const hostileBegun = () =>
    site.running.results.filter((one) => one.header.peer !== honest && one.outcome !== undefined).length;

  it('a SOP class UID that is a path is not a storage class', async () => {
    const path = `${secondaryCapture}/../../x`;
    const peer = await associated({ contexts: [{ ...storageContext, abstractSyntax: path }] });
    peer.send(storeCommand({ affectedSopClassUid: path }), dataPdus(dataSet('explicit')));
    expect(await peer.answer()).toBe('ABORT 2/6');
  });

  it('a transfer syntax that is a path is not chosen', async () => {
    const peer = await associated({
      contexts: [{ ...storageContext, transferSyntaxes: ['../../x', uid.implicitVrLittleEndian] }],
    });
    peer.send(storeCommand(), dataPdus(dataSet('implicit')));
    expect(await peer.answer()).toBe('status 0000 to 1');
    expect(hostileInstances().pop()?.header.transferSyntaxUid).toBe(uid.implicitVrLittleEndian);
  });
});

describe('data sets that mean harm are kept as they are', () => {
  const nested = Buffer.concat(
    Array.from({ length: 20_000 }, () => Buffer.from('1000021053510000ffffffff' + 'feff00e0ffffffff', 'hex')),
  );
  it.each([
    ['nesting without end', uid.explicitVrLittleEndian, nested],
    ['a length of 4 GB', uid.explicitVrLittleEndian, Buffer.from('100010404f420000fffffffe00', 'hex')],
    ['a deflate bomb', uid.deflatedExplicitVrLittleEndian, deflate(Buffer.alloc(100 << 20))],
    ['noise', uid.explicitVrBigEndian, Buffer.alloc(5000, 0xff)],
  ])('%s', async (_what, transferSyntax, bytes) => {
    const peer = await associated({ contexts: [{ ...storageContext, transferSyntaxes: [transferSyntax] }] });
    peer.send(storeCommand(), dataPdus(bytes));
    expect(await peer.answer()).toBe('status 0000 to 1');
    expect(hostileInstances().pop()?.dataSet?.equals(bytes)).toBe(true);
  });
});

describe('bytes on one association', () => {
  it('are limited', async () => {
    const own = new MemoryIntake({ keep: false });
    const other = await startListener({ intake: own, limits });
    try {
      const peer = await RawPeer.connect(other.port);
      peers.push(peer);
      peer.send(associateRq());
      expect(await peer.answer()).toBe('AC');
      for (let i = 0; i < 4; i++) peer.send(storeCommand(), dataPdus(Buffer.alloc(900_000)));
      const answers = [];
      for (let answer = await peer.answer(); !answer.startsWith('ABORT'); answer = await peer.answer())
        answers.push(answer);
      expect(answers.every((answer) => answer === 'status 0000 to 1')).toBe(true);
      expect(answers.length).toBeLessThan(4);
      peer.destroy();
      expect((await other.logged('association.aborted')).msg).toBe(
        'association aborted: more than 3000000 bytes on one association; limits.associationBytes is 3000000 bytes',
      );
    } finally {
      await other.stop();
    }
  });
});

describe('floods', () => {
  it('connections over the limit are dropped and said once each; the others go on', async () => {
    const other = await startListener({ intake: new MemoryIntake(), maxConnections: 5 });
    try {
      const first = await RawPeer.connect(other.port);
      peers.push(first);
      first.send(associateRq());
      expect(await first.answer()).toBe('AC');
      const more = await Promise.all(Array.from({ length: 8 }, () => RawPeer.connect(other.port)));
      peers.push(...more);
      await other.logged('listener.full');
      first.send(echoRq());
      expect(await first.answer()).toBe('status 0000 to 1');
    } finally {
      await other.stop();
    }
  });
});
