/**
 * Gives the space of runs back when all that they made is delivered and their time is over. The record of a run stays until
 * no segment holds its instances any more: were the index lost before, they would be found and worked on again. The index
 * lets go first; a directory that nobody knows is removed at the next start.
 */
import type Database from 'better-sqlite3';
import type { Clock } from '../../base/clock.ts';
import { describeError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { OutdatedResults } from './outdatedResults.ts';
import type { ResultStore } from './resultStore.ts';

const batch = 200;

export class RunCollector {
  readonly #options: { db: Database.Database; store: ResultStore; keepDeliveredMs: number; clock: Clock; log: Log };
  readonly #statements;
  readonly #outdated: OutdatedResults;
  #running: Promise<void> | undefined;

  constructor(options: { db: Database.Database; store: ResultStore; keepDeliveredMs: number; clock: Clock; log: Log }) {
    this.#options = options;
    const { db } = options;
    this.#outdated = new OutdatedResults(db, options.log);
    this.#statements = {
      settled: db.prepare(`SELECT id, run FROM task WHERE run IS NOT NULL AND run_files = 1 AND settled_at <= ?
        ORDER BY settled_at LIMIT ?`),
      // A delivery that another, unfinished task shares may take its bytes from this run.
      isSource: db
        .prepare(`SELECT EXISTS (SELECT 1 FROM result r JOIN delivery d ON d.result = r.id
        WHERE r.task = ? AND d.state <> 'delivered')`)
        .pluck(),
      letGoFiles: db.prepare('UPDATE task SET run_files = 0 WHERE id = ?'),
      records: db.prepare(`SELECT id, run FROM task WHERE run IS NOT NULL AND run_files = 0 AND NOT EXISTS (SELECT 1
        FROM task_input x JOIN instance i ON i.seq = x.instance WHERE x.task = task.id AND i.extents IS NOT NULL)
        AND NOT EXISTS (SELECT 1 FROM segment s WHERE s.state <> 'free'
        AND s.last_seq >= (SELECT min(instance) FROM task_input WHERE task = task.id)
        AND s.first_seq <= (SELECT max(instance) FROM task_input WHERE task = task.id)) LIMIT ?`),
      letGo: db.prepare('UPDATE task SET run = NULL WHERE id = ?'),
    };
  }

  /** Removes what may go. Never rejects; a turn that is under way is not begun twice. */
  run(): Promise<void> {
    this.#running ??= this.#collect()
      .catch((error: unknown) => {
        const message = `space of results could not be given back: ${describeError(error)}; it is tried again`;
        this.#options.log.error('work.collect-failed', message);
      })
      .finally(() => {
        this.#running = undefined;
      });
    return this.#running;
  }

  async #collect(): Promise<void> {
    const { store, clock, keepDeliveredMs } = this.#options;
    this.#outdated.withdraw(clock.now());
    const before = store.refusal === undefined ? clock.now() - keepDeliveredMs : Number.MAX_SAFE_INTEGER;
    type Row = { id: number; run: string };
    for (const { id, run } of this.#statements.settled.all(before, batch) as Row[]) {
      if (store.isHeld(run) || this.#statements.isSource.get(id) === 1) continue;
      this.#statements.letGoFiles.run(id);
      await store.remove(run, { keepRecord: true });
    }
    for (const { id, run } of this.#statements.records.all(batch) as Row[]) {
      this.#statements.letGo.run(id);
      await store.remove(run, { keepRecord: false });
    }
  }

  /** Waits for a turn that is under way. */
  async idle(): Promise<void> {
    await this.#running;
  }
}
