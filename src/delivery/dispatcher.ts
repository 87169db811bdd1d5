/**
 * Moves deliveries from the spool's queue through the courier to a receipt. Each store has its own window and its own gate,
 * so that one in trouble delays no other (invariant 6). A delivery is settled only when its receipt is durable.
 */
import { type BackoffPolicy, backoffDelay } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';
import { describeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Delivery, Settled } from '../spool/index/deliveryQueue.ts';
import type { Spool } from '../spool/spool.ts';
import type { CourierJob, FileRange, JobFailure } from './courierProtocol.ts';
import { CourierSuspects } from './courierSuspects.ts';
import { jobFor, receiptOrigin, type Subject } from './jobs.ts';
import { createLane, type Held, type Lane, type LaneStatus, laneStatus } from './lane.ts';
import type { KeySpace } from './objectKeys.ts';
import type { UsableLedger } from './openLedger.ts';
import type { ReceiptDraft, ReceiptOrigin } from './receipt.ts';
import type { Confirmation } from './store/objectStore.ts';

export type DispatcherOptions = {
  spool: Spool;
  ledger: UsableLedger;
  /** The courier process. What comes back from it goes to `confirmed`, `failed` and `returned`. */
  courier: { isReady(): boolean; submit(jobs: CourierJob[]): void };
  stores: ReadonlyArray<{ name: string; keySpace: KeySpace }>;
  concurrency: number;
  retry: BackoffPolicy;
  quarantineAfter: number;
  clock: Clock;
  log: Log;
};

/** Jobs at the courier per concurrent upload: enough that it never waits for us, few enough to overtake. */
const windowFactor = 4;
const pollMs = 500;
const turnMs = 10_000;
const ledgerRetryMs = 2_000;

export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #lanes: Map<string, Lane>;
  readonly #held = new Map<number, Held>();
  readonly #suspects = new CourierSuspects();
  #timer: NodeJS.Timeout | undefined;
  #pumpScheduled = false;
  #giving = true;
  #stopped = false;
  /** Confirmed and receipted, but not marked in the index yet. */
  #unmarked: Settled[] = [];
  readonly #settling = new Set<Promise<void>>();

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#lanes = new Map(options.stores.map((store) => [store.name, createLane(store, options.retry)]));
  }

  start(): void {
    this.#options.spool.onIndexed(() => this.wake());
    this.#timer = setInterval(() => {
      this.#mark();
      this.wake();
    }, pollMs);
    this.wake();
  }

  /** Gives out nothing more; what is out may still be confirmed. */
  stopGiving(): void {
    this.#giving = false;
    clearInterval(this.#timer);
  }

  /** Waits for receipts that are being written. */
  async stop(): Promise<void> {
    this.stopGiving();
    this.#stopped = true;
    await Promise.allSettled(this.#settling);
  }

  get lanes(): LaneStatus[] {
    return [...this.#lanes.values()].map(laneStatus);
  }

  isInFlight(id: number): boolean {
    return this.#held.has(id);
  }

  /** Looks for work soon; calls in one turn are one look. */
  wake(): void {
    if (this.#pumpScheduled || !this.#giving) return;
    this.#pumpScheduled = true;
    setImmediate(() => {
      this.#pumpScheduled = false;
      if (!this.#giving || !this.#options.courier.isReady()) return;
      for (const lane of this.#lanes.values()) this.#pumpSafely(lane);
    });
  }

  /** A database that fails for a moment must not end the gateway: reception goes on, and this is tried again. */
  #pumpSafely(lane: Lane): void {
    try {
      this.#pump(lane);
    } catch (error) {
      this.#options.log.error('delivery.queue-unreadable', `the queue cannot be read: ${describeError(error)}`);
    }
  }

  /** An operator asks for another try of everything that waits for a store, now. */
  hasten(store: string): void {
    this.#options.spool.queue.hasten(store);
    this.#lanes.get(store)?.gate.works();
    this.wake();
  }

  #pump(lane: Lane): void {
    const { spool, clock, concurrency } = this.#options;
    const suspected = this.#suspects.in(lane.name);
    if (suspected && (lane.inFlight.size > 0 || this.#anotherSuspectIsOut(lane))) return;
    const window = suspected ? 1 : concurrency * windowFactor;
    const allowance = lane.gate.allowance(clock.monotonic(), window, lane.inFlight.size);
    if (allowance === 0) return;
    const claimed = spool.queue.claim(lane.name, allowance, clock.now());
    const jobs: CourierJob[] = [];
    try {
      for (const delivery of claimed) this.#prepare(lane, delivery, jobs);
    } finally {
      spool.queue.unclaim(claimed.map(({ id }) => id).filter((id) => !this.#held.has(id)));
      if (jobs.length > 0) this.#options.courier.submit(jobs);
    }
  }

  /** Stores with suspects take turns; one whose delivery has been out for a while without a death does not hold others up. */
  #anotherSuspectIsOut(lane: Lane): boolean {
    const now = this.#options.clock.monotonic();
    return [...this.#lanes.values()].some(
      (other) =>
        other !== lane && other.inFlight.size > 0 && this.#suspects.in(other.name) && now - other.givenAt < turnMs,
    );
  }

  #prepare(lane: Lane, delivery: Delivery, jobs: CourierJob[]): void {
    let release = () => {};
    let origin: ReceiptOrigin | undefined;
    try {
      const subject = this.#subjectOf(delivery);
      const ranges = () => {
        const lease = this.#lease(delivery, subject);
        release = lease.release;
        return lease.ranges;
      };
      jobs.push(jobFor(delivery, subject, lane.keySpace, ranges));
      origin = receiptOrigin(subject);
    } catch (error) {
      release();
      this.#setAside(delivery.id, 'delivery.cannot-prepare', describeError(error), lane.name);
      return;
    }
    lane.inFlight.add(delivery.id);
    this.#held.set(delivery.id, { delivery, origin, release });
    lane.gate.given();
    lane.givenAt = this.#options.clock.monotonic();
  }

  #subjectOf(delivery: Delivery): Subject | undefined {
    const { spool } = this.#options;
    if (delivery.kind === 'instance') {
      const instance = delivery.instance === null ? undefined : spool.index.get(delivery.instance);
      return instance && { kind: 'instance', instance };
    }
    if (delivery.kind === 'result') {
      const made = spool.resultOf(delivery.id);
      return made && { kind: 'result', ...made };
    }
    return { kind: 'body', body: spool.queue.body(delivery.id) };
  }

  #lease(delivery: Delivery, subject: Subject | undefined): { ranges: FileRange[]; release(): void } {
    const { spool } = this.#options;
    return subject?.kind === 'instance' ? spool.lease(subject.instance) : spool.leaseResult(delivery.id);
  }

  /** The courier has these confirmed by their stores: receipts first, then the index. */
  confirmed(confirmations: ReadonlyArray<{ id: number; confirmation: Confirmation }>): void {
    const drafts: ReceiptDraft[] = [];
    const others: Settled[] = [];
    const proven: number[] = [];
    for (const { id, confirmation } of confirmations) {
      const held = this.#held.get(id);
      if (held === undefined) continue; // settled already: a courier that died and lived again told it twice
      this.#suspects.clear(id);
      if (held.origin) {
        drafts.push({ ...held.origin, store: held.delivery.store, confirmation });
        proven.push(id);
      } else {
        others.push({ id, receipt: undefined });
      }
      const lane = this.#lanes.get(held.delivery.store);
      if (lane) lane.deliveredBytes += confirmation.size;
      this.#storeWorks(held.delivery.store);
    }
    const work = this.#settle(drafts, proven, others);
    this.#settling.add(work);
    void work.finally(() => this.#settling.delete(work));
  }

  async #settle(drafts: ReceiptDraft[], proven: number[], others: Settled[]): Promise<void> {
    const { ledger, clock, log } = this.#options;
    let receipts: Array<{ seq: number }> = [];
    while (drafts.length > 0) {
      try {
        receipts = await ledger.append(drafts);
        break;
      } catch (error) {
        log.error('delivery.receipt-failed', `receipts cannot be written: ${describeError(error)}; it is tried again`, {
          deliveries: drafts.length,
        });
        if (this.#stopped) return; // they are delivered; the next start delivers them again, to the same effect
        await clock.sleep(ledgerRetryMs);
      }
    }
    this.#unmarked.push(...others, ...proven.map((id, i) => ({ id, receipt: receipts[i]?.seq })));
    this.#mark();
    this.wake();
  }

  /**
   * Tells the index what has its receipt, all that waits for it at once: the mark that says up to which receipt the index has
   * heard must not pass over any. When the index cannot be written it is tried again; at the next start the receipts do it.
   */
  #mark(): void {
    const { spool, clock, log } = this.#options;
    const settled = this.#unmarked;
    if (settled.length === 0) return;
    try {
      spool.index.transaction(() => {
        spool.queue.markDelivered(settled, clock.now());
        const last = settled.reduce((highest, { receipt }) => Math.max(highest, receipt ?? 0), 0);
        if (last > 0) spool.index.setMeta('receipts-indexed', last);
      });
    } catch (error) {
      log.error('delivery.index-failed', `deliveries could not be marked: ${describeError(error)}; it is tried again`);
      return;
    }
    this.#unmarked = [];
    for (const { id } of settled) this.#letGo(id);
  }

  failed(failures: readonly JobFailure[]): void {
    for (const failure of failures) {
      try {
        this.#onFailure(failure);
      } catch (error) {
        // The index does not take it: the delivery is ready again, as it was before it was given out.
        this.#options.spool.queue.unclaim([failure.id]);
        this.#options.log.error('delivery.index-failed', `a failure could not be noted: ${describeError(error)}`);
      }
    }
    this.wake();
  }

  #onFailure(failure: JobFailure): void {
    const held = this.#held.get(failure.id);
    if (held === undefined) return;
    const { delivery } = held;
    const lane = this.#lanes.get(delivery.store);
    this.#suspects.clear(failure.id);
    this.#letGo(failure.id);
    if (lane === undefined) return;
    const { spool, clock, log, retry, quarantineAfter } = this.#options;
    const now = clock.now();
    lane.lastFailure = { ...failure, at: now };
    const { code, message } = failure;
    if (failure.storeUnavailable) {
      const { waitMs, isNew } = lane.gate.fails(clock.monotonic());
      lane.nextAttemptAt = now + waitMs;
      spool.queue.retryLater(delivery.id, { at: now, now, counts: false, code, message });
      if (isNew) {
        const hint = failure.hint === undefined ? '' : `; ${failure.hint}`;
        log.warn('store.unavailable', `store cannot be used: ${message}${hint}; deliveries wait and are tried again`, {
          store: lane.name,
          code,
        });
      }
      setTimeout(() => this.wake(), waitMs).unref();
      return;
    }
    this.#storeWorks(lane.name);
    if (failure.permanent || delivery.attempts + 1 >= quarantineAfter) {
      this.#setAside(delivery.id, code, message, lane.name);
      return;
    }
    const at = now + backoffDelay(retry, delivery.attempts + 1);
    spool.queue.retryLater(delivery.id, { at, now, counts: true, code, message });
    log.warn('delivery.retried', `delivery failed and is tried again: ${message}`, {
      id: delivery.id,
      store: lane.name,
      code,
    });
  }

  #setAside(id: number, code: string, message: string, store: string): void {
    const { spool, clock, log } = this.#options;
    spool.queue.quarantine(id, { now: clock.now(), code, message });
    this.#suspects.clear(id);
    const hint = `see \`medusa-gateway queue show ${id}\`, mend the cause, then \`queue retry ${id}\``;
    log.error('delivery.quarantined', `delivery set aside in quarantine: ${message}; ${hint}`, { id, store, code });
  }

  /** The courier died with these: they are ready again, but for one that has killed it too often. */
  returned(ids: readonly number[]): void {
    const held = ids.map((id) => ({ id, store: this.#held.get(id)?.delivery.store ?? '' }));
    const guilty = this.#suspects.died(held.filter(({ store }) => store !== ''));
    const lane = guilty === undefined ? undefined : this.#lanes.get(this.#held.get(guilty)?.delivery.store ?? '');
    if (guilty !== undefined && lane !== undefined) {
      lane.gate.returned(this.#options.clock.monotonic());
      this.#letGo(guilty);
      this.#setAside(
        guilty,
        'delivery.kills-courier',
        'the courier died each time that it had this delivery',
        lane.name,
      );
    }
    this.notTaken(ids.filter((id) => id !== guilty));
  }

  /** The courier did not take these, or gave them back: they are ready again. */
  notTaken(ids: readonly number[]): void {
    const now = this.#options.clock.monotonic();
    for (const id of ids) {
      const held = this.#held.get(id);
      if (held === undefined) continue;
      this.#lanes.get(held.delivery.store)?.gate.returned(now);
      this.#options.spool.queue.unclaim([id]);
      this.#letGo(id);
    }
    this.wake();
  }

  #storeWorks(store: string): void {
    const lane = this.#lanes.get(store);
    if (lane === undefined || !lane.gate.works()) return;
    lane.nextAttemptAt = undefined;
    this.#options.spool.queue.hasten(store);
    this.#options.log.info('store.available', 'store can be used again', { store });
  }

  #letGo(id: number): void {
    const held = this.#held.get(id);
    if (held === undefined) return;
    held.release();
    this.#held.delete(id);
    this.#lanes.get(held.delivery.store)?.inFlight.delete(id);
  }
}
