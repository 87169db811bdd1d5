/**
 * One store's jobs, in order, a few at a time. Each store has a lane of its own, so one that hangs or refuses delays
 * nobody else.
 *
 * - A failure that concerns the whole store gives back the jobs that wait, untried: the gateway asks again later.
 * - A job that makes no progress is aborted and given back. Until the store lets go of it, it keeps its place: a hanging
 *   store must not collect hanging operations. When all places are taken in this way, new jobs are given back at once.
 */
import type { Clock } from '../base/clock.ts';
import { describeError, GatewayError } from '../base/errors.ts';
import type { CourierJob, JobFailure } from './courierProtocol.ts';
import { JobSource } from './jobSource.ts';
import type { Confirmation, ObjectStore } from './store/objectStore.ts';
import { storeFailure } from './store/storeErrors.ts';

/** Milliseconds without progress that are always allowed. */
const STALL_BASE_MS = 120_000;
/**
 * ... and those for the object's size: reading back a large object, or waiting for the bandwidth limit, is silent.
 * 32 KiB/s is slower than any link that is of use.
 */
const STALL_BYTES_PER_MS = 32;

export type LaneReport = {
  confirmed(id: number, confirmation: Confirmation): void;
  failed(failure: JobFailure): void;
};

type Active = { job: CourierJob; controller: AbortController; lastProgress: number; abandoned: boolean };

export class StoreLane {
  readonly #store: ObjectStore;
  readonly #report: LaneReport;
  readonly #clock: Clock;
  readonly #waiting: CourierJob[] = [];
  readonly #active = new Set<Active>();
  #concurrency: number;
  #idle: Array<() => void> = [];

  constructor(store: ObjectStore, concurrency: number, report: LaneReport, clock: Clock) {
    this.#store = store;
    this.#concurrency = concurrency;
    this.#report = report;
    this.#clock = clock;
  }

  set concurrency(count: number) {
    this.#concurrency = count;
    this.#pump();
  }

  add(job: CourierJob): void {
    this.#waiting.push(job);
    this.#pump();
  }

  /** Takes back the jobs that have not begun. */
  takeWaiting(): CourierJob[] {
    return this.#waiting.splice(0);
  }

  /** Gives back what has made no progress for too long. To be called now and then. */
  sweep(): void {
    const now = this.#clock.monotonic();
    for (const active of this.#active) {
      const allowed = STALL_BASE_MS + active.job.size / STALL_BYTES_PER_MS;
      if (!active.abandoned && now - active.lastProgress > allowed) this.#abandon(active, allowed);
    }
    this.#pump();
  }

  /** Aborts what is under way; waiting jobs are forgotten. */
  abort(reason: GatewayError): void {
    this.#waiting.length = 0;
    for (const { controller } of this.#active) controller.abort(reason);
  }

  /** Resolves when nothing is under way. */
  idle(): Promise<void> {
    if (this.#active.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Waits for what is under way, then closes the store. */
  async close(): Promise<void> {
    await this.idle();
    await this.#store.close();
  }

  #pump(): void {
    while (this.#active.size < this.#concurrency) {
      const job = this.#waiting.shift();
      if (!job) return;
      void this.#run(job);
    }
    if ([...this.#active].every(({ abandoned }) => abandoned))
      this.#giveBackWaiting(stalledFailure(0, this.#store.name));
  }

  /** Never rejects. */
  async #run(job: CourierJob): Promise<void> {
    const active: Active = {
      job,
      controller: new AbortController(),
      lastProgress: this.#clock.monotonic(),
      abandoned: false,
    };
    this.#active.add(active);
    try {
      const confirmation = await this.#put(active);
      if (!active.abandoned) this.#report.confirmed(job.id, confirmation);
    } catch (error) {
      if (!active.abandoned) this.#fail(jobFailure(job.id, error));
    }
    this.#active.delete(active);
    this.#pump();
    if (this.#active.size === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  async #put(active: Active): Promise<Confirmation> {
    const { job, controller } = active;
    const source = new JobSource(job, () => {
      active.lastProgress = this.#clock.monotonic();
    });
    let confirmation: Confirmation;
    try {
      const { key, size, sha256, ifAbsent, contentType } = job;
      const open = (range?: { start: number; end: number }) => source.open(range);
      confirmation = await this.#store.put({ key, size, sha256, ifAbsent, contentType, open }, controller.signal);
    } catch (error) {
      throw source.failure ?? error;
    }
    // A store that is content with bytes that we know to be bad has confirmed nothing.
    if (source.failure) throw source.failure;
    if (confirmation.key === job.key && confirmation.size === job.size && confirmation.sha256 === job.sha256) {
      return confirmation;
    }
    throw new GatewayError('the store confirmed something else than it was given', {
      code: 'delivery.wrong-confirmation',
      operation: 'put object',
      subject: job.key,
      hint: 'this is an error in the program that speaks to this store: report it',
    });
  }

  #fail(failure: JobFailure): void {
    this.#report.failed(failure);
    if (failure.storeUnavailable) this.#giveBackWaiting(failure);
  }

  #giveBackWaiting(because: JobFailure): void {
    for (const { id } of this.takeWaiting()) {
      this.#report.failed({ ...because, id, permanent: false, message: `not tried: ${because.message}` });
    }
  }

  #abandon(active: Active, allowedMs: number): void {
    active.abandoned = true;
    const failure = stalledFailure(active.job.id, this.#store.name, allowedMs);
    active.controller.abort(new GatewayError(failure.message, { code: failure.code, operation: 'put object' }));
    this.#fail(failure);
  }
}

function stalledFailure(id: number, store: string, allowedMs?: number): JobFailure {
  const message =
    allowedMs === undefined
      ? `store ${store} hangs`
      : `store ${store} made no progress for ${Math.round(allowedMs / 1000)} s`;
  const hint =
    'check the network, the tunnel and the store; a network file system that hangs shows as processes in state D';
  return { id, code: 'delivery.stalled', message, hint, permanent: false, storeUnavailable: true };
}

/** What to tell the gateway about anything that a job threw. */
export function jobFailure(id: number, error: unknown): JobFailure {
  // The store noticed first what we would have noticed: it is our content all the same.
  if (error instanceof GatewayError && error.code === 'store.content-mismatch') {
    const message = describeError(error);
    return { id, code: 'delivery.source-corrupt', message, permanent: true, storeUnavailable: false };
  }
  const { code, message, permanent, storeUnavailable, hint } = storeFailure(error);
  return { id, code, message, permanent, storeUnavailable, ...(hint === undefined ? {} : { hint }) };
}
