/**
 * Brings instances into tasks. Invariants: an instance that a route sends through an application is an input of at least one
 * task from the moment that the index knows it; an open task that nobody works on takes what comes; what comes after a task
 * was begun makes the next revision, over everything of the unit that is still in the spool. Every method belongs into a
 * transaction of its caller.
 */
import type Database from 'better-sqlite3';
import { studyOf } from '../index/instanceRow.ts';
import type { InstanceMeta } from '../segmentFormat.ts';
import { Settling } from './settling.ts';
import { isKinOf, taskColumns, type UnitKey, unitIsOf, unitValues } from './taskRow.ts';
import type { ApplicationTarget, RouteTarget, Task, TaskState } from './workTypes.ts';

export type ApplicationRoute = RouteTarget & { application: ApplicationTarget };

type JoinedTask = Task & { quietMs: number; expected: number | null };

type JoinedFrom = Pick<Task, 'id' | 'study' | 'store' | 'priority'>;

/** Unit of an instance without a usable UID: itself, so that strangers are never worked on together. */
const unidentifiedUnit = (seq: number) => `unidentified-${seq}`;

type Joining = Omit<InstanceMeta, 'parts'>;

/** Whether the configuration has a route of this name. */
export type HasRoute = (route: string) => boolean;

export function unitOf(scope: Task['scope'], meta: Joining): string {
  if (scope === 'instance') return String(meta.seq);
  const uid = scope === 'series' ? meta.seriesInstanceUid : meta.studyInstanceUid;
  return uid ?? unidentifiedUnit(meta.seq);
}

export class TaskJoiner {
  readonly #statements;
  readonly #claimed: ReadonlySet<number>;
  readonly #hasRoute: HasRoute;
  readonly #settling: Settling;

  /** `claimed`: tasks that an engine works on now. */
  constructor(db: Database.Database, claimed: ReadonlySet<number>, hasRoute: HasRoute = () => true) {
    this.#claimed = claimed;
    this.#hasRoute = hasRoute;
    this.#settling = new Settling(db);
    this.#statements = {
      latest: db.prepare(`SELECT ${taskColumns}, quiet_ms AS quietMs, expected FROM task WHERE ${unitIsOf('task')}
        ORDER BY revision DESC LIMIT 1`),
      insert: db.prepare(`INSERT INTO task (route, application, version, scope, unit, revision, study, store, state,
        priority, quiet_ms, expected, due_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'gathering', ?, ?, ?, ?)`),
      addInput: db.prepare("INSERT OR IGNORE INTO task_input (task, instance, hold) VALUES (?, ?, 'open')"),
      addEarlier: db.prepare(`INSERT OR IGNORE INTO task_input (task, instance, hold)
        SELECT ?, x.instance, 'open' FROM task_input x JOIN task t ON t.id = x.task JOIN instance i ON i.seq = x.instance
        WHERE ${unitIsOf('t')}
        AND i.extents IS NOT NULL`),
      kin: db.prepare(`SELECT ${taskColumns} FROM task WHERE ${isKinOf('task')}
        AND (route <> @route OR version <> @version)`),
      addFrom: db.prepare(`INSERT OR IGNORE INTO task_input (task, instance, hold) SELECT ?, x.instance, 'open'
        FROM task_input x JOIN instance i ON i.seq = x.instance WHERE x.task = ? AND i.extents IS NOT NULL`),
      outrun: db.prepare(`UPDATE task SET state = 'skipped', error_code = 'work.superseded', error_message = ?,
        finished_at = ? WHERE id = ?`),
      hasInput: db
        .prepare(`SELECT EXISTS (SELECT 1 FROM task_input x JOIN task t ON t.id = x.task
        WHERE x.instance = ? AND ${unitIsOf('t')})`)
        .pluck(),
      inputs: db.prepare('SELECT instance FROM task_input WHERE task = ?').pluck(),
      stillHere: db
        .prepare(
          'SELECT x.instance FROM task_input x JOIN instance i ON i.seq = x.instance WHERE x.task = ? AND i.extents IS NOT NULL',
        )
        .pluck(),
      count: db.prepare(`UPDATE task SET (instances, bytes) = (SELECT count(*), coalesce(sum(i.size), 0)
        FROM task_input x JOIN instance i ON i.seq = x.instance WHERE x.task = task.id) WHERE id = ?`),
      joined: db.prepare(`UPDATE task SET instances = instances + ?, bytes = bytes + ?, store = ?, priority = ?,
        quiet_ms = ?, expected = ?, state = ?, due_at = ? WHERE id = ?`),
      setDue: db.prepare('UPDATE task SET state = ?, due_at = ? WHERE id = ?'),
      ready: db.prepare("UPDATE instance SET state = 'ready' WHERE seq = ? AND state IN ('received', 'delivered')"),
      byId: db.prepare(`SELECT ${taskColumns}, quiet_ms AS quietMs, expected FROM task WHERE id = ?`),
    };
  }

  /**
   * The instance, whose row is in the index, joins the task of its unit. One that is in it already stays as it is; `isNew`
   * says that it is in none.
   */
  join(meta: Joining, { store, priority, application }: ApplicationRoute, isNew: boolean): void {
    const { route, name, version, scope, quietMs } = application;
    const unit: UnitKey = { route, application: name, version, scope, unit: unitOf(scope, meta) };
    if (!isNew && this.#statements.hasInput.get(meta.seq, ...unitValues(unit)) === 1) return;
    const latest = this.latest(unit);
    const isOpen = latest?.state === 'gathering' || latest?.state === 'due';
    const task =
      latest !== undefined && isOpen && !this.#claimed.has(latest.id)
        ? latest
        : this.#begin(unit, (latest?.revision ?? 0) + 1, meta, { store, priority, quietMs });
    const { changes: added } = this.#statements.addInput.run(task.id, meta.seq);
    const expected = Math.max(application.expected ?? 0, task.expected ?? 0) || null;
    const { state, dueAt } = dueAfter(
      { ...task, expected, quietMs, instances: task.instances + added },
      meta.receivedAt,
    );
    const highest = Math.max(priority, task.priority);
    this.#statements.joined.run(added, added * meta.size, store, highest, quietMs, expected, state, dueAt, task.id);
  }

  /** A task over everything of the unit that is here, also what came for a version of the application that the route has left. */
  #begin(
    unit: UnitKey,
    revision: number,
    meta: Joining,
    terms: Pick<JoinedTask, 'store' | 'priority' | 'quietMs'>,
  ): JoinedTask {
    const study = studyOf(meta);
    const task = this.#create(unit, revision, { ...terms, study, expected: null });
    if (unit.scope === 'instance' || unit.unit === unidentifiedUnit(meta.seq)) return task;
    const kin = this.#statements.kin.all({ ...unit, study, store: terms.store }) as Task[];
    const left = kin.filter(({ route }) => route === unit.route || !this.#hasRoute(route));
    if (left.length === 0) return task;
    for (const { id } of left) this.#statements.addFrom.run(task.id, id);
    this.#statements.count.run(task.id);
    for (const seq of this.#statements.inputs.all(task.id) as number[]) this.#statements.ready.run(seq);
    for (const { id, state } of left) {
      if ((state !== 'gathering' && state !== 'due') || this.#claimed.has(id)) continue;
      const reason = `version ${unit.version}, route ${unit.route}, has taken its place`;
      this.#statements.outrun.run(reason, meta.receivedAt, id);
      this.#settling.task(id, meta.receivedAt);
    }
    return this.#statements.byId.get(task.id) as JoinedTask;
  }

  /** The next revision of a unit that has a task, over everything of it that is still here. Returns its id. */
  nextRevision(unit: UnitKey, dueAt: number): number | undefined {
    const latest = this.latest(unit);
    if (latest === undefined) return undefined;
    const { id } = this.#create(unit, latest.revision + 1, latest);
    this.#statements.setDue.run('due', dueAt, id);
    return id;
  }

  /** All inputs of `from` that are still here, in a task of `unit` that is due at `dueAt`. Returns its id. */
  takeOver(unit: UnitKey, from: JoinedFrom, dueAt: number): number {
    const latest = this.latest(unit);
    const isOpen = latest?.state === 'gathering' || latest?.state === 'due';
    const quietMs = latest?.quietMs ?? 0;
    const { id } =
      latest !== undefined && isOpen && !this.#claimed.has(latest.id)
        ? latest
        : this.#create(unit, (latest?.revision ?? 0) + 1, { ...from, quietMs, expected: null });
    for (const seq of this.#statements.stillHere.all(from.id) as number[]) {
      this.#statements.addInput.run(id, seq);
      this.#statements.ready.run(seq);
    }
    this.#statements.setDue.run('due', dueAt, id);
    return id;
  }

  /** The task of the highest revision. */
  latest(unit: UnitKey): JoinedTask | undefined {
    return this.#statements.latest.get(...unitValues(unit)) as JoinedTask | undefined;
  }

  #create(
    unit: UnitKey,
    revision: number,
    {
      study,
      store,
      priority,
      quietMs,
      expected,
    }: Pick<JoinedTask, 'study' | 'store' | 'priority' | 'quietMs' | 'expected'>,
  ): JoinedTask {
    const { insert, addEarlier, count, inputs, ready, byId } = this.#statements;
    const values = [...unitValues(unit), revision, study, store, priority, quietMs, expected, 0];
    const id = Number(insert.run(...values).lastInsertRowid);
    if (revision > 1) {
      addEarlier.run(id, ...unitValues(unit));
      count.run(id);
      for (const seq of inputs.all(id) as number[]) ready.run(seq); // what was done with is needed again
    }
    return byId.get(id) as JoinedTask;
  }
}

/**
 * When a task is due after an arrival at `at`. What its sender announced counts for the first revision only: later ones have
 * more than that by themselves.
 */
function dueAfter(
  task: Pick<JoinedTask, 'scope' | 'revision' | 'instances' | 'expected' | 'quietMs' | 'attempts' | 'dueAt'>,
  at: number,
): { state: TaskState; dueAt: number } {
  const isWhole = task.scope === 'instance' || (task.revision === 1 && task.instances === task.expected);
  const quietAt = at + (isWhole ? 0 : task.quietMs);
  const dueAt = task.attempts > 0 ? Math.max(task.dueAt, quietAt) : quietAt; // its wait after a failure is kept
  return { state: isWhole ? 'due' : 'gathering', dueAt };
}
