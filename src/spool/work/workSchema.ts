/** Tables of the index for the work of split applications: tasks, their inputs, their results, and what they came to. */

export const workTables = `
-- One application over one unit, as one route wants it. Of the open tasks of a unit all but the latest are with the engine.
-- open_results, failed_results: its results' deliveries that are ready, or in quarantine; kept by the trigger below.
-- run: name of the directory of its run, until that is removed; run_files: the results' files are still in it, not only the
-- record. header: that record without results and inputs.
CREATE TABLE task (
  id INTEGER PRIMARY KEY,
  route TEXT NOT NULL,
  application TEXT NOT NULL,
  version TEXT NOT NULL,
  scope TEXT NOT NULL CHECK (scope IN ('instance', 'series', 'study')),
  unit TEXT NOT NULL,
  revision INTEGER NOT NULL,
  study TEXT NOT NULL,
  store TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('gathering', 'due', 'finished', 'skipped', 'quarantined')),
  priority INTEGER NOT NULL,
  quiet_ms INTEGER NOT NULL,
  expected INTEGER,
  due_at INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  instances INTEGER NOT NULL DEFAULT 0,
  bytes INTEGER NOT NULL DEFAULT 0,
  error_code TEXT,
  error_message TEXT,
  failed_at INTEGER,
  finished_at INTEGER,
  settled_at INTEGER,
  open_results INTEGER NOT NULL DEFAULT 0,
  failed_results INTEGER NOT NULL DEFAULT 0,
  run TEXT,
  run_files INTEGER NOT NULL DEFAULT 0,
  header TEXT,
  UNIQUE (route, application, version, scope, unit, revision)
);
CREATE INDEX task_open ON task (priority DESC, due_at) WHERE state IN ('gathering', 'due');
CREATE INDEX task_gathering ON task (due_at) WHERE state = 'gathering';
CREATE INDEX task_study ON task (study, store);
CREATE INDEX task_finished ON task (finished_at) WHERE state = 'finished';
CREATE INDEX task_run ON task (run_files, settled_at) WHERE run IS NOT NULL;

-- hold: what the instance owes to it. open: the task, or a delivery of its results, is still to come. quarantined: it
-- failed. none: nothing. superseded: what a later revision found of it counts; results of this one are delivered all the same.
CREATE TABLE task_input (
  task INTEGER NOT NULL,
  instance INTEGER NOT NULL,
  outcome TEXT CHECK (outcome IN ('used', 'not-selected', 'quarantined')),
  code TEXT,
  reason TEXT,
  hold TEXT NOT NULL CHECK (hold IN ('open', 'quarantined', 'none')),
  superseded INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (task, instance)
) WITHOUT ROWID;
CREATE INDEX task_input_instance ON task_input (instance);
CREATE INDEX task_input_hold ON task_input (instance, hold) WHERE hold <> 'none';

-- A result, and the delivery that takes it to its store; several share one when they are the same. task: NULL when only
-- the receipt is left of it. record: JSON of the ResultRecord.
CREATE TABLE result (
  id INTEGER PRIMARY KEY,
  task INTEGER,
  position INTEGER NOT NULL,
  delivery INTEGER NOT NULL,
  version INTEGER NOT NULL,
  record TEXT NOT NULL,
  UNIQUE (task, position)
);
CREATE INDEX result_delivery ON result (delivery);
CREATE TRIGGER result_counted AFTER INSERT ON result WHEN new.task IS NOT NULL BEGIN
  UPDATE task SET open_results = open_results + (SELECT state = 'ready' FROM delivery WHERE id = new.delivery),
    failed_results = failed_results + (SELECT state = 'quarantined' FROM delivery WHERE id = new.delivery)
    WHERE id = new.task;
END;
CREATE TRIGGER result_recounted AFTER UPDATE OF state ON delivery WHEN new.kind = 'result' AND old.state <> new.state BEGIN
  UPDATE task SET
    open_results = open_results + ((new.state = 'ready') - (old.state = 'ready')) * n.n,
    failed_results = failed_results + ((new.state = 'quarantined') - (old.state = 'quarantined')) * n.n
    FROM (SELECT task, count(*) AS n FROM result WHERE delivery = new.id AND task IS NOT NULL GROUP BY task) AS n
    WHERE task.id = n.task;
END;

CREATE TABLE task_count (
  application TEXT NOT NULL, version TEXT NOT NULL, state TEXT NOT NULL, n INTEGER NOT NULL,
  PRIMARY KEY (application, version, state)
) WITHOUT ROWID;
CREATE TRIGGER task_counted AFTER INSERT ON task BEGIN
  INSERT INTO task_count VALUES (new.application, new.version, new.state, 1) ON CONFLICT DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER task_recounted AFTER UPDATE OF state ON task WHEN old.state <> new.state BEGIN
  UPDATE task_count SET n = n - 1
    WHERE application = old.application AND version = old.version AND state = old.state;
  INSERT INTO task_count VALUES (new.application, new.version, new.state, 1) ON CONFLICT DO UPDATE SET n = n + 1;
END;

-- Sums of the figures of all runs of an application; peak_memory is the highest, promised the last.
CREATE TABLE work_total (
  application TEXT NOT NULL,
  version TEXT NOT NULL,
  runs INTEGER NOT NULL,
  bytes_in INTEGER NOT NULL,
  bytes_out INTEGER NOT NULL,
  instances_in INTEGER NOT NULL,
  instances_out INTEGER NOT NULL,
  files INTEGER NOT NULL,
  not_selected INTEGER NOT NULL,
  quarantined INTEGER NOT NULL,
  cpu_seconds REAL NOT NULL,
  peak_memory INTEGER NOT NULL,
  wall_ms INTEGER NOT NULL,
  promised REAL,
  PRIMARY KEY (application, version)
) WITHOUT ROWID;
`;
