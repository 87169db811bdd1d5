/** The SQL behind TaskQueue, prepared once. */
import type Database from 'better-sqlite3';
import { sameUnit, taskColumns, unitIsOf } from './taskRow.ts';

export function prepareTaskStatements(db: Database.Database) {
  const isOpen = (table: string) => `${table}.state IN ('gathering', 'due')`;
  /** An earlier revision is still with the engine. */
  const waitsForEarlier = `EXISTS (SELECT 1 FROM task e WHERE ${sameUnit('e', 'task')} AND e.revision < task.revision
    AND ${isOpen('e')})`;
  return {
    byId: db.prepare(`SELECT ${taskColumns} FROM task WHERE id = ?`),
    byIdentity: db.prepare(`SELECT ${taskColumns} FROM task WHERE ${unitIsOf('task')} AND revision = ?`),
    setDue: db.prepare("UPDATE task SET state = 'due' WHERE state = 'gathering' AND due_at <= ?"),
    due: db.prepare(`SELECT ${taskColumns} FROM task WHERE state IN ('gathering', 'due') AND due_at <= ?
      AND (? IS NULL OR application <> ?) AND NOT ${waitsForEarlier} ORDER BY priority DESC, due_at, id LIMIT ?`),
    earliest: db.prepare(`SELECT id, due_at AS dueAt FROM task WHERE state IN ('gathering', 'due')
      AND NOT ${waitsForEarlier} ORDER BY due_at LIMIT ?`),
    inputs: db.prepare(`SELECT i.* FROM task_input x JOIN instance i ON i.seq = x.instance WHERE x.task = ?
      ORDER BY i.seq`),
    outcomes: db.prepare(`SELECT instance, outcome, code, reason FROM task_input WHERE task = ? AND outcome IS NOT NULL
      ORDER BY instance`),
    addInput: db.prepare("INSERT OR IGNORE INTO task_input (task, instance, hold) VALUES (?, ?, 'open')"),
    clearInputs: db.prepare('DELETE FROM task_input WHERE task = ?'),
    setOutcome: db.prepare('UPDATE task_input SET outcome = ?, code = ?, reason = ? WHERE task = ? AND instance = ?'),
    recount: db.prepare(`UPDATE task SET (instances, bytes) = (SELECT count(*), coalesce(sum(i.size), 0)
      FROM task_input x JOIN instance i ON i.seq = x.instance WHERE x.task = task.id) WHERE id = ?`),
    openInputs: db
      .prepare(`SELECT DISTINCT x.instance FROM task_input x JOIN task t ON t.id = x.task WHERE ${unitIsOf('t')}
        AND t.revision <= ? AND ${isOpen('t')}`)
      .pluck(),
    insertFound: db.prepare(`INSERT INTO task (route, application, version, scope, unit, revision, study, store, state,
      priority, quiet_ms, due_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'due', ?, 0, 0)`),
    finished: db.prepare(`UPDATE task SET state = 'finished', error_code = NULL, error_message = NULL, failed_at = NULL,
      finished_at = ?, run = ?, run_files = 1, header = ? WHERE id = ?`),
    skipped: db.prepare(`UPDATE task SET state = 'skipped', error_code = ?, error_message = ?, finished_at = ?
      WHERE id = ?`),
    retry: db.prepare(`UPDATE task SET state = 'due', attempts = attempts + 1, due_at = ?, error_code = ?,
      error_message = ?, failed_at = ? WHERE id = ?`),
    quarantined: db.prepare(`UPDATE task SET state = 'quarantined', attempts = attempts + 1, error_code = ?,
      error_message = ?, failed_at = ? WHERE id = ?`),
    released: db.prepare("UPDATE task SET state = 'due', attempts = 0, due_at = ? WHERE id = ?"),
    hastenOne: db.prepare('UPDATE task SET due_at = min(due_at, ?) WHERE id = ?'),
    hasQuarantined: db
      .prepare("SELECT EXISTS (SELECT 1 FROM task_input WHERE task = ? AND hold = 'quarantined')")
      .pluck(),
    quarantinedIds: db.prepare("SELECT id FROM task WHERE state = 'quarantined' ORDER BY id").pluck(),
    page: db.prepare(`SELECT ${taskColumns} FROM task WHERE id > ? AND state IN (SELECT value FROM json_each(?))
      AND (? IS NULL OR application = ?) ORDER BY id LIMIT ?`),
    counts: db.prepare('SELECT application, version, state, n FROM task_count WHERE n > 0'),
    hastenStudies: db.prepare(`UPDATE task SET due_at = ? WHERE state = 'gathering' AND attempts = 0 AND due_at > ?
      AND study IN (SELECT value FROM json_each(?))`),
    hastenPeer: db.prepare(`UPDATE task SET due_at = ? WHERE state = 'gathering' AND attempts = 0 AND due_at > ?
      AND EXISTS (SELECT 1 FROM task_input x JOIN instance i ON i.seq = x.instance WHERE x.task = task.id
      AND i.peer = ?)`),
    earlier: db.prepare(`SELECT ${taskColumns} FROM task WHERE ${unitIsOf('task')} AND revision < ?`),
    outrun: db
      .prepare(`SELECT id FROM task WHERE state IN ('gathering', 'due') AND EXISTS (SELECT 1 FROM task l
        WHERE ${sameUnit('l', 'task')} AND l.revision > task.revision)`)
      .pluck(),
    markSuperseded: db.prepare(`UPDATE task_input SET superseded = 1 WHERE task = ? AND instance IN
      (SELECT instance FROM task_input WHERE task = ?)`),
    markHandedOver: db.prepare(`UPDATE task_input SET superseded = 1 WHERE task = ? AND outcome = 'quarantined'
      AND instance IN (SELECT instance FROM task_input WHERE task = ?)`),
    setCounts: db.prepare('UPDATE task SET instances = ?, bytes = ? WHERE id = ?'),
    runs: db.prepare('SELECT run FROM task WHERE run IS NOT NULL').pluck(),
  };
}
