/**
 * What a task and its results mean for the instances that went into them. The state of an instance follows from its
 * deliveries and from what it owes to tasks (`task_input.hold`); this is the only place that derives it. Every method
 * belongs into a transaction of its caller.
 *
 *   quarantined  a delivery, or what it owes to a task, failed for good; or its bytes are damaged and not all is delivered
 *   ready        something is still to come
 *   delivered    nothing is: its bytes may go when their time is over
 *   received     no route has claimed it
 */
import type Database from 'better-sqlite3';

export class Settling {
  readonly #statements;

  constructor(db: Database.Database) {
    const failed = `EXISTS (SELECT 1 FROM delivery d WHERE d.instance = i.seq AND d.state = 'quarantined')
      OR EXISTS (SELECT 1 FROM task_input t WHERE t.instance = i.seq AND t.hold = 'quarantined')`;
    const open = `EXISTS (SELECT 1 FROM delivery d WHERE d.instance = i.seq AND d.state = 'ready')
      OR EXISTS (SELECT 1 FROM task_input t WHERE t.instance = i.seq AND t.hold = 'open')`;
    const claimed = `EXISTS (SELECT 1 FROM delivery d WHERE d.instance = i.seq)
      OR EXISTS (SELECT 1 FROM task_input t WHERE t.instance = i.seq)`;
    const damaged = "instr(',' || i.flags || ',', ',damaged,') > 0";
    const derived = `SELECT CASE WHEN ${failed} THEN 'quarantined'
      WHEN ${open} THEN iif(${damaged}, 'quarantined', 'ready')
      WHEN ${claimed} THEN 'delivered' ELSE iif(${damaged}, 'quarantined', 'received') END`;
    this.#statements = {
      state: db.prepare(`UPDATE instance AS i SET state = (${derived}) WHERE seq = ? AND state <> 'pruned'`),
      deliveredAt: db.prepare(`UPDATE instance SET delivered_at = ? WHERE seq = ? AND state = 'delivered'
        AND (delivered_at IS NULL OR ?)`),
      stateOf: db.prepare('SELECT state FROM instance WHERE seq = ?').pluck(),
      hold: db.prepare(`UPDATE task_input SET hold = CASE
        WHEN t.state IN ('gathering', 'due') THEN 'open' WHEN t.state = 'quarantined' THEN 'quarantined'
        WHEN (outcome = 'quarantined' AND superseded = 0) OR t.failed_results > 0 THEN 'quarantined'
        WHEN t.open_results > 0 THEN 'open' ELSE 'none' END
        FROM (SELECT * FROM task WHERE id = ?) AS t WHERE task_input.task = t.id`),
      settled: db.prepare(`UPDATE task SET settled_at = iif(state = 'skipped'
        OR (state = 'finished' AND open_results = 0 AND failed_results = 0), coalesce(settled_at, ?), NULL) WHERE id = ?`),
      inputs: db.prepare('SELECT instance FROM task_input WHERE task = ?').pluck(),
      tasksOf: db.prepare('SELECT DISTINCT task FROM result WHERE delivery = ? AND task IS NOT NULL').pluck(),
      weight: db.prepare(`SELECT CASE WHEN state <> 'finished' THEN 'open' WHEN failed_results > 0 THEN 'failed'
        WHEN open_results > 0 THEN 'open' ELSE 'none' END FROM task WHERE id = ?`),
      heldAs: db
        .prepare(
          "SELECT hold FROM task_input WHERE task = ? AND (outcome IS NOT 'quarantined' OR superseded = 1) LIMIT 1",
        )
        .pluck(),
    };
  }

  /** Derives the state of an instance anew. Times are milliseconds since 1970. */
  instance(seq: number, now: number): void {
    const before = this.#statements.stateOf.get(seq) as string | undefined;
    if (before === undefined || before === 'pruned') return;
    this.#statements.state.run(seq);
    this.#statements.deliveredAt.run(now, seq, before === 'delivered' ? 0 : 1);
  }

  /** Derives what a task's inputs owe to it, and their states. */
  task(id: number, now: number): void {
    this.#statements.hold.run(id);
    this.#statements.settled.run(now, id);
    for (const seq of this.#statements.inputs.all(id) as number[]) this.instance(seq, now);
  }

  /** After a change of state of results' deliveries: the inputs are looked at only where it matters to them. */
  deliveries(ids: readonly number[], now: number): void {
    const tasks = new Set(ids.flatMap((id) => this.#statements.tasksOf.all(id) as number[]));
    for (const task of tasks) if (this.#changes(task)) this.task(task, now);
  }

  #changes(task: number): boolean {
    const { weight } = this.#statements;
    const is = (weight.pluck().get(task) as string | undefined) ?? 'open';
    const held = this.#statements.heldAs.get(task) as string | undefined;
    if (held === undefined) return true;
    return held !== { open: 'open', failed: 'quarantined', none: 'none' }[is as 'open' | 'failed' | 'none'];
  }
}
