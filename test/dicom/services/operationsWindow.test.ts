/** The asynchronous operations window as an SCP has it (PS3.7 D.3.3.3), through real sockets. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { AssociateAc } from '../../../src/dicom/upperLayer/pdu.ts';
import { decodePdu } from '../../../src/dicom/upperLayer/pdu.ts';
import { dataSet } from '../../support/dataSets.ts';
import { startListener } from '../../support/dicomListener.ts';
import { MemoryIntake } from '../../support/memoryIntake.ts';
import { associateRq, dataPdus, echoRq, RawPeer, storeCommand } from '../../support/rawPeer.ts';

const cleanUp: Array<() => void | Promise<void>> = [];
afterEach(async () => {
  for (const done of cleanUp.splice(0).reverse()) await done();
});

type Options = Omit<Parameters<typeof startListener>[0], 'intake'>;

async function start(options: Options = {}) {
  const intake = new MemoryIntake();
  const running = await startListener({ intake, ...options });
  cleanUp.push(() => running.stop());
  return { intake, running };
}

const proposing = (invoked: number) => ({
  userInformation: {
    ...associateRq().userInformation,
    asynchronousOperationsWindow: { invoked, performed: 1 },
  },
});

/** A peer that proposed a window (or none), and what it was answered. */
async function associated(port: number, proposal: Parameters<typeof associateRq>[0] = {}) {
  const peer = await RawPeer.connect(port);
  cleanUp.push(() => peer.destroy());
  peer.send(associateRq(proposal));
  const pdu = await peer.next();
  if (pdu === 'closed') throw new Error('closed');
  const answer = decodePdu(pdu.type, pdu.body) as AssociateAc;
  return { peer, window: answer.userInformation.asynchronousOperationsWindow };
}

const store = (messageId: number, bytes = dataSet('explicit')) =>
  Buffer.concat([storeCommand({ messageId, affectedSopInstanceUid: `1.2.3.${messageId}` }), dataPdus(bytes)]);

describe('asynchronous operations window', () => {
  it.each([
    [undefined, undefined],
    [1, { invoked: 1, performed: 1 }],
    [3, { invoked: 3, performed: 1 }],
    [100, { invoked: 4, performed: 1 }],
    [0, { invoked: 4, performed: 1 }],
  ])('a proposal of %s is answered %j where 4 are allowed', async (invoked, answered) => {
    const { running } = await start({ limits: { operationsWindow: 4 } });
    const { window } = await associated(running.port, invoked === undefined ? {} : proposing(invoked));
    expect(window).toEqual(answered);
  });

  it('is the peer’s own where the policy gives it one', async () => {
    const access = { admit: () => ({ admitted: true as const, terms: { limits: { operationsWindow: 2 } } }) };
    const { running } = await start({ access, limits: { operationsWindow: 16 } });
    const { window } = await associated(running.port, proposing(8));
    expect(window?.invoked).toBe(2);
  });

  it('lets so many instances become durable at a time, and answers each when it is', async () => {
    const { intake, running } = await start({ limits: { operationsWindow: 3 } });
    const { peer } = await associated(running.port, proposing(3));
    const finishes = intake.holdEach();
    peer.send(store(1), store(2), store(3));
    await intake.until(() => finishes.length === 3);
    for (const index of [1, 2, 0]) {
      finishes[index]?.();
      expect(await peer.answer()).toBe(`status 0000 to ${index + 1}`);
    }
    expect(intake.stored.map((one) => one.header.sopInstanceUid)).toEqual(['1.2.3.2', '1.2.3.3', '1.2.3.1']);
  });

  it.each([
    ['one that proposed no window', {}, 1],
    ['one that was granted two', proposing(2), 2],
  ])('holds %s back when it sends more, and harms it not', async (_what, proposal, granted) => {
    const { intake, running } = await start({ limits: { operationsWindow: 2 } });
    const { peer } = await associated(running.port, proposal);
    const finishes = intake.holdEach();
    // Small ones, many of them in one piece of what the socket gives.
    peer.send(Buffer.concat(Array.from({ length: 50 }, (_, i) => store(i + 1))));
    for (let answered = 0; answered < 50; answered++) {
      await intake.until(() => finishes.length === Math.min(50, answered + granted));
      await sleep(answered < 5 ? 20 : 0);
      expect(intake.begun).toBe(Math.min(50, answered + granted)); // never more sinks than the window has
      finishes[answered]?.();
      expect(await peer.answer()).toBe(`status 0000 to ${answered + 1}`);
    }
    peer.send({ type: 'release-rq' });
    expect(await peer.answer()).toBe('RELEASE-RP');
    expect(intake.stored).toHaveLength(50);
    expect([...new Set(running.limits)]).toEqual(['operationsWindow']);
  });

  it('notices a peer that keeps to the window going away while it waits', async () => {
    const { intake, running } = await start({ limits: { operationsWindow: 2 } });
    const { peer } = await associated(running.port, proposing(2));
    const finishes = intake.holdEach();
    peer.send(store(1), store(2));
    await intake.until(() => finishes.length === 2);
    peer.destroy();
    await running.logged('association.aborted');
    for (const finish of finishes) finish();
    await intake.until(() => intake.stored.length === 2); // what came whole stays
  });

  it('keeps what came whole beyond the window, and forgets what did not, when the peer goes away', async () => {
    const { intake, running } = await start();
    const { peer } = await associated(running.port);
    const finishes = intake.holdEach();
    peer.send(store(1), store(2), store(3).subarray(0, -10));
    await intake.until(() => finishes.length === 1);
    await sleep(50);
    peer.destroy();
    await sleep(50);
    finishes[0]?.();
    await intake.until(() => finishes.length === 2);
    finishes[1]?.();
    await intake.until(() => intake.discarded === 1);
    expect(intake.stored.map((one) => one.header.sopInstanceUid)).toEqual(['1.2.3.1', '1.2.3.2']);
    await running.logged('association.aborted');
    while (running.listener.associations.size > 0) await sleep(5);
  });

  it('answers what came whole when the peer aborts in the middle of another', async () => {
    const { intake, running } = await start({ limits: { operationsWindow: 4 } });
    const { peer } = await associated(running.port, proposing(4));
    const finishes = intake.holdEach();
    const cut = store(3, dataSet('explicit', { pixels: Buffer.alloc(100_000) })).subarray(0, 3 * 16390);
    peer.send(store(1), store(2), cut);
    await intake.until(() => intake.begun === 3);
    peer.send({ type: 'abort', source: 0, reason: 0 }); // inside a PDU: it is not even seen as one
    peer.socket.end();
    await intake.until(() => intake.discarded === 1);
    for (const finish of finishes) finish();
    await intake.until(() => intake.stored.length === 2);
    expect((await running.logged('association.aborted')).msg).toContain('in the middle of a PDU');
  });

  it('answers all before the release', async () => {
    const { intake, running } = await start({ limits: { operationsWindow: 3 } });
    const { peer } = await associated(running.port, proposing(3));
    const finishes = intake.holdEach();
    peer.send(store(1), store(2), store(3), { type: 'release-rq' });
    await intake.until(() => finishes.length === 3);
    finishes[2]?.();
    finishes[0]?.();
    expect(await peer.answer()).toBe('status 0000 to 3');
    expect(await peer.answer()).toBe('status 0000 to 1');
    finishes[1]?.();
    expect(await peer.answer()).toBe('status 0000 to 2');
    expect(await peer.answer()).toBe('RELEASE-RP');
  });

  it('answers 0210 to a message ID that is outstanding, and counts on', async () => {
    const { intake, running } = await start({ limits: { operationsWindow: 3 } });
    const { peer } = await associated(running.port, proposing(3));
    const finishes = intake.holdEach();
    peer.send(store(7), store(7), echoRq(9));
    expect(await peer.answer()).toBe('status 0210 to 7');
    expect(await peer.answer()).toBe('status 0000 to 9');
    finishes[0]?.();
    expect(await peer.answer()).toBe('status 0000 to 7');
    peer.send(store(7)); // free again
    await intake.until(() => finishes.length === 2);
    finishes[1]?.();
    expect(await peer.answer()).toBe('status 0000 to 7');
  });

  it('ends the association when what waits cannot be begun: a fault of ours', async () => {
    const { intake, running } = await start();
    const { peer } = await associated(running.port);
    const finishes = intake.holdEach();
    peer.send(store(1), store(2));
    await intake.until(() => finishes.length === 1);
    await sleep(50);
    intake.breaks = 'begin';
    finishes[0]?.();
    expect(await peer.answer()).toBe('status 0000 to 1');
    expect(await peer.answer()).toBe('ABORT 2/0');
    expect((await running.logged('association.fault')).msg).toContain('begin breaks');
  });
});
