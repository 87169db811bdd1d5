/**
 * What an association's negotiated terms are worth: the operations window (PS3.7 D.3.3.3) and the length of a PDU (PS3.8
 * D.1). One gateway over TLS, CT slices, and one setting after another in each round, so that each is measured beside all
 * the others; the gateway grants the most, and the sender asks for less.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { TestPki } from '../test/support/certificates.ts';
import { type LoadResult, sendLoad } from './loadgen.ts';
import { makePayload, type Payload } from './payloads.ts';
import type { Receiver } from './receiver.ts';
import { createGateway } from './receivers/gateway.ts';
import { rotated } from './statistics.ts';
import { prepareRun, type Storage } from './storage.ts';

export const windows = [1, 2, 4, 8, 16] as const;
export const pduLengths = [16_384, 65_536, 131_072, 262_144, 1_048_576] as const;
/** What the gateway announces by default, and what senders are used to. */
export const usual = { window: 1, maxPdu: 131_072 };

export type Terms = { associations: number; window: number; maxPdu: number };
/** Instances a second in each round; undefined where a run went wrong. */
export type TermsRow = { terms: Terms; rates: Array<number | undefined>; ackP50Ms: Array<number | undefined> };
export type NegotiationResult = { rows: TermsRow[]; couldNotRun: Record<string, string> };

export type NegotiationOptions = {
  terms: Terms[];
  /** Instances of one run. */
  count: number;
  rounds: number;
  storage: Storage;
  pki: TestPki;
  say(line: string): void;
  /** Of the gateway's spool, of 128 MiB each; default 24. */
  segments?: number;
};

/** By association count: windows for one, PDU lengths for one and four. */
export function negotiationPlan(): Terms[] {
  const byWindow = windows.map((window) => ({ ...usual, associations: 1, window }));
  const byLength = [1, 4].flatMap((associations) => pduLengths.map((maxPdu) => ({ ...usual, associations, maxPdu })));
  // One association with the usual terms is in both.
  return [...byWindow, ...byLength.filter((terms) => terms.associations > 1 || terms.maxPdu !== usual.maxPdu)];
}

const segmentBytes = 128 * 2 ** 20;

class NegotiationBench {
  readonly #options: NegotiationOptions;
  readonly #receiver: Receiver;
  readonly #payload: Payload;
  /** Bytes. Nothing is delivered, so nothing is ever free again: after so much the gateway begins anew. */
  readonly #capacity: number;
  #stored = 0;

  constructor(options: NegotiationOptions) {
    const { storage, pki, segments = 24 } = options;
    this.#capacity = (segments - 2) * segmentBytes;
    this.#options = options;
    const directory = join(storage.directory, 'negotiation');
    mkdirSync(directory, { recursive: true });
    const limits = { maxPduLength: Math.max(...pduLengths), operationsWindow: Math.max(...windows) };
    this.#receiver = createGateway({ transport: 'tls', directory, pki }, { limits }, segments);
    this.#payload = makePayload('CT', join(storage.directory, 'payloads'));
  }

  async #send(terms: Terms, count: number): Promise<LoadResult> {
    const { port, calledAeTitle } = this.#receiver;
    const bytes = count * this.#payload.size;
    if (this.#stored + bytes > this.#capacity) {
      await this.#receiver.reset();
      this.#stored = 0;
      await this.#warmUp();
    }
    this.#stored += bytes;
    const load = { port, calledAeTitle, payload: this.#payload, count, tls: this.#options.pki.client, ...terms };
    const result = await sendLoad(load);
    if (result.ok < count) throw new Error(`${result.ok} of ${count} stored: ${result.error}`);
    if (result.window !== terms.window || result.maxPdu !== terms.maxPdu) {
      throw new Error(`granted: window ${result.window}, PDUs of ${result.maxPdu} bytes`);
    }
    return result;
  }

  async #warmUp(): Promise<void> {
    for (const associations of [1, 4]) await this.#send({ ...usual, associations, window: 4 }, 64);
  }

  async run(): Promise<NegotiationResult> {
    const { terms: plan, count, rounds, storage, say } = this.#options;
    const rows = plan.map((terms): TermsRow => ({ terms, rates: [], ackP50Ms: [] }));
    const couldNotRun: Record<string, string> = {};
    try {
      await this.#receiver.start();
      await this.#warmUp();
      for (let round = 0; round < rounds; round++) {
        say(`negotiation, round ${round + 1} of ${rounds}: ${plan.length} runs of ${count} CT slices …`);
        for (const row of rotated(rows, round * 3)) {
          await prepareRun(this.#receiver, storage.directory, count * this.#payload.size);
          try {
            const { ok, seconds, ackP50Ms } = await this.#send(row.terms, count);
            row.rates[round] = ok / seconds;
            row.ackP50Ms[round] = ackP50Ms;
          } catch (error) {
            row.rates[round] = undefined;
            couldNotRun[`negotiation, round ${round + 1}, ${JSON.stringify(row.terms)}`] = String(error);
          }
        }
      }
    } catch (error) {
      couldNotRun.negotiation = String(error);
    } finally {
      await this.#receiver.stop();
    }
    return { rows, couldNotRun };
  }
}

/** Runs every setting in every round. What cannot run is said in the result; nothing is thrown for it. */
export function measureNegotiation(options: NegotiationOptions): Promise<NegotiationResult> {
  return new NegotiationBench(options).run();
}
