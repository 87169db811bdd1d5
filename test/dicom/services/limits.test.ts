/** Each limit that an association can run into: what the peer is told, the log names the key, the observer hears of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { type AssociationLimits, type LimitName, rejection } from '../../../src/dicom/services/access.ts';
import type { Knock } from '../../../src/dicom/services/associationObserver.ts';
import { encodePdu } from '../../../src/dicom/upperLayer/pdu.ts';
import { dataSet } from '../../support/dataSets.ts';
import { startListener } from '../../support/dicomListener.ts';
import { MemoryIntake } from '../../support/memoryIntake.ts';
import { associateRq, dataPdus, echoRq, RawPeer, storageContext, storeCommand } from '../../support/rawPeer.ts';

const cleanUp: Array<() => void | Promise<void>> = [];
afterEach(async () => {
  for (const done of cleanUp.splice(0).reverse()) await done();
});

async function start(limits: Partial<AssociationLimits>, own?: Partial<AssociationLimits>) {
  const intake = new MemoryIntake();
  const access = {
    admit: () => ({ admitted: true as const, ...(own ? { terms: { entry: 'CT1', limits: own } } : {}) }),
  };
  const running = await startListener({ intake, limits: { artimMs: 1000, ...limits }, access });
  cleanUp.push(() => running.stop());
  const connect = async () => {
    const peer = await RawPeer.connect(running.port);
    cleanUp.push(() => peer.destroy());
    return peer;
  };
  const associate = async () => {
    const peer = await connect();
    peer.send(associateRq());
    expect(await peer.answer()).toBe('AC');
    return peer;
  };
  return { intake, running, connect, associate };
}

/** A P-DATA-TF header that promises `length` bytes. */
const pduOf = (length: number) => {
  const head = Buffer.from('040000000000', 'hex');
  head.writeUInt32BE(length, 2);
  return head;
};

type Case = {
  limits: Partial<AssociationLimits>;
  send: (peer: RawPeer) => void | Promise<void>;
  first?: true;
  answer: string;
  /** The event of the log line, when it is not association.aborted. */
  event?: string;
  text: RegExp;
};

const cases: Partial<Record<LimitName, Case>> = {
  maxPduLength: {
    limits: { maxPduLength: 16384 },
    send: (peer) => peer.send(pduOf(16385)),
    answer: 'ABORT 2/6',
    text: /16385 bytes, 16384 were negotiated; limits\.maxPduLength is 16384 bytes$/,
  },
  associateRequestBytes: {
    limits: { associateRequestBytes: 8192 },
    first: true,
    send: (peer) => peer.send(Buffer.from('010000002001', 'hex')),
    answer: 'ABORT 0/0',
    text: /declares 8193 bytes, .*; limits\.associateRequestBytes is 8192 bytes$/,
  },
  presentationContexts: {
    limits: { presentationContexts: 2 },
    first: true,
    send: (peer) => {
      const contexts = [1, 3, 5].map((id) => ({ ...storageContext, id }));
      peer.send(associateRq({ contexts }));
    },
    answer: 'RJ 2/3/2',
    event: 'association.rejected',
    text: /3 presentation contexts, at most 2 are allowed; raise limits\.presentationContexts \(to 128 at most\)$/,
  },
  artimTimeout: {
    limits: { artimMs: 200 },
    first: true,
    send: () => {},
    answer: 'closed',
    event: 'listener.no-request',
    text: /no A-ASSOCIATE-RQ within 200 ms; limits\.artimTimeout is 200 ms$/,
  },
  idleTimeout: {
    limits: { idleMs: 500 },
    send: () => {},
    answer: 'ABORT 0/0',
    text: /nothing received for 500 ms; limits\.idleTimeout is 500 ms$/,
  },
  associationBytes: {
    limits: { associationBytes: 1000 },
    send: (peer) => peer.send(...Array.from({ length: 20 }, () => echoRq())),
    answer: 'ABORT 0/0',
    text: /more than 1000 bytes on one association; limits\.associationBytes is 1000 bytes$/,
  },
};

describe('limits of an association', () => {
  it.each(Object.entries(cases))('%s', async (name, { limits, send, first, answer, event, text }) => {
    const { running, connect, associate } = await start(limits);
    const peer = await (first ? connect() : associate());
    await send(peer);
    let said = await peer.answer();
    while (said.startsWith('status')) said = await peer.answer();
    expect(said).toBe(answer);
    peer.destroy();
    expect((await running.logged(event ?? 'association.aborted')).msg).toMatch(text);
    expect(running.limits).toEqual([name]);
    expect(running.limitCallers[0]).not.toHaveProperty('entry');
  });

  /** Sends `bytes` one by one, `ms` apart, until they are sent or the peer is closed. */
  async function dribble(peer: RawPeer, bytes: Buffer, ms: number): Promise<void> {
    for (const byte of bytes) {
      if (peer.socket.destroyed) return;
      peer.send(Buffer.from([byte]));
      await sleep(ms);
    }
  }

  it('idleTimeout: a peer that dribbles inside one PDU is idle', async () => {
    const { intake, running, associate } = await start({ idleMs: 1500 });
    const peer = await associate();
    peer.send(storeCommand());
    const dribbling = dribble(peer, dataPdus(Buffer.alloc(10_000)), 30);
    expect(await peer.answer()).toBe('ABORT 0/0');
    peer.destroy();
    await dribbling;
    expect(running.limits).toEqual(['idleTimeout']);
    expect(intake.discarded).toBe(1);
  });

  it('minimumRate: a message that comes too slowly, in whole PDUs, is aborted', async () => {
    const { intake, running, associate } = await start({ idleMs: 2000, minimumRate: 100_000 });
    const peer = await associate();
    peer.send(storeCommand());
    const slowly = dribble(peer, dataPdus(Buffer.alloc(2000), 3, 7), 1); // PDUs of 13 bytes
    expect(await peer.answer()).toBe('ABORT 0/0');
    peer.destroy();
    await slowly;
    expect((await running.logged('association.aborted')).msg).toMatch(
      /a message came too slowly for 2000 ms; limits\.minimumRate is 100000 bytes a second$/,
    );
    expect(running.limits).toEqual(['minimumRate']);
    expect(intake.discarded).toBe(1);
  });

  it('minimumRate: a peer that we hold back is not slow', async () => {
    const { intake, running, associate } = await start({ idleMs: 1000, minimumRate: 1e9 });
    const peer = await associate();
    intake.full = true;
    peer.send(storeCommand(), dataPdus(dataSet('explicit', { pixels: Buffer.alloc(5_000_000) })));
    await intake.until(() => intake.taken > 0);
    await sleep(3500);
    intake.full = false;
    expect(await peer.answer()).toBe('status 0000 to 1');
    expect(running.limits).toEqual([]);
  });

  it('instanceBytes: one that is larger is answered A700 with the reason, and the association goes on', async () => {
    const { intake, running, associate } = await start({ instanceBytes: 100_000 });
    const peer = await associate();
    peer.send(
      storeCommand(),
      dataPdus(Buffer.alloc(150_000)),
      storeCommand({ messageId: 2 }),
      dataPdus(Buffer.alloc(100_000)),
    );
    const refused = await peer.next();
    if (refused === 'closed') throw new Error('closed');
    expect(refused.body.toString('latin1')).toContain('too large: limits.instanceBytes is 100000 bytes');
    expect(await peer.answer()).toBe('status 0000 to 2');
    expect(intake).toMatchObject({ begun: 2, discarded: 1 });
    expect(intake.stored.map((one) => one.bytes)).toEqual([100_000]);
    expect(running.limits).toEqual(['instanceBytes']);
    expect((await running.logged('instance.refused')).msg).toContain(
      'A700H: too large: limits.instanceBytes is 100000',
    );
  });

  it('instanceBytes: one that is too large while the intake is full lets the peer go on', async () => {
    const { intake, associate } = await start({ instanceBytes: 1000 });
    const peer = await associate();
    intake.full = true; // what is discarded never drains
    peer.send(Buffer.concat([storeCommand(), dataPdus(Buffer.alloc(1900), 3, 500)]));
    expect(await peer.answer()).toBe('status a700 to 1');
    peer.send(echoRq(2));
    expect(await peer.answer()).toBe('status 0000 to 2');
    expect(intake.discarded).toBe(1);
    intake.full = false;
  });

  it('instanceBytes: one without end ends the association, and is counted once', async () => {
    const { intake, running, associate } = await start({ instanceBytes: 100_000 });
    const peer = await associate();
    peer.send(storeCommand(), dataPdus(Buffer.alloc(300_000)));
    expect(await peer.answer()).toBe('ABORT 0/0');
    peer.destroy();
    expect((await running.logged('association.aborted')).msg).toMatch(
      /instance of more than 200000 bytes; limits\.instanceBytes is 100000 bytes$/,
    );
    expect(running.limits).toEqual(['instanceBytes']);
    expect(intake).toMatchObject({ begun: 1, discarded: 1, stored: [] });
  });

  it('are the peer’s own where the policy gives it some, from the answer to its request on', async () => {
    const own = { maxPduLength: 5000, instanceBytes: 10_000 };
    const { running, associate } = await start({ maxPduLength: 131072 }, own);
    const peer = await associate();
    peer.send(storeCommand(), dataPdus(Buffer.alloc(10_001), 3, 5000));
    expect(await peer.answer()).toBe('status a700 to 1');
    peer.send(pduOf(5001));
    expect(await peer.answer()).toBe('ABORT 2/6');
    peer.destroy();
    expect((await running.logged('association.aborted')).msg).toMatch(
      /limits\.maxPduLength of this peer is 5000 bytes$/,
    );
    expect(running.limits).toEqual(['instanceBytes', 'maxPduLength']);
    const who = { address: '127.0.0.1', aeTitle: 'RAWPEER', entry: 'CT1' };
    expect(running.limitCallers).toEqual([who, who]);
  });

  it('presentationContexts: it is the peer that is turned away, when it is one', async () => {
    const contexts = [1, 3, 5].map((id) => ({ ...storageContext, id }));
    const strangers = { admitted: false, rejection: rejection.noReason, why: 'unknown', hint: '' } as const;
    for (const [admission, answer, identified] of [
      [{ admitted: true } as const, 'RJ 2/3/2', true],
      [strangers, 'RJ 1/1/1', undefined],
    ] as const) {
      const knocks: Knock[] = [];
      const running = await startListener({
        ...{ intake: new MemoryIntake(), limits: { presentationContexts: 2 }, access: { admit: () => admission } },
        onRejected: (knock) => void knocks.push(knock),
      });
      cleanUp.push(() => running.stop());
      const peer = await RawPeer.connect(running.port);
      cleanUp.push(() => peer.destroy());
      peer.send(associateRq({ contexts }));
      expect(await peer.answer()).toBe(answer);
      expect(knocks.map(({ verdict }) => verdict.identified)).toEqual([identified]);
    }
  });

  it('may also be higher for one peer than for the others', async () => {
    const { intake, associate } = await start({ maxPduLength: 4096 }, { maxPduLength: 65536 });
    const peer = await associate();
    peer.send(storeCommand(), dataPdus(Buffer.alloc(200_000), 3, 65536));
    expect(await peer.answer()).toBe('status 0000 to 1');
    expect(intake.stored[0]?.bytes).toBe(200_000);
  });

  it('a request at its limit is read', async () => {
    const request = encodePdu(associateRq());
    const { connect } = await start({ associateRequestBytes: request.length - 6 });
    const peer = await connect();
    peer.send(request);
    expect(await peer.answer()).toBe('AC');
  });
});
