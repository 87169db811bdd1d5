/**
 * Results that no store took and that nobody needs any more: a later revision of their unit is finished, and all that it
 * made is delivered. They are withdrawn, or their study could never be closed.
 */
import type Database from 'better-sqlite3';
import type { Log } from '../../base/log.ts';
import { Settling } from './settling.ts';
import { sameUnit } from './taskRow.ts';
import type { ResultRecord } from './workTypes.ts';

type Outdated = { id: number; store: string; study: string; key: string; record: string; code: string | null };

export class OutdatedResults {
  readonly #db: Database.Database;
  readonly #log: Log;
  readonly #statements;
  readonly #settling: Settling;

  constructor(db: Database.Database, log: Log) {
    this.#db = db;
    this.#log = log;
    this.#settling = new Settling(db);
    const replaced = `EXISTS (SELECT 1 FROM task l WHERE ${sameUnit('l', 't')} AND l.revision > t.revision
      AND l.state = 'finished' AND l.open_results = 0 AND l.failed_results = 0
      AND EXISTS (SELECT 1 FROM result m WHERE m.task = l.id))`;
    this.#statements = {
      outdated: db.prepare(`SELECT d.id, d.store, d.study, d.key, d.error_code AS code, s.record FROM delivery d
        JOIN result s ON s.id = d.result WHERE d.state = 'quarantined' AND d.kind = 'result' AND NOT EXISTS (SELECT 1
        FROM result r LEFT JOIN task t ON t.id = r.task WHERE r.delivery = d.id AND (t.id IS NULL OR NOT ${replaced}))`),
      tasks: db.prepare('SELECT DISTINCT task FROM result WHERE delivery = ?').pluck(),
      uncount: db.prepare(`UPDATE task SET failed_results = failed_results
        - (SELECT count(*) FROM result WHERE task = @task AND delivery = @delivery) WHERE id = @task`),
      uncountStudy: db.prepare(`UPDATE study SET instances = instances - 1, bytes = bytes - ? WHERE uid = ?
        AND derived_from IS NOT NULL`),
      removeResults: db.prepare('DELETE FROM result WHERE delivery = ?'),
      removeDelivery: db.prepare('DELETE FROM delivery WHERE id = ?'),
    };
  }

  withdraw(now: number): void {
    for (const one of this.#statements.outdated.all() as Outdated[]) {
      this.#db.transaction(() => this.#withdraw(one, now))();
      const message = 'a result that no store took is withdrawn: a later revision took its place and is delivered';
      const { store, key, code } = one;
      this.#log.warn('work.result-withdrawn', message, { store, key, code });
    }
  }

  #withdraw({ id, study, record }: Outdated, now: number): void {
    const { tasks, uncount, uncountStudy, removeResults, removeDelivery } = this.#statements;
    const made = tasks.all(id) as number[];
    for (const task of made) uncount.run({ task, delivery: id });
    uncountStudy.run((JSON.parse(record) as ResultRecord).size, study);
    removeResults.run(id);
    removeDelivery.run(id);
    for (const task of made) this.#settling.task(task, now);
  }
}
