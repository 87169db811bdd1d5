/** The database of the map of identities: its tables, its file, and the proof that a key is the one that it was made with. */
import { chmodSync, closeSync, existsSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { syncDirectory } from '../../base/durableFile.ts';
import { describeError, GatewayError } from '../../base/errors.ts';
import type { Sealer } from './sealedText.ts';

/** DELETE and EXTRA: what is committed survives a power cut, and who only reads leaves no files behind. */
const schema = `
  CREATE TABLE IF NOT EXISTS map (id INTEGER PRIMARY KEY CHECK (id = 1), format INTEGER NOT NULL, proof BLOB NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS patient (
    id INTEGER PRIMARY KEY, pseudonym TEXT NOT NULL, fingerprint BLOB NOT NULL, sealed BLOB NOT NULL,
    UNIQUE (pseudonym, fingerprint)
  ) STRICT;
  CREATE TABLE IF NOT EXISTS uid (
    replacement TEXT PRIMARY KEY, kind TEXT NOT NULL, fingerprint BLOB NOT NULL, sealed BLOB NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS belongs (
    replacement TEXT NOT NULL, pseudonym TEXT NOT NULL, PRIMARY KEY (replacement, pseudonym)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS belongs_to ON belongs (pseudonym);
`;
const format = 1;
const proofRow = 'map';
const proofText = 'the key of this map';

/** 'write' makes it when there is none. Throws GatewayError `identity-map.absent`, `.wrong-key`, `.unusable`. */
export function openMapFile(path: string, sealer: Sealer, mode: 'read' | 'write'): Database.Database {
  if (mode === 'read' && !existsSync(path)) {
    throw mapFault(path, 'absent', 'this machine keeps no map of identities', 'run it on the machine of the gateway');
  }
  let db: Database.Database | undefined;
  try {
    if (mode === 'write') makeOwnFile(path);
    db = new Database(path, { readonly: mode === 'read', fileMustExist: true, timeout: 10_000 });
    if (mode === 'write') prepare(db, sealer);
    db.pragma('trusted_schema = OFF');
    prove(db, path, sealer);
    return db;
  } catch (error) {
    db?.close();
    if (error instanceof GatewayError) throw error;
    const problem = `the map of identities cannot be opened: ${describeError(error)}`;
    throw mapFault(path, 'unusable', problem, 'look at the file and its folder, or put it back from the backup', error);
  }
}

/** For nobody else to read, from the moment it is there. */
function makeOwnFile(path: string): void {
  if (existsSync(path)) {
    chmodSync(path, 0o600);
    return;
  }
  closeSync(openSync(path, 'a', 0o600));
  syncDirectory(dirname(path));
}

function prepare(db: Database.Database, sealer: Sealer): void {
  db.pragma('journal_mode = DELETE');
  db.pragma('synchronous = EXTRA');
  const make = db.transaction(() => {
    db.exec(schema);
    const proof = sealer.fingerprint(proofRow, proofText);
    db.prepare('INSERT OR IGNORE INTO map (id, format, proof) VALUES (1, ?, ?)').run(format, proof);
  });
  make.immediate();
}

function prove(db: Database.Database, path: string, sealer: Sealer): void {
  const found = db.prepare('SELECT format, proof FROM map').get() as { format: number; proof: Buffer } | undefined;
  if (found?.format !== format) {
    throw mapFault(path, 'unusable', 'it was made by another version of the gateway', 'use the version that made it');
  }
  if (found.proof.equals(sealer.fingerprint(proofRow, proofText))) return;
  throw mapFault(
    path,
    'wrong-key',
    'the map of identities was made with another site key',
    'put identity/deidentification.key that belongs to it back from the backup; nothing was changed',
  );
}

export function mapFault(path: string, code: string, problem: string, hint: string, cause?: unknown): GatewayError {
  return new GatewayError(problem, {
    code: `identity-map.${code}`,
    operation: 'map of identities',
    subject: path,
    hint,
    // A disk is cleared and a key is put back without anybody looking at the tasks that wait for it.
    retryable: code === 'unusable' || code === 'wrong-key',
    ...(cause === undefined ? {} : { cause }),
  });
}
