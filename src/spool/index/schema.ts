/**
 * The index: a SQLite database beside the segments. It is a cache of the truth (the segments and the receipts), so it may
 * run with synchronous = NORMAL: what a power cut takes from it is found again in the segments.
 */
import Database from 'better-sqlite3';

export const indexVersion = 1;

const tables = `
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;

-- indexed_to: the frames before this offset are in the index.
CREATE TABLE segment (
  id INTEGER PRIMARY KEY,
  generation INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('free', 'active', 'sealed')),
  indexed_to INTEGER NOT NULL,
  live INTEGER NOT NULL DEFAULT 0
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
  extents TEXT
);
CREATE UNIQUE INDEX instance_identity ON instance (sop_instance, version);
CREATE INDEX instance_study ON instance (study);
CREATE INDEX instance_prunable ON instance (delivered_at) WHERE state = 'delivered';
CREATE INDEX instance_unrouted ON instance (seq) WHERE state = 'received';

CREATE TABLE delivery (
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('instance', 'manifest', 'receipts')),
  store TEXT NOT NULL,
  instance INTEGER,
  study TEXT,
  state TEXT NOT NULL,
  priority INTEGER NOT NULL DEFAULT 0,
  attempts INTEGER NOT NULL DEFAULT 0,
  next_attempt_at INTEGER NOT NULL DEFAULT 0,
  error_code TEXT,
  error_message TEXT,
  key TEXT,
  body BLOB,
  UNIQUE (instance, store)
);
CREATE INDEX delivery_ready ON delivery (store, priority DESC, id) WHERE state = 'ready';
CREATE INDEX delivery_quarantined ON delivery (id) WHERE state = 'quarantined';
CREATE INDEX delivery_study ON delivery (study, kind) WHERE study IS NOT NULL;

-- A study's progress per store: a manifest is due when dirty and quiet, and nothing of the study is on its way there.
CREATE TABLE study (
  uid TEXT PRIMARY KEY,
  last_received_at INTEGER NOT NULL,
  instances INTEGER NOT NULL,
  bytes INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE study_store (
  study TEXT NOT NULL,
  store TEXT NOT NULL,
  dirty INTEGER NOT NULL,
  revision INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (study, store)
) WITHOUT ROWID;
CREATE INDEX study_store_dirty ON study_store (study) WHERE dirty = 1;
`;

/** Opens or creates the index. Throws when the file is damaged or of another version; the caller then rebuilds. */
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
      throw new Error(`index has version ${version}, this release uses ${indexVersion}`);
    }
    const verdict = db.pragma('quick_check(1)', { simple: true });
    if (verdict !== 'ok') throw new Error(`index is damaged: ${verdict}`);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}
