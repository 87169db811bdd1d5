/**
 * Decides pending transactions: looks up each reference, and writes the outcome into the transaction's file before anybody
 * is told of it, so that every attempt to report says the same. One transaction at a time, a few references in one turn of
 * the event loop. What has to wait for delivery is looked at again, at growing intervals.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describeError } from '../base/errors.ts';
import { failureReason, type SopReference } from '../dicom/dataSet/commitmentDataSets.ts';
import { judge, type Verdict } from './judgement.ts';
import type { CommitmentOptions, CommitmentTerms } from './options.ts';
import { fieldsOf, type Register } from './register.ts';
import type { Pending, TransactionRecord } from './transaction.ts';

const referencesPerTurn = 100;
const firstLookMs = 500;
const longestLookMs = 15_000;
const faultRetryMs = 5_000;

type Waiting = {
  pending: Pending;
  /** Monotonic. */
  lookAt: number;
  intervalMs: number;
  /** The reference that was found waiting: while it waits the others need not be looked at. */
  blockedBy: SopReference | undefined;
};

export class Resolver {
  readonly #options: CommitmentOptions;
  readonly #register: Register;
  readonly #onResolved: (pending: Pending) => void;
  readonly #waiting = new Set<Waiting>();
  #running: Promise<void> | undefined;
  #stopped = false;

  constructor(options: CommitmentOptions, register: Register, onResolved: (pending: Pending) => void) {
    this.#options = options;
    this.#register = register;
    this.#onResolved = onResolved;
  }

  /** Takes a durable transaction that is not decided. */
  add(pending: Pending): void {
    this.#waiting.add({ pending, lookAt: 0, intervalMs: firstLookMs, blockedBy: undefined });
    this.look();
  }

  /** Looks at what is due. */
  look(): void {
    if (this.#stopped || this.#running) return;
    this.#running = this.#lookAtAll().finally(() => {
      this.#running = undefined;
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #lookAtAll(): Promise<void> {
    for (const waiting of this.#waiting) {
      if (this.#stopped) return;
      if (waiting.lookAt > this.#options.clock.monotonic()) continue;
      await nextTurn(); // many may be due, and reception has to go on between them
      try {
        await this.#lookAt(waiting);
      } catch (error) {
        this.#again(waiting, faultRetryMs);
        const message = `a commitment request could not be decided: ${describeError(error)}; it is tried again`;
        this.#options.log.error('commitment.undecided', message, fieldsOf(waiting.pending));
      }
    }
  }

  #again(waiting: Waiting, ms: number): void {
    waiting.lookAt = this.#options.clock.monotonic() + ms;
  }

  async #lookAt(waiting: Waiting): Promise<void> {
    const { pending, blockedBy } = waiting;
    const { clock, giveUpAfterMs, spool } = this.#options;
    const terms = this.#options.terms(pending.peer);
    if (terms === undefined) return this.#lookAtOrphan(waiting);
    // An index that lags behind would deny instances that we have.
    if (!spool.flushIndex()) return this.#again(waiting, faultRetryMs);
    const isLate = clock.now() - pending.requestedAt > giveUpAfterMs;
    if (!isLate && blockedBy && this.#verdictOn(blockedBy, terms).kind === 'wait') return this.#later(waiting);
    const record = await this.#register.read(pending);
    if (record === undefined) return void this.#waiting.delete(waiting);
    const judged = await this.#judgeAll(record, terms, isLate);
    if ('blockedBy' in judged) {
      waiting.blockedBy = judged.blockedBy;
      return this.#later(waiting);
    }
    const resolution = { at: clock.now(), failures: judged.failures };
    await this.#register.files.save({ ...record, resolution });
    pending.resolvedAt = resolution.at;
    this.#waiting.delete(waiting);
    this.#say(pending, judged.failures);
    this.#onResolved(pending);
  }

  #later(waiting: Waiting): void {
    this.#again(waiting, waiting.intervalMs);
    waiting.intervalMs = Math.min(longestLookMs, waiting.intervalMs * 1.5);
  }

  /** The peer is not in the configuration any more: its transactions wait for it to come back, as long as reports would. */
  async #lookAtOrphan(waiting: Waiting): Promise<void> {
    const { clock, reportRetry, log } = this.#options;
    const { pending } = waiting;
    if (clock.now() - pending.requestedAt <= reportRetry.giveUpAfterMs) return this.#again(waiting, longestLookMs);
    this.#waiting.delete(waiting);
    this.#register.count(pending.peer, 'dropped');
    await this.#register.remove(pending);
    const message = 'a commitment request was dropped: storage commitment is no longer configured for its peer';
    log.error('commitment.orphan-dropped', message, fieldsOf(pending));
  }

  async #judgeAll(
    { references }: TransactionRecord,
    terms: CommitmentTerms,
    isLate: boolean,
  ): Promise<{ failures: Array<[number, number]> } | { blockedBy: SopReference }> {
    const failures: Array<[number, number]> = [];
    for (const [index, reference] of references.entries()) {
      if (index % referencesPerTurn === referencesPerTurn - 1) await nextTurn();
      const verdict = this.#verdictOn(reference, terms);
      if (verdict.kind === 'failed') failures.push([index, verdict.reason]);
      else if (verdict.kind === 'wait' && isLate) failures.push([index, failureReason.processingFailure]);
      else if (verdict.kind === 'wait') return { blockedBy: reference };
    }
    return { failures };
  }

  #verdictOn(reference: SopReference, { means, supports }: CommitmentTerms): Verdict {
    return judge(reference, this.#options.spool.holdings(reference.sopInstanceUid), means, supports);
  }

  #say(pending: Pending, failures: ReadonlyArray<readonly [number, number]>): void {
    const { log } = this.#options;
    if (failures.length === 0) {
      return log.debug('commitment.decided', 'every instance of a commitment request is safe', fieldsOf(pending));
    }
    const reasons: Record<string, number> = {};
    for (const [, reason] of failures) {
      const code = `${reason.toString(16).padStart(4, '0')}H`;
      reasons[code] = (reasons[code] ?? 0) + 1;
    }
    const message = `${failures.length} instances of a commitment request are not committed; the sender is told, and should keep them`;
    log.warn('commitment.failures', message, { ...fieldsOf(pending), reasons });
  }
}
