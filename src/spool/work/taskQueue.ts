/**
 * The tasks of split applications, for the engine that runs them and for the operator. Invariants: a task leaves the open
 * states only by `finish`, `skip`, `quarantine` or a later revision that has all its inputs; a restart finds everything that
 * was claimed due again; of one unit never two revisions are worked on at a time. Every method is one transaction.
 */
import type Database from 'better-sqlite3';
import type { Clock } from '../../base/clock.ts';
import { GatewayError } from '../../base/errors.ts';
import { fromRow, type InstanceRecord, type InstanceRow } from '../index/instanceRow.ts';
import type { ResultQueue } from './resultQueue.ts';
import { type RunIdentity, runName } from './runName.ts';
import { Settling } from './settling.ts';
import { TaskJoiner } from './taskJoiner.ts';
import { prepareTaskStatements } from './taskStatements.ts';
import { Totals, type WorkTotals } from './totals.ts';
import type { InputOutcome, RunFigures, RunRecord, Task, TaskState } from './workTypes.ts';

/** The version of a task's application that its route means now; undefined when it means none. */
export type WantedVersion = (task: Task) => string | undefined;

const sameVersion: WantedVersion = ({ version }) => version;

export type TaskCount = { application: string; version: string; state: TaskState; n: number };

/** Association end names studies, or a peer: what it sent is complete, unless more comes. */
export type Hastened = { studies?: readonly string[]; peer?: string; at: number };

const defaultRecent = 20;

export class TaskQueue {
  readonly #db: Database.Database;
  readonly #statements;
  readonly #results: ResultQueue;
  readonly #settling: Settling;
  readonly #joiner: TaskJoiner;
  readonly #totals: Totals;
  readonly #clock: Clock;
  readonly #claimed: Set<number>;
  readonly #versionsOf: (run: string) => readonly number[] | undefined;
  readonly #onEntered: (run: string) => void;

  constructor(options: {
    db: Database.Database;
    results: ResultQueue;
    /** Tasks in the engine's hands; shared with the joiner of InstanceIndex, and only in memory. */
    claimed: Set<number>;
    clock: Clock;
    /** Versions of the keys of a run that is durable, by the run's name; undefined when it is not. */
    versionsOf(run: string): readonly number[] | undefined;
    onEntered(run: string): void;
  }) {
    this.#db = options.db;
    this.#results = options.results;
    this.#claimed = options.claimed;
    this.#clock = options.clock;
    this.#versionsOf = options.versionsOf;
    this.#onEntered = options.onEntered;
    this.#statements = prepareTaskStatements(options.db);
    this.#settling = new Settling(options.db);
    this.#joiner = new TaskJoiner(options.db, options.claimed);
    this.#totals = new Totals(options.db);
  }

  /**
   * Takes up to `limit` tasks that are due, urgent ones first, then those that have waited longest; none is given out again
   * until it is settled or given back. `except`: none of this application.
   */
  claim(limit: number, now: number, options: { except?: string } = {}): Task[] {
    if (limit <= 0) return [];
    return this.#db.transaction(() => {
      this.#statements.setDue.run(now);
      const { except = null } = options;
      const most = limit + this.#claimed.size;
      const candidates = this.#statements.due.all(now, except, except, most) as Task[];
      const taken = candidates.filter(({ id }) => !this.#claimed.has(id)).slice(0, limit);
      for (const { id } of taken) this.#claimed.add(id);
      return taken;
    })();
  }

  /** Gives claimed tasks back untouched. */
  unclaim(ids: Iterable<number>): void {
    this.#db.transaction(() => {
      for (const id of ids) {
        this.#claimed.delete(id);
        this.#leaveToNext(id);
      }
    })();
  }

  get claimedCount(): number {
    return this.#claimed.size;
  }

  get(id: number): Task | undefined {
    return this.#statements.byId.get(id) as Task | undefined;
  }

  /** The instances of a task, in the order in which they came. */
  inputs(id: number): InstanceRecord[] {
    return (this.#statements.inputs.all(id) as InstanceRow[]).map(fromRow);
  }

  /** What became of a task's inputs; empty while it is open. */
  outcomes(id: number): InputOutcome[] {
    const rows = this.#statements.outcomes.all(id) as Array<
      InputOutcome & { code: string | null; reason: string | null }
    >;
    return rows.map(({ instance, outcome, code, reason }) => ({
      instance,
      outcome,
      ...(code === null ? {} : { code }),
      ...(reason === null ? {} : { reason }),
    }));
  }

  /**
   * Enters a run that is durable (ResultStore.commit): outcomes, results and their deliveries, figures. Once more is the same
   * as once. Throws `work.run-not-durable` when it is not, and `work.inputs-missing` when it says nothing of an input.
   */
  finish(id: number, record: RunRecord): void {
    if (this.get(id)?.state === 'finished') return void this.#claimed.delete(id);
    const task = this.#expect(id, 'finish');
    const run = runName(task);
    const versions = this.#versionsOf(run);
    if (versions === undefined || runName(record) !== run) {
      throw workError('run-not-durable', 'its run is not on disk', id, 'commit the run before it is entered');
    }
    const named = new Set(record.inputs.map(({ instance }) => instance));
    const missing = this.inputs(id).filter(({ seq }) => !named.has(seq));
    if (missing.length > 0) {
      const message = `its run says nothing of ${missing.length} of its instances`;
      throw workError('inputs-missing', message, id, 'the engine has to name each input with what became of it');
    }
    this.#db.transaction(() => this.#enter(task, run, record, versions))();
    this.#release(id);
    this.#onEntered(run);
  }

  /**
   * Enters a run that was found on disk at start, with its inputs' numbers as they are now. What has joined its task since
   * makes the next revision. False when the index knows better: the task is over without it.
   */
  enterFound(run: string, record: RunRecord, versions: readonly number[]): boolean {
    return this.#db.transaction(() => {
      const known = this.#find(record);
      if (known !== undefined && !isOpen(known)) return false;
      const task = known ?? this.#insertFound(record);
      const named = new Set(record.inputs.map(({ instance }) => instance));
      const late = this.#openInputs(record).filter((seq) => !named.has(seq));
      this.#statements.clearInputs.run(task.id);
      for (const { instance } of record.inputs) this.#statements.addInput.run(task.id, instance);
      this.#enter(task, run, record, versions);
      const bytes = record.inputs.reduce((sum, { size }) => sum + size, 0);
      this.#statements.setCounts.run(record.inputs.length, bytes, task.id);
      if (late.length > 0) this.#addLate(record, task, late);
      return true;
    })();
  }

  /** Runs that the index has entered already, by name. */
  get knownRuns(): Set<string> {
    return new Set(this.#statements.runs.all() as string[]);
  }

  #find(run: RunIdentity): Task | undefined {
    const { route, application, version, scope, unit, revision } = run;
    return this.#statements.byIdentity.get(route, application, version, scope, unit, revision) as Task | undefined;
  }

  #insertFound(record: RunRecord): Task {
    const { route, application, version, scope, unit, revision, study, store, priority } = record;
    this.#statements.insertFound.run(route, application, version, scope, unit, revision, study, store, priority);
    return this.#find(record) as Task;
  }

  #openInputs({ route, application, version, scope, unit, revision }: RunRecord): number[] {
    return this.#statements.openInputs.all(route, application, version, scope, unit, revision) as number[];
  }

  /** Instances that are in an open task up to this revision and not in this run: they make the next one, unless it is there. */
  #addLate(record: RunRecord, task: Task, late: readonly number[]): void {
    const next = this.#joiner.latest(record);
    const id =
      next !== undefined && next.revision > task.revision
        ? next.id
        : this.#joiner.nextRevision(record, this.#clock.now());
    if (id === undefined) return;
    for (const seq of late) this.#statements.addInput.run(id, seq);
    this.#statements.recount.run(id);
    this.#settling.task(id, this.#clock.now());
  }

  #enter(task: Task, run: string, record: RunRecord, versions: readonly number[]): void {
    const { results: _results, inputs, ...header } = record;
    for (const { instance, outcome, code, reason } of inputs) {
      this.#statements.setOutcome.run(outcome, code ?? null, reason ?? null, task.id, instance);
    }
    this.#results.enter(task.id, record, versions);
    this.#statements.finished.run(record.finishedAt, run, JSON.stringify(header), task.id);
    this.#totals.add(record);
    this.#supersedeEarlier(task);
    this.#settling.task(task.id, this.#clock.now());
  }

  /** The application does not want it, or its inputs are all set aside: nothing goes anywhere. */
  skip(id: number, outcomes: readonly InputOutcome[], reason: string): void {
    const task = this.#expect(id, 'skip');
    const now = this.#clock.now();
    this.#db.transaction(() => {
      for (const { instance, outcome, code, reason: why } of outcomes) {
        this.#statements.setOutcome.run(outcome, code ?? null, why ?? null, id, instance);
      }
      this.#statements.skipped.run('work.skipped', reason, now, id);
      this.#supersedeOpenEarlier(task);
      this.#settling.task(id, now);
    })();
    this.#release(id);
  }

  /** Tries again at `at`. */
  retryLater(id: number, retry: { at: number; now: number; code: string; message: string }): void {
    this.#expect(id, 'try again');
    this.#db.transaction(() => {
      this.#statements.retry.run(retry.at, retry.code, retry.message, retry.now, id);
      this.#leaveToNext(id);
    })();
    this.#release(id);
  }

  /** Failed for good: its instances stay here until an operator tries again, or a later revision succeeds. */
  quarantine(id: number, failure: { now: number; code: string; message: string }): void {
    this.#expect(id, 'quarantine');
    this.#db.transaction(() => {
      this.#statements.quarantined.run(failure.code, failure.message, failure.now, id);
      this.#settling.task(id, failure.now);
    })();
    this.#release(id);
  }

  /**
   * An operator wants it tried again: a task in quarantine, or one that waits, is due now; one that is over, with instances in quarantine or with
   * results that could not be delivered, makes the next revision. Where the route means another version by now (`wanted`), that
   * one takes its inputs over. False when there is nothing to be tried.
   */
  release(id: number, wanted: WantedVersion = sameVersion): boolean {
    return this.#db.transaction(() => {
      const task = this.get(id);
      if (task === undefined || this.#claimed.has(id)) return false;
      const now = this.#clock.now();
      const version = wanted(task) ?? task.version;
      if (version !== task.version && this.#isToBeTried(task)) return this.#handOver(task, version, now);
      const latest = this.#joiner.latest(task);
      const isLatest = latest === undefined || latest.id === id;
      // A later revision that was skipped has none of the results that this one was to make.
      if (!isLatest && !(latest.state === 'skipped' && this.#isHeld(task))) return isOpen(latest);
      if (isLatest && task.state === 'quarantined') {
        this.#statements.released.run(now, id);
        this.#settling.task(id, now);
        return true;
      }
      if (isLatest && isOpen(task)) return this.#statements.hastenOne.run(now, id).changes > 0;
      if (!this.#isHeld(task)) return false;
      const next = this.#joiner.nextRevision(task, now);
      if (next !== undefined) this.#settling.task(next, now);
      return next !== undefined;
    })();
  }

  #isToBeTried(task: Task): boolean {
    return task.state !== 'skipped' && (task.state !== 'finished' || this.#isHeld(task));
  }

  /** Instances are in quarantine because of it. */
  #isHeld({ id }: Task): boolean {
    return this.#statements.hasQuarantined.get(id) === 1;
  }

  /** A task of another version over the inputs of `task`, of which that is rid; results that `task` has made stay. */
  #handOver(task: Task, version: string, now: number): boolean {
    const next = this.#joiner.takeOver({ ...task, version }, task, now);
    this.#statements.recount.run(next);
    if (task.state === 'finished') this.#statements.markHandedOver.run(task.id, next);
    else {
      this.#statements.markSuperseded.run(task.id, next);
      const reason = `version ${version} has taken its place`;
      this.#statements.skipped.run('work.superseded', reason, now, task.id);
    }
    this.#settling.task(task.id, now);
    this.#settling.task(next, now);
    return true;
  }

  /** Tasks in the order of their numbers, after `after`. */
  page(query: {
    states: readonly TaskState[];
    after: number;
    limit: number;
    application?: string | undefined;
  }): Task[] {
    const { states, after, limit, application } = query;
    return this.#statements.page.all(
      after,
      JSON.stringify(states),
      application ?? null,
      application ?? null,
      limit,
    ) as Task[];
  }

  /** Takes everything out of quarantine; returns how many tasks are tried again. */
  releaseAll(wanted: WantedVersion = sameVersion): number {
    const ids = this.#statements.quarantinedIds.all() as number[];
    return ids.filter((id) => this.release(id, wanted)).length;
  }

  counts(): TaskCount[] {
    return this.#statements.counts.all() as TaskCount[];
  }

  /** When the next task that nobody works on is due; undefined when none waits. In the past, when one could be claimed now. */
  nextDue(): number | undefined {
    const rows = this.#statements.earliest.all(this.#claimed.size + 1) as Array<{ id: number; dueAt: number }>;
    return rows.find(({ id }) => !this.#claimed.has(id))?.dueAt;
  }

  /** What gathers from these studies, or from this peer, is due at `at` at the latest. Returns how many tasks. */
  hasten({ studies, peer, at }: Hastened): number {
    return this.#db.transaction(() => {
      let hastened = 0;
      if (studies !== undefined)
        hastened += this.#statements.hastenStudies.run(at, at, JSON.stringify(studies)).changes;
      if (peer !== undefined) hastened += this.#statements.hastenPeer.run(at, at, peer).changes;
      return hastened;
    })();
  }

  /** What a finished task cost and saved. */
  figures(id: number): RunFigures | undefined {
    return this.#totals.ofTask(id);
  }

  totals(recent = defaultRecent): WorkTotals {
    return this.#totals.read(recent);
  }

  /** After a start: of the open tasks of a unit only the latest is needed, for it has the inputs of all. */
  leaveOnlyLatest(): void {
    this.#db.transaction(() => {
      for (const id of this.#statements.outrun.all() as number[]) this.#leaveToNext(id);
    })();
  }

  /** An open task that nobody works on is not needed once there is a later revision: that one has all its inputs. */
  #leaveToNext(id: number): void {
    const task = this.get(id);
    if (task === undefined || !isOpen(task)) return;
    const latest = this.#joiner.latest(task);
    if (latest !== undefined && latest.revision > task.revision) this.#supersede(id, latest.revision);
  }

  /** A run has been over all inputs of the unit: what is left of earlier revisions is of no account any more. */
  #supersedeEarlier(task: Task): void {
    const { route, application, version, scope, unit, revision } = task;
    const earlier = this.#statements.earlier.all(route, application, version, scope, unit, revision) as Task[];
    for (const one of earlier) {
      this.#statements.markSuperseded.run(one.id, task.id);
      if ((isOpen(one) || one.state === 'quarantined') && !this.#claimed.has(one.id)) this.#supersede(one.id, revision);
      else this.#settling.task(one.id, this.#clock.now());
    }
  }

  /** What was skipped has made nothing: what is finished, or in quarantine, stays as it is; what is open has its inputs in `task`. */
  #supersedeOpenEarlier({ route, application, version, scope, unit, revision }: Task): void {
    const earlier = this.#statements.earlier.all(route, application, version, scope, unit, revision) as Task[];
    for (const one of earlier) if (isOpen(one) && !this.#claimed.has(one.id)) this.#supersede(one.id, revision);
  }

  #supersede(id: number, revision: number): void {
    const now = this.#clock.now();
    this.#statements.skipped.run('work.superseded', `revision ${revision} has taken its place`, now, id);
    this.#settling.task(id, now);
  }

  #expect(id: number, operation: string): Task {
    const task = this.get(id);
    if (task === undefined) throw workError('no-task', `there is no such task to ${operation}`, id, 'see `app runs`');
    if (!isOpen(task))
      throw workError('not-open', `it is ${task.state}, to ${operation} it is too late`, id, 'claim it');
    return task;
  }

  #release(id: number): void {
    this.#claimed.delete(id);
  }
}

const isOpen = ({ state }: Pick<Task, 'state'>) => state === 'gathering' || state === 'due';

function workError(code: string, message: string, id: number, hint: string): GatewayError {
  return new GatewayError(`task ${id}: ${message}`, {
    code: `work.${code}`,
    operation: 'settle task',
    subject: String(id),
    hint,
    retryable: false,
  });
}
