/**
 * Every kind of PDU in every state of the acceptor that a peer can bring about, against PS3.8 table 9-10 as it is typed anew in
 * test/support/protocolMachine.ts. Sta3 lasts no longer than a call (the answer to a request is given at once), and Sta7 and
 * Sta9 to Sta12 need an A-RELEASE-RQ of ours, which an acceptor here never sends: these are left to the fuzzer.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { encodePdu } from '../../src/dicom/upperLayer/pdu.ts';
import type { Event, State } from '../../src/dicom/upperLayer/stateMachine.ts';
import { dataSet } from '../support/dataSets.ts';
import { standardAction } from '../support/protocolMachine.ts';
import { associateRq, dataPdus, echoRq, type RawPeer, storeCommand } from '../support/rawPeer.ts';
import { answersUntilClosed, header, hostileSite, secretPatient } from './hostileSite.ts';

const site = hostileSite();
const instance = dataSet('explicit', { patientId: secretPatient, pixels: Buffer.alloc(40_000) });
const otherApplication = { applicationContext: '1.2.3' };

const pdus: Array<[name: string, event: Event, bytes: Buffer]> = [
  ['A-ASSOCIATE-RQ', 'Evt6', encodePdu(associateRq())],
  ['A-ASSOCIATE-AC', 'Evt3', encodePdu({ ...associateRq(), type: 'associate-ac', contexts: [] })],
  ['A-ASSOCIATE-RJ', 'Evt4', encodePdu({ type: 'associate-rj', result: 1, source: 1, reason: 1 })],
  ['P-DATA-TF', 'Evt10', echoRq(9)],
  ['A-RELEASE-RQ', 'Evt12', encodePdu({ type: 'release-rq' })],
  ['A-RELEASE-RP', 'Evt13', encodePdu({ type: 'release-rp' })],
  ['A-ABORT', 'Evt16', encodePdu({ type: 'abort', source: 0, reason: 0 })],
  ['an unknown PDU', 'Evt19', header(0x09, 4, '00000000')],
];

type Situation = {
  name: string;
  state: State;
  reach(): Promise<RawPeer>;
  /** What P-DATA-TF (a C-ECHO) leads to where the table lets it through. */
  data: string[];
  /** Answers that are owed, before the one to A-RELEASE-RQ. */
  owed: string[];
};

const situations: Situation[] = [
  { name: 'a connection', state: 'Sta2', reach: () => site.connected(), data: [], owed: [] },
  { name: 'an association', state: 'Sta6', reach: () => site.associated(), data: ['status 0000 to 9'], owed: [] },
  {
    name: 'the middle of a command',
    state: 'Sta6',
    reach: async () => {
      const peer = await site.associated();
      const command = storeCommand().subarray(12);
      // The first 20 bytes of a command, in a PDU of their own, as a fragment that is not the last.
      peer.send(header(4, 26, '00000016', '0301'), command.subarray(0, 20));
      return peer;
    },
    data: ['ABORT 2/6'],
    owed: [],
  },
  {
    name: 'the middle of a data set',
    state: 'Sta6',
    reach: async () => {
      const peer = await site.associated();
      const begun = site.intake.taken;
      peer.send(storeCommand(), dataPdus(instance).subarray(0, 2 * 16390)); // two PDUs of it
      await site.intake.until(() => site.intake.taken > begun + 30_000);
      return peer;
    },
    data: ['ABORT 2/6'],
    owed: [],
  },
  {
    name: 'a release whose answer waits for an instance',
    state: 'Sta8',
    reach: async () => {
      site.intake.hold();
      const peer = await site.associated();
      const begun = site.intake.begun;
      peer.send(storeCommand(), dataPdus(instance), { type: 'release-rq' });
      await site.intake.until(() => site.intake.begun > begun);
      await sleep(20);
      return peer;
    },
    data: [],
    owed: [],
  },
  {
    name: 'a rejected request',
    state: 'Sta13',
    reach: async () => {
      const peer = await site.connected();
      peer.send(associateRq(otherApplication));
      expect(await peer.answer()).toBe('RJ 1/1/2');
      return peer;
    },
    data: [],
    owed: [],
  },
  {
    name: 'a released association',
    state: 'Sta13',
    reach: async () => {
      const peer = await site.associated();
      peer.send({ type: 'release-rq' });
      expect(await peer.answer()).toBe('RELEASE-RP');
      return peer;
    },
    data: [],
    owed: [],
  },
];

/** What the peer sees, by the table: the effects of the action in words of RawPeer, and whether it is closed after that. */
function expected({ state, data }: Situation, event: Event): { answers: string[]; closes: boolean } {
  const action = standardAction(state, event, 'acceptor');
  if (action === undefined) throw new Error(`${event} cannot happen in ${state}`);
  const [effects, next] = action;
  const reason = event === 'Evt19' ? 1 : 2;
  const answers = effects.flatMap((effect) => {
    if (effect === 'send-abort-user') return ['ABORT 0/0'];
    if (effect === 'send-abort-provider') return [`ABORT 2/${reason}`];
    if (effect === 'indicate-associate') return ['AC'];
    if (effect === 'indicate-release') return ['RELEASE-RP'];
    if (effect === 'indicate-p-data') return data;
    return [];
  });
  const goesOn = next === 'Sta3' || (next === 'Sta6' && !answers.some((answer) => answer.startsWith('ABORT')));
  return { answers, closes: !goesOn };
}

describe.each(situations)('on $name ($state)', (situation) => {
  it.each(pdus)('%s is answered as table 9-10 has it', async (_name, event, bytes) => {
    const before = site.hostileResults().filter((one) => one.status === 0).length;
    const discarded = site.intake.discarded;
    const { answers, closes } = expected(situation, event);
    const peer = await situation.reach();
    peer.send(bytes);
    if (closes) {
      expect(await answersUntilClosed(peer)).toEqual(answers);
    } else {
      for (const answer of answers) expect(await peer.answer()).toBe(answer);
      peer.send(encodePdu({ type: 'release-rq' }));
      expect(await peer.answer()).toBe('RELEASE-RP');
    }
    site.intake.release();
    await sleep(5);
    // The one that came whole before the release is kept; one that was cut off is forgotten.
    const kept = site.hostileResults().filter((one) => one.status === 0).length - before;
    expect(kept).toBe(situation.state === 'Sta8' ? 1 : 0);
    if (situation.name === 'the middle of a data set') expect(site.intake.discarded).toBe(discarded + 1);
  });
});
