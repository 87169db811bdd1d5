/**
 * The index: a SQLite database beside the segments. It is a cache of the truth (the segments and the receipts), so it may
 * run with synchronous = NORMAL: what a power cut takes from it is found again in the segments.
 */
import Database from 'better-sqlite3';
import { workTables } from '../work/workSchema.ts';

export const indexVersion = 2;

const tables = `
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;

-- indexed_to: the frames before this offset are in the index. live: instances that are not pruned and have bytes here.
-- first_seq, last_seq: bounds of the numbers of all instances that were written into this life of it, pruned ones too.
CREATE TABLE segment (
  id INTEGER PRIMARY KEY,
  generation INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('free', 'active', 'sealed')),
  indexed_to INTEGER NOT NULL,
  live INTEGER NOT NULL DEFAULT 0,
  live_bytes INTEGER NOT NULL DEFAULT 0,
  first_seq INTEGER,
  last_seq INTEGER
);

CREATE TABLE instance (
  seq INTEGER PRIMARY KEY,
  sop_instance TEXT NOT NULL,
  version INTEGER NOT NULL,
  sop_class TEXT NOT NULL,
  transfer_syntax TEXT NOT NULL,
  study TEXT,
  series TEXT,
  modality TEXT,
  patient_id TEXT,
  peer TEXT NOT NULL,
  received_at INTEGER NOT NULL,
  size INTEGER NOT NULL,
  sha256 BLOB NOT NULL,
  flags TEXT NOT NULL,
  state TEXT NOT NULL,
  delivered_at INTEGER,
  extents TEXT,
  route_tags TEXT
);
CREATE UNIQUE INDEX instance_identity ON instance (sop_instance, version);
CREATE INDEX instance_study ON instance (study);
CREATE INDEX instance_prunable ON instance (delivered_at) WHERE state = 'delivered';
CREATE INDEX instance_versions ON instance (version) WHERE version > 1;
CREATE INDEX instance_unrouted ON instance (seq) WHERE state = 'received';

CREATE TABLE delivery (
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('instance', 'result', 'manifest', 'receipts')),
  store TEXT NOT NULL,
  instance INTEGER,
  study TEXT,
  state TEXT NOT NULL,
  priority INTEGER NOT NULL DEFAULT 0,
  attempts INTEGER NOT NULL DEFAULT 0,
  next_attempt_at INTEGER NOT NULL DEFAULT 0,
  error_code TEXT,
  error_message TEXT,
  failed_at INTEGER,
  receipt INTEGER,
  key TEXT,
  body BLOB,
  sha256 TEXT,
  result INTEGER,
  UNIQUE (instance, store)
);
CREATE UNIQUE INDEX delivery_result_key ON delivery (store, key) WHERE kind = 'result';
CREATE INDEX delivery_ready ON delivery (store, priority DESC, id) WHERE state = 'ready';
CREATE INDEX delivery_quarantined ON delivery (id) WHERE state = 'quarantined';
CREATE INDEX delivery_proofs ON delivery (store, kind) WHERE kind <> 'instance' AND kind <> 'result';
CREATE INDEX delivery_study ON delivery (study, kind) WHERE study IS NOT NULL;

-- receipt: sequence number of the receipt that proves the delivery. key: of what is not an instance; body: of manifests and
-- receipts. sha256, result: of a result, and the row of table result that says where its bytes are.
-- A study's progress per store: a manifest is due when dirty and quiet, and nothing of the study is on its way there.
-- derived_from: the study as it was received, when what is counted here are its results under another UID.
CREATE TABLE study (
  uid TEXT PRIMARY KEY,
  last_received_at INTEGER NOT NULL,
  instances INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  derived_from TEXT
) WITHOUT ROWID;
CREATE TABLE study_store (
  study TEXT NOT NULL,
  store TEXT NOT NULL,
  dirty INTEGER NOT NULL,
  revision INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (study, store)
) WITHOUT ROWID;
CREATE INDEX study_store_dirty ON study_store (study) WHERE dirty = 1;

-- Counts for status and metrics, kept by triggers: counting a million rows at each look would hold reception up.
CREATE TABLE instance_count (state TEXT PRIMARY KEY, instances INTEGER NOT NULL, bytes INTEGER NOT NULL) WITHOUT ROWID;
CREATE TRIGGER instance_counted AFTER INSERT ON instance BEGIN
  INSERT INTO instance_count VALUES (new.state, 1, new.size)
    ON CONFLICT (state) DO UPDATE SET instances = instances + 1, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER instance_recounted AFTER UPDATE OF state ON instance WHEN old.state <> new.state BEGIN
  UPDATE instance_count SET instances = instances - 1, bytes = bytes - old.size WHERE state = old.state;
  INSERT INTO instance_count VALUES (new.state, 1, new.size)
    ON CONFLICT (state) DO UPDATE SET instances = instances + 1, bytes = bytes + excluded.bytes;
END;
CREATE TABLE delivery_count (
  store TEXT NOT NULL, kind TEXT NOT NULL, state TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (store, kind, state)
) WITHOUT ROWID;
CREATE TRIGGER delivery_counted AFTER INSERT ON delivery BEGIN
  INSERT INTO delivery_count VALUES (new.store, new.kind, new.state, 1) ON CONFLICT DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER delivery_recounted AFTER UPDATE OF state ON delivery WHEN old.state <> new.state BEGIN
  UPDATE delivery_count SET n = n - 1 WHERE store = old.store AND kind = old.kind AND state = old.state;
  INSERT INTO delivery_count VALUES (new.store, new.kind, new.state, 1) ON CONFLICT DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER delivery_uncounted AFTER DELETE ON delivery BEGIN
  UPDATE delivery_count SET n = n - 1 WHERE store = old.store AND kind = old.kind AND state = old.state;
END;
${workTables}`;

/** The file is no database, or a damaged one, or of another release: it has to be made anew. */
export class IndexDamaged extends Error {
  override readonly name = 'IndexDamaged';
}

const damageCodes = /^SQLITE_(CORRUPT|NOTADB)/;

/** Opens or creates the index. Throws `IndexDamaged` when a new one is needed, and SQLite's own error for anything else. */
export function openIndexDatabase(path: string): Database.Database {
  const db = new Database(path);
  try {
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = NORMAL');
    db.pragma('wal_autocheckpoint = 4000');
    db.pragma('cache_size = -8192');
    const version = db.pragma('user_version', { simple: true });
    if (version === 0) {
      db.exec(`BEGIN; ${tables} PRAGMA user_version = ${indexVersion}; COMMIT;`);
    } else if (version !== indexVersion) {
      throw new IndexDamaged(`it has version ${version}, this release uses ${indexVersion}`);
    }
    const verdict = db.pragma('quick_check(1)', { simple: true });
    if (verdict !== 'ok') throw new IndexDamaged(`damaged: ${verdict}`);
    return db;
  } catch (error) {
    db.close();
    const code = (error as { code?: string }).code ?? '';
    throw damageCodes.test(code) ? new IndexDamaged((error as Error).message, { cause: error }) : error;
  }
}
