/**
 * A listener on the loopback with an honest sender that stores one instance after another all the while. After each test the
 * honest one has been served once more, and nothing in the log is hostile: no control characters, no patient data.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import type { AssociationLimits } from '../../src/dicom/services/access.ts';
import type { Intake } from '../../src/dicom/services/storage.ts';
import { dataSet } from '../support/dataSets.ts';
import { startListener, type TestListener } from '../support/dicomListener.ts';
import { MemoryIntake } from '../support/memoryIntake.ts';
import { associateRq, dataPdus, RawPeer, storeCommand } from '../support/rawPeer.ts';

export const honest = 'HONEST';
/** Stands in the hostile peers' data sets where a patient would be; it must not be seen in any log. */
export const secretPatient = 'SECRET^PATIENT';

export const hostileLimits: Partial<AssociationLimits> = {
  artimMs: 300,
  maxPduLength: 16384,
  instanceBytes: 1_000_000,
  associationBytes: 2 ** 40,
  associateRequestBytes: 128 * 1024,
};

/** Stores one instance after another on one association until told to stop. */
export async function honestSender(port: number) {
  const peer = await RawPeer.connect(port);
  peer.send(associateRq({ callingAeTitle: honest }));
  expect(await peer.answer()).toBe('AC');
  let stopping = false;
  let stored = 0;
  let failed: unknown;
  const storing = async () => {
    const small = dataSet('explicit');
    while (!stopping) {
      const messageId = (stored % 60_000) + 1;
      peer.send(storeCommand({ messageId, affectedSopInstanceUid: `1.2.3.${stored + 1}` }), dataPdus(small));
      expect(await peer.answer()).toBe(`status 0000 to ${messageId}`);
      stored++;
      await sleep(5);
    }
    peer.send({ type: 'release-rq' });
    expect(await peer.answer()).toBe('RELEASE-RP');
    peer.destroy();
  };
  const done = storing().catch((error: unknown) => {
    failed = error;
  });
  return {
    get stored() {
      return stored;
    },
    /** Resolves when it has been served once more, from its command to its answer. */
    servedAgain: async () => {
      for (const before = stored; stored < before + 2 && failed === undefined; ) await sleep(2);
      if (failed !== undefined) throw failed;
    },
    stop: async () => {
      stopping = true;
      await done;
      if (failed !== undefined) throw failed;
      return stored;
    },
  };
}

/** One for a test file. `Kept` is the intake: in memory unless the file brings its own. */
export function hostileSite<Kept extends Intake = MemoryIntake>(
  options: { limits?: Partial<AssociationLimits>; intake?: () => Kept; done?: () => Promise<void> | void } = {},
) {
  let running: TestListener;
  let sender: Awaited<ReturnType<typeof honestSender>>;
  let intake: Kept;
  const peers: RawPeer[] = [];

  beforeAll(async () => {
    intake = (options.intake ?? (() => new MemoryIntake() as unknown as Kept))();
    running = await startListener({ intake, limits: { ...hostileLimits, ...options.limits } });
    sender = await honestSender(running.port);
  });
  afterEach(async () => {
    for (const peer of peers.splice(0)) peer.destroy();
    await sender.servedAgain();
    for (const line of running.lines) {
      const text = JSON.stringify(line);
      expect(text).not.toMatch(/[^\x20-\x7e]|\\u00|\\[nrtbf]/);
      expect(text).not.toContain(secretPatient);
    }
  });
  afterAll(async () => {
    const stored = await sender.stop();
    const results = running.results.filter((one) => one.header.peer === honest);
    expect(results.filter((one) => one.status === 0)).toHaveLength(stored);
    await running.stop();
    await options.done?.();
  });

  const connected = async (): Promise<RawPeer> => {
    const peer = await RawPeer.connect(running.port);
    peers.push(peer);
    return peer;
  };
  return {
    get running() {
      return running;
    },
    get intake() {
      return intake;
    },
    /** What the listener has answered to the C-STOREs of others than the honest sender. */
    hostileResults: () => running.results.filter((one) => one.header.peer !== honest),
    connected,
    associated: async (changes: Parameters<typeof associateRq>[0] = {}): Promise<RawPeer> => {
      const peer = await connected();
      peer.send(associateRq(changes));
      expect(await peer.answer()).toBe('AC');
      return peer;
    },
    /** Waits for a log line since line `from` whose message matches. */
    lineSince: async (from: number, pattern: RegExp): Promise<void> => {
      const found = () => running.lines.slice(from).some((line) => pattern.test(line.msg));
      for (let i = 0; i < 400 && !found(); i++) await sleep(10);
      expect(running.lines.slice(from).map((line) => line.msg)).toContainEqual(expect.stringMatching(pattern));
    },
  };
}

/** Every answer up to the close. */
export async function answersUntilClosed(peer: RawPeer): Promise<string[]> {
  const answers: string[] = [];
  for (let answer = await peer.answer(); answer !== 'closed'; answer = await peer.answer()) answers.push(answer);
  return answers;
}

/** A PDU header with a length as it is told, and `rest` in hexadecimal. */
export function header(type: number, length: number, ...rest: string[]): Buffer {
  const head = Buffer.from([type, 0, 0, 0, 0, 0]);
  head.writeUInt32BE(length, 2);
  return Buffer.concat([head, Buffer.from(rest.join(''), 'hex')]);
}
