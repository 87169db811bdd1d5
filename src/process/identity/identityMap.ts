/**
 * Who is behind the pseudonyms and UIDs that left this site: a database of its own, which is truth and cannot be made again from
 * anything else. What tells somebody is encrypted; pseudonyms and replacement UIDs, which are known outside, are the keys.
 * Content is added, never changed: the same again is nothing new, and other content for the same key is kept beside it (a
 * patient whose name was corrected) or refused (a UID).
 */
import type Database from 'better-sqlite3';
import { describeError, GatewayError } from '../../base/errors.ts';
import type { Identity } from '../step.ts';
import { mapFault, openMapFile } from './identityMapFile.ts';
import { Sealer } from './sealedText.ts';

export type MappedIdentity = Pick<Identity, 'patient' | 'uids'> & {
  /** What other instances of the same patient said, older ones first. */
  earlier: Identity['patient'][];
};

type Patient = Identity['patient'];
type Uid = Identity['uids'][number];
type PatientRow = { id: number; pseudonym: string; fingerprint: Buffer; sealed: Buffer };
type UidRow = { replacement: string; kind: Uid['kind']; fingerprint: Buffer; sealed: Buffer };

/** Rows between two looks at everything else that the process has to do. */
const slice = 250;

export class IdentityMap {
  readonly #db: Database.Database;
  readonly #path: string;
  readonly #sealer: Sealer;
  #turn: Promise<void> = Promise.resolve();

  private constructor(db: Database.Database, path: string, sealer: Sealer) {
    this.#db = db;
    this.#path = path;
    this.#sealer = sealer;
  }

  /**
   * `key`: the site's, 32 bytes. 'write' makes the database when there is none. Throws GatewayError `identity-map.absent`,
   * `.wrong-key`, `.unusable`.
   */
  static open(path: string, key: Buffer, mode: 'read' | 'write'): IdentityMap {
    const sealer = new Sealer(key);
    return new IdentityMap(openMapFile(path, sealer, mode), path, sealer);
  }

  /**
   * Puts them away in one transaction; when it resolves, they are on the disk. Rejects with GatewayError
   * `identity-map.conflict` or `.unusable`, and then nothing of them is kept. Calls wait for each other.
   */
  add(identities: readonly Identity[]): Promise<void> {
    const done = this.#turn.then(() => this.#add(identities));
    this.#turn = done.catch(() => {});
    return done;
  }

  /**
   * Whom a pseudonym or a replacement UID stands for. A UID of equipment or of a frame of reference, which several patients may
   * have, tells its original alone: the patient is empty. Throws GatewayError `identity-map.damaged`.
   */
  find(text: string): MappedIdentity | undefined {
    const uid = this.#db.prepare('SELECT * FROM uid WHERE replacement = ?').get(text) as UidRow | undefined;
    if (uid === undefined) return this.#findPatient(text);
    const owners = this.#db
      .prepare('SELECT pseudonym FROM belongs WHERE replacement = ?')
      .pluck()
      .all(text) as string[];
    const patients = this.#patients(owners);
    const patient = patients.pop() ?? nobody;
    return { patient, uids: [this.#openUid(uid)], earlier: patients };
  }

  #findPatient(pseudonym: string): MappedIdentity | undefined {
    const patients = this.#patients([pseudonym]);
    const patient = patients.pop();
    if (patient === undefined) return undefined;
    const rows = this.#db
      .prepare(
        `SELECT uid.* FROM belongs JOIN uid USING (replacement)
         WHERE belongs.pseudonym = ? AND uid.kind IN ('study', 'series') ORDER BY uid.kind DESC, replacement`,
      )
      .all(pseudonym) as UidRow[];
    return { patient, uids: rows.map((row) => this.#openUid(row)), earlier: patients };
  }

  close(): void {
    this.#db.close();
  }

  async #add(identities: readonly Identity[]): Promise<void> {
    const rows = distinctRows(identities);
    try {
      this.#db.exec('BEGIN IMMEDIATE');
      for (const [index, row] of rows.entries()) {
        if (index % slice === slice - 1) await new Promise((resolve) => setImmediate(resolve));
        if ('patient' in row) this.#addPatient(row.patient);
        else this.#addUid(row.uid, row.pseudonym);
      }
      this.#db.exec('COMMIT');
    } catch (error) {
      if (this.#db.open && this.#db.inTransaction) this.#db.exec('ROLLBACK');
      if (error instanceof GatewayError) throw error;
      const problem = `identities cannot be put away: ${describeError(error)}`;
      throw mapFault(this.#path, 'unusable', problem, 'see that its disk has room; nothing was delivered', error);
    }
  }

  #addPatient(patient: Patient): void {
    const { pseudonym } = patient;
    const text = JSON.stringify(inOrder(patient));
    const row = rowOfPatient(pseudonym);
    const fingerprint = this.#sealer.fingerprint(row, text);
    const known = this.#db.prepare('SELECT 1 FROM patient WHERE pseudonym = ? AND fingerprint = ?');
    if (known.get(pseudonym, fingerprint) !== undefined) return;
    this.#db
      .prepare('INSERT INTO patient (pseudonym, fingerprint, sealed) VALUES (?, ?, ?)')
      .run(pseudonym, fingerprint, this.#sealer.seal(row, text));
  }

  #addUid({ replacement, original, kind }: Uid, pseudonym: string): void {
    const row = rowOfUid(replacement);
    const fingerprint = this.#sealer.fingerprint(row, original);
    const select = this.#statement('SELECT fingerprint, kind FROM uid WHERE replacement = ?');
    const known = select.get(replacement) as Pick<UidRow, 'fingerprint' | 'kind'> | undefined;
    if (known === undefined) {
      const insert = this.#statement('INSERT INTO uid VALUES (?, ?, ?, ?)');
      insert.run(replacement, kind, fingerprint, this.#sealer.seal(row, original));
    } else if (!fingerprint.equals(known.fingerprint)) {
      const problem = `UID ${replacement} stands for another original already`;
      throw mapFault(this.#path, 'conflict', problem, 'nothing was delivered or changed; report it with the log');
    } else if (known.kind === 'other' && kind !== 'other') {
      // First seen as a reference, now as the thing itself.
      this.#statement('UPDATE uid SET kind = ? WHERE replacement = ?').run(kind, replacement);
    }
    if (kind !== 'other') this.#statement('INSERT OR IGNORE INTO belongs VALUES (?, ?)').run(replacement, pseudonym);
  }

  readonly #statements = new Map<string, Database.Statement>();
  #statement(sql: string): Database.Statement {
    const known = this.#statements.get(sql) ?? this.#db.prepare(sql);
    this.#statements.set(sql, known);
    return known;
  }

  /** In the order in which they were added. */
  #patients(pseudonyms: readonly string[]): Patient[] {
    const select = this.#db.prepare('SELECT * FROM patient WHERE pseudonym = ?');
    const rows = pseudonyms.flatMap((pseudonym) => select.all(pseudonym) as PatientRow[]).sort((a, b) => a.id - b.id);
    return rows.map(({ pseudonym, sealed }) => JSON.parse(this.#opened(rowOfPatient(pseudonym), sealed)) as Patient);
  }

  #openUid({ replacement, kind, sealed }: UidRow): Uid {
    return { original: this.#opened(rowOfUid(replacement), sealed), replacement, kind };
  }

  #opened(row: string, sealed: Buffer): string {
    const text = this.#sealer.open(row, sealed);
    if (text !== undefined) return text;
    throw mapFault(
      this.#path,
      'damaged',
      `an entry is damaged or was moved (${row})`,
      'put the map back from the backup',
    );
  }
}

const nobody: Patient = { pseudonym: '', patientId: '', issuer: '', patientName: '', birthDate: '', sex: '' };

const rowOfPatient = (pseudonym: string) => `patient ${pseudonym}`;
const rowOfUid = (replacement: string) => `uid ${replacement}`;

const inOrder = ({ pseudonym, patientId, issuer, patientName, birthDate, sex }: Patient): Patient => ({
  ...{ pseudonym, patientId, issuer, patientName, birthDate, sex },
});

/** An identity comes with every instance; patients, studies and series are the same in most of them. */
function distinctRows(identities: readonly Identity[]): Array<{ patient: Patient } | { uid: Uid; pseudonym: string }> {
  const patients = new Map<string, Patient>();
  const uids = new Map<string, { uid: Uid; pseudonym: string }>();
  for (const { patient, uids: found } of identities) {
    patients.set(JSON.stringify(inOrder(patient)), patient);
    for (const uid of found) {
      uids.set(`${uid.replacement} ${uid.original} ${uid.kind}`, { uid, pseudonym: patient.pseudonym });
    }
  }
  return [...[...patients.values()].map((patient) => ({ patient })), ...uids.values()];
}
