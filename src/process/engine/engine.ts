/**
 * Runs the tasks of split applications as they become due, urgent ones first. Invariants: what a run made is durable before
 * the index hears of it; a task that fails stops only itself; a crash at any moment leaves every task either due or with its
 * run on disk, so that its results are delivered once.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type BackoffPolicy, backoffDelay } from '../../base/backoff.ts';
import type { Clock } from '../../base/clock.ts';
import { describeError, GatewayError, systemCode } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { isUid } from '../../dicom/uids.ts';
import { priorities } from '../../spool/index/deliveryQueue.ts';
import type { Spool } from '../../spool/spool.ts';
import type { Lease } from '../../spool/spoolTypes.ts';
import type { InputOutcome, RunRecord, Task } from '../../spool/work/workTypes.ts';
import type { Application } from '../application.ts';
import type { DeidentificationKeys, Identity } from '../step.ts';
import type { InfectedInput, RunEnding, RunFailure, RunInput, RunRequest } from './runTypes.ts';

export type EngineOptions = {
  spool: Pick<Spool, 'tasks' | 'results' | 'lease'>;
  /** By `name@version`. */
  find(reference: string): Application | undefined;
  run(request: RunRequest): Promise<RunEnding>;
  /** Read when a run begins. */
  keys(): DeidentificationKeys | undefined;
  /** Puts identities away, durably, before anything made with them is committed. */
  remember(identities: readonly Identity[], task: Task): Promise<void>;
  /** Tasks at a time. One more is run beside these: an urgent one when none is, or one of another application when all are of one. */
  concurrency: number;
  retry: BackoffPolicy;
  /** Failed attempts, since the start, before a task is set aside. What is away does not count. */
  quarantineAfter: number;
  /** Folder for the last words of data parts that failed. */
  lastWords: string;
  onInfected(infected: InfectedInput, task: Task): void;
  /** There are new deliveries. */
  onResults(): void;
  clock: Clock;
  log: Log;
};

/** Something that an application waits for, and since when (milliseconds since 1970). */
export type Absence = { application: string; code: string; message: string; hint: string; since: number };

/** The last thing that went wrong with an application. `study` as received. */
export type LastFailure = { application: string; code: string; message: string; study: string; at: number };

type Gone = RunRecord['inputs'][number];
type Running = { task: Task; controller: AbortController; done: Promise<void> };

const longestPause = 1_000;
const shortestPause = 20;
/** Instances that one line of the log names. */
const mostNamed = 20;
/** Until the index is written to again, after it could not be. */
const unwrittenPause = 1_000;

export class Engine {
  readonly #options: EngineOptions;
  readonly #running = new Map<number, Running>();
  readonly #failures = new Map<number, number>();
  readonly #absences = new Map<string, Absence>();
  readonly #lastFailures = new Map<string, LastFailure>();
  #timer: NodeJS.Timeout | undefined;
  #timerAt = 0;
  #state: 'idle' | 'on' | 'stopped' = 'idle';
  #refusal: string | undefined;
  readonly #stopping = new AbortController();

  constructor(options: EngineOptions) {
    this.#options = options;
  }

  start(): void {
    mkdirSync(this.#options.lastWords, { recursive: true, mode: 0o700 });
    this.#state = 'on';
    this.wake();
  }

  /** Something may be due: looked at in a moment, however often this is called. */
  wake(): void {
    this.#lookIn(shortestPause);
  }

  /** Tasks that are being run now. */
  get running(): Task[] {
    return [...this.#running.values()].map(({ task }) => task);
  }

  /** Why no task is begun, or undefined. */
  get refusal(): string | undefined {
    return this.#refusal;
  }

  get absences(): Absence[] {
    return [...this.#absences.values()];
  }

  /** Since the start. */
  lastFailure(application: string): LastFailure | undefined {
    return this.#lastFailures.get(application);
  }

  /** Ends what runs, without loss: its tasks are due again. */
  async stop(): Promise<void> {
    this.#state = 'stopped';
    clearTimeout(this.#timer);
    this.#stopping.abort();
    for (const { controller } of this.#running.values()) controller.abort();
    await Promise.all([...this.#running.values()].map(({ done }) => done));
  }

  #lookIn(ms: number): void {
    if (this.#state !== 'on') return;
    const at = this.#options.clock.monotonic() + ms;
    if (this.#timer !== undefined && this.#timerAt <= at) return;
    clearTimeout(this.#timer);
    this.#timerAt = at;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#look();
    }, ms);
  }

  #look(): void {
    const { clock, log } = this.#options;
    let pause = longestPause;
    try {
      this.#claim();
      const due = this.#options.spool.tasks.nextDue();
      const isFull = this.#refusal !== undefined || this.#running.size >= this.#options.concurrency;
      if (due !== undefined && !isFull) pause = Math.min(longestPause, Math.max(shortestPause, due - clock.now()));
    } catch (error) {
      log.error('app.engine-failed', `the tasks cannot be read: ${describeError(error)}; tried again`, {});
    }
    this.#lookIn(pause);
  }

  #claim(): void {
    const { spool, concurrency, clock } = this.#options;
    this.#noteRefusal(spool.results.refusal);
    if (this.#refusal !== undefined) return;
    const free = concurrency - this.#running.size;
    for (const task of spool.tasks.claim(free, clock.now())) this.#begin(task);
    if (this.#running.size !== concurrency) return;
    if (!this.running.some(isUrgent)) this.#claimUrgent();
    if (this.#running.size === concurrency) this.#claimOfAnother();
  }

  /** All hands are full with what can wait. */
  #claimUrgent(): void {
    const { tasks } = this.#options.spool;
    const [next] = tasks.claim(1, this.#options.clock.now());
    if (next === undefined) return;
    if (isUrgent(next)) this.#begin(next);
    else tasks.unclaim([next.id]);
  }

  /** All hands are full with one application, which may hang until its time is over: the others do not wait for that. */
  #claimOfAnother(): void {
    const { spool, clock } = this.#options;
    const [except, another] = new Set(this.running.map(({ application }) => application));
    if (except === undefined || another !== undefined) return;
    for (const task of spool.tasks.claim(1, clock.now(), { except })) this.#begin(task);
  }

  #noteRefusal(refusal: string | undefined): void {
    if (refusal !== undefined && this.#refusal === undefined) {
      const message = `applications wait: ${refusal}`;
      this.#options.log.error('app.results-full', message, { hint: 'deliver what waits, or raise spool.resultsQuota' });
    } else if (refusal === undefined && this.#refusal !== undefined) {
      this.#options.log.info('app.results-room', 'there is room for results again: applications go on', {});
    }
    this.#refusal = refusal;
  }

  #begin(task: Task): void {
    const controller = new AbortController();
    const done = this.#runTask(task, controller.signal)
      .catch((error: unknown) => this.#giveBack(task, failureOf(error)))
      .catch((error: unknown) => this.#leave(task, error))
      .finally(() => {
        this.#running.delete(task.id);
        this.wake();
      });
    this.#running.set(task.id, { task, controller, done });
  }

  async #runTask(task: Task, signal: AbortSignal): Promise<void> {
    const { spool, find, run, keys, lastWords } = this.#options;
    const application = find(`${task.application}@${task.version}`);
    if (application === undefined) return this.#giveBack(task, unknownApplication(task));
    const { inputs, gone, release } = this.#leaseInputs(task);
    let directory: string | undefined;
    try {
      ({ directory } = await spool.results.begin(task));
      const { route, scope, unit, study, store, priority, revision } = task;
      const ending = await run({
        application,
        subject: { route, scope, unit, study, store, priority, revision },
        inputs,
        keys: keys(),
        directory,
        stderrFile: join(lastWords, `task-${task.id}.txt`),
        signal,
      });
      if (ending.kind !== 'cancelled') for (const one of ending.infected) this.#options.onInfected(one, task);
      if (ending.kind === 'finished') {
        await this.#keep(task, directory, withGone(ending.record, gone), ending.identities);
        directory = undefined;
        return;
      }
      this.#end(task, ending, gone);
    } finally {
      if (directory !== undefined) await spool.results.discard(directory).catch(() => {}); // removed at the next start
      release();
    }
  }

  /** The order is the promise: who the results are of, the results, their record, and only then the index. */
  async #keep(task: Task, directory: string, record: RunRecord, identities: readonly Identity[]): Promise<void> {
    const { spool, remember, log, onResults } = this.#options;
    if (identities.length > 0) await remember(identities, task);
    try {
      await spool.results.commit(directory, record);
    } catch (error) {
      await spool.results.discard(directory).catch(() => undefined); // removed at the next start
      throw error;
    }
    if (!(await this.#enter(task, record))) return;
    this.#forget(task);
    const { bytesIn, bytesOut, instancesIn, instancesOut, files, notSelected, quarantined, wallMs } = record.figures;
    const counts = { bytesIn, bytesOut, instancesIn, instancesOut, files, notSelected, quarantined, wallMs };
    log.info('app.finished', 'a task of a split application is finished; its results wait for delivery', {
      ...about(task),
      ...counts,
    });
    this.#tellQuarantined(task, record);
    onResults();
  }

  /** One line for a run, however many instances it set aside. */
  #tellQuarantined(task: Task, { inputs }: RunRecord): void {
    const aside = inputs.filter(({ outcome }) => outcome === 'quarantined');
    if (aside.length === 0) return;
    const codes: Record<string, number> = {};
    for (const { code = 'unknown' } of aside) codes[code] = (codes[code] ?? 0) + 1;
    const named = new Set(aside.slice(0, mostNamed).map(({ instance }) => instance));
    const uids = this.#options.spool.tasks.inputs(task.id).filter(({ seq }) => named.has(seq));
    const message = `a run set ${aside.length} of its instances aside: nothing of them is delivered`;
    const hint = `see \`medusa-gateway app runs ${task.id}\`; mend it, then \`app retry ${task.id}\``;
    this.#options.log.warn('app.instances-quarantined', message, {
      ...about(task),
      ...{
        count: aside.length,
        codes,
        instances: uids.map(({ sopInstanceUid }) => sopInstanceUid).filter(isUid),
        hint,
      },
    });
  }

  /**
   * The index cannot be written: the task stays what it was there, and is due again. It is let go only when the disk has
   * had time, for it would be claimed at once.
   */
  async #leave(task: Task, error: unknown): Promise<void> {
    this.#tellUnwritten(task, error);
    await this.#pause();
    try {
      this.#options.spool.tasks.unclaim([task.id]);
    } catch (again) {
      this.#tellUnwritten(task, again);
    }
  }

  #tellUnwritten(task: Task, error: unknown): void {
    const message = `the index cannot be told what became of a task: ${describeError(error)}; tried again`;
    const hint = 'look at the disk of stateDirectory: it is full, or failing';
    this.#options.log.error('app.index-failed', message, { ...about(task), hint });
  }

  /** Ends early when the engine stops. */
  async #pause(): Promise<void> {
    const { signal } = this.#stopping;
    await sleep(unwrittenPause, undefined, { signal }).catch(() => undefined);
  }

  /** Its run is durable, and must not be made again: only the entry is repeated. A stop leaves it to the next start. */
  async #enter(task: Task, record: RunRecord): Promise<boolean> {
    for (;;) {
      try {
        this.#options.spool.tasks.finish(task.id, record);
        return true;
      } catch (error) {
        if (!isOfIndex(error)) throw error;
        this.#tellUnwritten(task, error);
      }
      if (this.#state === 'stopped') return false;
      await this.#pause();
    }
  }

  #end(task: Task, ending: Exclude<RunEnding, { kind: 'finished' }>, gone: readonly InputOutcome[]): void {
    const { tasks } = this.#options.spool;
    switch (ending.kind) {
      case 'cancelled':
        tasks.unclaim([task.id]);
        return;
      case 'skipped':
        tasks.skip(task.id, [...ending.inputs, ...gone], ending.reason);
        this.#forget(task);
        this.#options.log.info('app.skipped', `the application does not want it: ${ending.reason}`, about(task));
        return;
      default:
        this.#giveBack(task, ending);
    }
  }

  #giveBack(task: Task, failure: RunFailure): void {
    const { spool, clock, retry, quarantineAfter, log } = this.#options;
    const { code, message, hint } = failure;
    const now = clock.now();
    const failures = (this.#failures.get(task.id) ?? 0) + Number(failure.kind === 'failed');
    const fields = { ...about(task), code, hint };
    this.#lastFailures.set(task.application, {
      application: task.application,
      code,
      message,
      study: task.study,
      at: now,
    });
    if (failure.kind === 'failed' && (!failure.retryable || failures >= quarantineAfter)) {
      spool.tasks.quarantine(task.id, { now, code, message });
      this.#forget(task);
      log.error('app.quarantined', `a task of a split application is set aside: ${message}`, fields);
      return;
    }
    if (failure.kind === 'failed') this.#failures.set(task.id, failures);
    else this.#noteAbsence(task, failure, now);
    const at = now + backoffDelay(retry, failure.kind === 'failed' ? failures : task.attempts + 1);
    spool.tasks.retryLater(task.id, { at, now, code, message });
    log.warn('app.retry', `a task of a split application is tried again: ${message}`, { ...fields, at });
  }

  #noteAbsence({ application }: Task, { code, message, hint }: RunFailure, now: number): void {
    const since = this.#absences.get(application)?.since ?? now;
    this.#absences.set(application, { application, code, message, hint, since });
  }

  /** It has come to an end of its own: nothing is away any more, as far as its application can tell. */
  #forget(task: Task): void {
    this.#failures.delete(task.id);
    this.#absences.delete(task.application);
  }

  /** Bytes that are gone, or lie in a segment that cannot be read, are the fault of their instance alone. */
  #leaseInputs(task: Task): { inputs: RunInput[]; gone: Gone[]; release(): void } {
    const { spool } = this.#options;
    const leases: Lease[] = [];
    const inputs: RunInput[] = [];
    const gone: Gone[] = [];
    for (const record of spool.tasks.inputs(task.id)) {
      const { seq, size, sha256, sopInstanceUid, version } = record;
      try {
        const lease = spool.lease(record);
        leases.push(lease);
        inputs.push({ id: seq, ranges: lease.ranges, size, sha256, sopInstanceUid, version });
      } catch (error) {
        const reason = `its bytes cannot be read: ${describeError(error)}`;
        gone.push({ instance: seq, outcome: 'quarantined', code: 'input.gone', reason, sha256, size });
      }
    }
    return { inputs, gone, release: () => leases.splice(0).forEach((lease) => void lease.release()) };
  }
}

/** What SQLite says: nothing that the application has done. */
const isOfIndex = (error: unknown): boolean =>
  error instanceof Error &&
  (String((error as NodeJS.ErrnoException).code).startsWith('SQLITE_') || isOfIndex(error.cause));

const isUrgent = ({ priority }: Task) => priority >= priorities.urgent;

/** For the log: UIDs as received. */
const about = ({ id, application, version, study, revision, route }: Task) => ({
  ...{ task: id, application, version, study, revision, route },
});

function withGone(record: RunRecord, gone: readonly Gone[]): RunRecord {
  if (gone.length === 0) return record;
  const quarantined = record.figures.quarantined + gone.length;
  return { ...record, inputs: [...record.inputs, ...gone], figures: { ...record.figures, quarantined } };
}

const unknownApplication = ({ application, version }: Task): RunFailure => ({
  kind: 'unavailable',
  code: 'application.unknown',
  message: `there is no application ${application}@${version}`,
  hint: 'put it back into applications.directory until its tasks are done; see `app list`',
  retryable: true,
});

function failureOf(error: unknown): RunFailure {
  const disk = systemCode(error);
  if (error instanceof GatewayError) {
    const { code, message, hint = '', retryable } = error;
    return { kind: 'failed', code, message, hint, retryable };
  }
  return {
    kind: disk === 'ENOSPC' || disk === 'EDQUOT' || isOfIndex(error) ? 'unavailable' : 'failed',
    code: disk === undefined ? 'engine.failed' : 'engine.disk',
    message: `the run could not be kept: ${describeError(error)}`,
    hint: 'look at the disk of stateDirectory',
    retryable: true,
  };
}
