/** Side by side: the same data sent by the same sender to our gateway, to DCMTK's storescp, to Orthanc and to a null sink. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setInterval as every } from 'node:timers';
import type { TestPki } from '../test/support/certificates.ts';
import { type LoadResult, sendLoad } from './loadgen.ts';
import { makePayload, type Payload, type PayloadKind } from './payloads.ts';
import { peakResidentBytes } from './processTree.ts';
import type { CreateReceiver, Receiver, Transport } from './receiver.ts';
import { caseName, type ReceptionCase } from './receptionPlan.ts';
import { rotated } from './statistics.ts';
import { prepareRun, type Storage } from './storage.ts';

export type Measurement = {
  instancesPerSecond: number;
  megabytesPerSecond: number;
  ackP50Ms: number;
  ackP99Ms: number;
  ackMaxMs: number;
  /** The peak so far, all processes of the receiver. */
  rssBytes: number;
  /** CPU time of the sender in the same seconds: well under 1 means that it waited for the receiver. */
  senderCpuShare: number;
};

/** One receiver in one case. A round that went wrong is undefined, and its reason is among the problems. */
export type ReceptionRow = { case: ReceptionCase; receiver: string; runs: Array<Measurement | undefined> };

export type ReceptionResult = {
  rows: ReceptionRow[];
  /** What did not run or went wrong, by receiver or case. */
  couldNotRun: Record<string, string>;
  /** Protocol and cipher that every receiver agreed to, or all that were seen. */
  tlsUsed: string[];
};

export type ReceptionOptions = {
  cases: ReceptionCase[];
  receivers: Record<string, CreateReceiver>;
  storage: Storage;
  pki: TestPki;
  /** Cases that have not begun by then (performance.now()) are left out. */
  deadline: number;
  say(line: string): void;
};

/** When time is short, plain reception still gets some of it. */
const tlsShare = 0.7;

function measurementOf(result: LoadResult, seconds: number, rssBytes: number): Measurement {
  return {
    instancesPerSecond: result.ok / seconds,
    megabytesPerSecond: result.bytes / seconds / 1e6,
    ackP50Ms: result.ackP50Ms,
    ackP99Ms: result.ackP99Ms,
    ackMaxMs: result.ackMaxMs,
    rssBytes,
    senderCpuShare: result.cpuSeconds / seconds,
  };
}

class ReceptionBench {
  readonly #options: ReceptionOptions;
  readonly #payloads = new Map<PayloadKind, Payload>();
  readonly #tlsUsed = new Set<string>();
  readonly result: ReceptionResult = { rows: [], couldNotRun: {}, tlsUsed: [] };

  constructor(options: ReceptionOptions) {
    this.#options = options;
  }

  #payload(kind: PayloadKind): Payload {
    const payload = this.#payloads.get(kind) ?? makePayload(kind, join(this.#options.storage.directory, 'payloads'));
    this.#payloads.set(kind, payload);
    return payload;
  }

  async #start(transport: Transport): Promise<Receiver[]> {
    const { storage, pki, say } = this.#options;
    const started: Receiver[] = [];
    for (const [name, create] of Object.entries(this.#options.receivers)) {
      const directory = join(storage.directory, transport, name.replaceAll(/\W+/g, '-'));
      mkdirSync(directory, { recursive: true });
      const receiver = create({ transport, directory, pki });
      try {
        await receiver.start();
        await this.#warmUp(receiver, transport);
        started.push(receiver);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        this.result.couldNotRun[`${receiver.name} (${transport})`] = reason;
        say(`${receiver.name}: could not run: ${reason}`);
        await receiver.stop();
      }
    }
    return started;
  }

  async #send(receiver: Receiver, what: Pick<ReceptionCase, 'transport' | 'kind' | 'associations' | 'count'>) {
    const { port, calledAeTitle } = receiver;
    const { count, associations } = what;
    const tls = what.transport === 'tls' ? { tls: this.#options.pki.client } : {};
    const result = await sendLoad({
      port,
      calledAeTitle,
      payload: this.#payload(what.kind),
      count,
      associations,
      ...tls,
    });
    if (result.tls) this.#tlsUsed.add(result.tls);
    if (result.ok < count) {
      const { ok, failed, unsent, statuses, error } = result;
      throw new Error(
        `${ok} of ${count} stored, ${failed} failed, ${unsent} not sent ${JSON.stringify(statuses)} ${error}`,
      );
    }
    return result;
  }

  /** Code paths, caches and first allocations: before anything is measured. */
  async #warmUp(receiver: Receiver, transport: Transport): Promise<void> {
    for (const associations of [1, 8]) await this.#send(receiver, { transport, kind: 'CT', associations, count: 64 });
    await this.#send(receiver, { transport, kind: 'tiny', associations: 4, count: 100 });
  }

  async #measure(receiver: Receiver, what: ReceptionCase): Promise<{ run: Measurement; withSync?: Measurement }> {
    await prepareRun(receiver, this.#options.storage.directory, what.count * this.#payload(what.kind).size);
    let rss = 0;
    const look = () => {
      rss = Math.max(rss, peakResidentBytes(receiver.pids));
    };
    const sampler = every(look, 100);
    try {
      const result = await this.#send(receiver, what);
      const beforeSync = performance.now();
      await receiver.sync?.();
      const syncSeconds = (performance.now() - beforeSync) / 1000;
      look();
      const run = measurementOf(result, result.seconds, rss);
      return receiver.sync ? { run, withSync: measurementOf(result, result.seconds + syncSeconds, rss) } : { run };
    } finally {
      clearInterval(sampler);
    }
  }

  #row(what: ReceptionCase, receiver: string): ReceptionRow {
    const found = this.result.rows.find((row) => row.case === what && row.receiver === receiver);
    if (found) return found;
    const row: ReceptionRow = { case: what, receiver, runs: [] };
    this.result.rows.push(row);
    return row;
  }

  async #runCase(what: ReceptionCase, receivers: Receiver[]): Promise<void> {
    for (const receiver of receivers.filter((each) => each.coldAfterReset))
      await this.#warmUp(receiver, what.transport);
    for (let round = 0; round < what.rounds; round++) {
      for (const receiver of rotated(receivers, round)) {
        try {
          const { run, withSync } = await this.#measure(receiver, what);
          this.#row(what, receiver.name).runs[round] = run;
          if (withSync) this.#row(what, `${receiver.name} + sync`).runs[round] = withSync;
        } catch (error) {
          const reason = error instanceof Error ? error.message : String(error);
          this.#row(what, receiver.name).runs[round] = undefined;
          this.result.couldNotRun[`${receiver.name}, ${caseName(what)}, round ${round + 1}`] = reason;
        }
      }
    }
    for (const receiver of receivers) await receiver.reset();
  }

  async #runTransport(transport: Transport, cases: ReceptionCase[], deadline: number): Promise<void> {
    const { say } = this.#options;
    const receivers = await this.#start(transport);
    try {
      for (const what of cases) {
        if (performance.now() > deadline) {
          this.result.couldNotRun[caseName(what)] = 'left out: time is up';
          continue;
        }
        say(`${caseName(what)}: ${what.count} instances, ${what.rounds} rounds …`);
        await this.#runCase(what, receivers);
      }
    } finally {
      for (const receiver of receivers) await receiver.stop();
    }
  }

  async run(): Promise<ReceptionResult> {
    const { cases, deadline } = this.#options;
    const now = performance.now();
    const until = { tls: now + tlsShare * (deadline - now), plain: deadline };
    for (const transport of ['tls', 'plain'] as const) {
      const own = cases.filter((c) => c.transport === transport);
      if (own.length > 0 && now < deadline) await this.#runTransport(transport, own, until[transport]);
      else for (const what of own) this.result.couldNotRun[caseName(what)] = 'left out: time is up';
    }
    this.result.tlsUsed = [...this.#tlsUsed];
    return this.result;
  }
}

/** Runs all cases. What cannot run is said in the result; nothing is thrown for it. */
export function measureReception(options: ReceptionOptions): Promise<ReceptionResult> {
  return new ReceptionBench(options).run();
}
