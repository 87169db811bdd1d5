/**
 * Results in the index: each has a delivery, found by store and key. Invariants: two results with one key and one digest
 * share a delivery; with other digests they get different versions of the key; what has its key keeps it, also over a loss
 * of the index, because the versions stand in the run's file.
 */
import type Database from 'better-sqlite3';
import type { DeliveryState } from '../states.ts';
import { runError } from './runContent.ts';
import type { ResultRecord, RunRecord } from './workTypes.ts';

/** Key of a result in its store (src/delivery). `version`: 1, and more for other bytes under the same identity. */
export type ResultKey = (record: RunRecord, result: ResultRecord, version: number) => string;

/** More than that are a key that does not tell versions apart. */
const maxVersions = 100_000;

export type RunHeader = Omit<RunRecord, 'results' | 'inputs'>;

/** What the delivery of a result is about. */
export type ResultDetail = {
  result: ResultRecord;
  run: RunHeader;
  /** Instances as they were received that it was made from. */
  inputs: Array<{ sha256: string; size: number; receivedAt: number; peer: string }>;
  version: number;
};

/** A result that its store has confirmed. */
export type DeliveredResult = {
  delivery: number;
  key: string;
  receipt: number;
  version: number;
  result: ResultRecord;
  /** Undefined when only its receipt is left. */
  run: RunHeader | undefined;
};

/** A result of which only the receipt is left. */
export type KnownResult = {
  store: string;
  key: string;
  version: number;
  receipt: number;
  /** As in the receipt: of the result, not of what was received. */
  studyInstanceUid: string | undefined;
  result: Omit<ResultRecord, 'pieces' | 'from'>;
};

export class ResultQueue {
  readonly #keyOf: ResultKey;
  readonly #statements;
  /** Digests by store and key, of runs that are durable or about to be, and not in the index yet. */
  readonly #reserved = new Map<string, string>();

  constructor(db: Database.Database, keyOf: ResultKey) {
    this.#keyOf = keyOf;
    this.#statements = {
      byKey: db.prepare("SELECT id, state, sha256 FROM delivery WHERE store = ? AND key = ? AND kind = 'result'"),
      addDelivery: db.prepare(`INSERT INTO delivery (kind, store, study, state, priority, key, sha256)
        VALUES ('result', ?, ?, 'ready', ?, ?, ?)`),
      addDelivered: db.prepare(`INSERT INTO delivery (kind, store, study, state, key, sha256, receipt)
        VALUES ('result', ?, ?, 'delivered', ?, ?, ?)`),
      addResult: db.prepare('INSERT INTO result (task, position, delivery, version, record) VALUES (?, ?, ?, ?, ?)'),
      setSource: db.prepare('UPDATE delivery SET result = ? WHERE id = ?'),
      release: db.prepare(`UPDATE delivery SET state = 'ready', attempts = 0, next_attempt_at = 0
        WHERE id = ? AND state = 'quarantined'`),
      detail: db.prepare(`SELECT r.record, r.version, t.header FROM delivery d JOIN result r ON r.id = d.result
        LEFT JOIN task t ON t.id = r.task WHERE d.id = ?`),
      place: db.prepare(`SELECT r.record, t.run FROM delivery d JOIN result r ON r.id = d.result
        LEFT JOIN task t ON t.id = r.task WHERE d.id = ?`),
      input: db.prepare(
        'SELECT hex(sha256) AS sha256, size, received_at AS receivedAt, peer FROM instance WHERE seq = ?',
      ),
      ofStudy: db.prepare(`SELECT d.id AS delivery, d.key, d.receipt, r.version, r.record, t.header FROM delivery d
        JOIN result r ON r.id = d.result LEFT JOIN task t ON t.id = r.task
        WHERE d.study = ? AND d.store = ? AND d.kind = 'result' AND d.state = 'delivered' AND d.receipt IS NOT NULL
        ORDER BY d.id`),
      touchStudy: db.prepare(`INSERT INTO study (uid, last_received_at, instances, bytes, derived_from)
        VALUES (?, ?, ?, ?, ?) ON CONFLICT (uid) DO UPDATE SET instances = instances + excluded.instances,
        bytes = bytes + excluded.bytes, last_received_at = max(last_received_at, excluded.last_received_at)`),
      dirtyStudyStore: db.prepare(`INSERT INTO study_store (study, store, dirty) VALUES (?, ?, 1)
        ON CONFLICT (study, store) DO UPDATE SET dirty = 1`),
      cleanStudyStore: db.prepare('INSERT OR IGNORE INTO study_store (study, store, dirty) VALUES (?, ?, 0)'),
      lastReceived: db
        .prepare('SELECT max(received_at) FROM instance WHERE seq IN (SELECT value FROM json_each(?))')
        .pluck(),
    };
  }

  /** Chooses the version of each result's key, and keeps them for `enter`. */
  reserve(record: RunRecord): number[] {
    return record.results.map((result) => {
      for (let version = 1; version <= maxVersions; version++) {
        const key = this.#keyOf(record, result, version);
        const taken = this.find(record.store, key)?.sha256 ?? this.#reserved.get(`${record.store} ${key}`);
        if (taken !== undefined && taken !== result.sha256) continue;
        this.#reserved.set(`${record.store} ${key}`, result.sha256);
        return version;
      }
      throw runError(`result ${result.name} has more than ${maxVersions} versions under one key`, record.study);
    });
  }

  /** Gives up what `reserve` kept. */
  forget(record: RunRecord, versions: readonly number[]): void {
    record.results.forEach((result, i) => {
      this.#reserved.delete(`${record.store} ${this.#keyOf(record, result, versions[i] ?? 1)}`);
    });
  }

  /** The delivery of a result by where it goes. */
  find(store: string, key: string): { id: number; state: DeliveryState; sha256: string } | undefined {
    return this.#statements.byKey.get(store, key) as { id: number; state: DeliveryState; sha256: string } | undefined;
  }

  /** Queues the results of a finished task. Belongs into the transaction that finishes it. */
  enter(task: number, record: RunRecord, versions: readonly number[]): void {
    const added = { instances: 0, bytes: 0, changed: 0 };
    record.results.forEach((result, position) => {
      const { version, known } = this.#place(record, result, versions[position] ?? 1);
      const study = record.outputStudy;
      const key = this.#keyOf(record, result, version);
      const { addDelivery, addResult, setSource, release } = this.#statements;
      const delivery =
        known?.id ?? Number(addDelivery.run(record.store, study, record.priority, key, result.sha256).lastInsertRowid);
      const values = [task, position, delivery, version, JSON.stringify(result)];
      const id = Number(addResult.run(...values).lastInsertRowid);
      // The same bytes, made anew, take the place of those that could not be delivered.
      if (known === undefined || known.state === 'quarantined') setSource.run(id, delivery);
      if (known?.state === 'quarantined') added.changed += release.run(delivery).changes;
      if (known !== undefined) return;
      added.changed++;
      added.instances++;
      added.bytes += result.size;
    });
    this.#touchStudy(record, added);
    this.forget(record, versions);
  }

  /** The version that was chosen, or the next one that is free: another run may have come before it. */
  #place(record: RunRecord, result: ResultRecord, chosen: number) {
    for (let version = chosen; version <= maxVersions; version++) {
      const known = this.find(record.store, this.#keyOf(record, result, version));
      if (known === undefined || known.sha256 === result.sha256) return { version, known };
    }
    throw runError(`result ${result.name} has more than ${maxVersions} versions under one key`, record.study);
  }

  /** A study that was received counts what was received; one that is only results counts those. */
  #touchStudy(record: RunRecord, added: { instances: number; bytes: number; changed: number }): void {
    const { store, study, outputStudy, inputs, finishedAt } = record;
    if (added.changed === 0) return;
    const isDerived = outputStudy !== study;
    const seqs = JSON.stringify(inputs.map(({ instance }) => instance));
    const lastReceived = (this.#statements.lastReceived.get(seqs) as number | null) ?? finishedAt;
    const counts = isDerived ? [added.instances, added.bytes, study] : [0, 0, null];
    this.#statements.touchStudy.run(outputStudy, lastReceived, ...counts);
    this.#statements.dirtyStudyStore.run(outputStudy, store);
  }

  /** Enters a result that only its receipt still knows of, as delivered, so that its key is not given to other bytes. */
  restore(known: KnownResult, study: string, at: number): void {
    if (this.find(known.store, known.key) !== undefined) return;
    const { store, key, version, receipt, result } = known;
    const { addDelivered, addResult, setSource, touchStudy, cleanStudyStore } = this.#statements;
    const delivery = Number(addDelivered.run(store, study, key, result.sha256, receipt).lastInsertRowid);
    const record: ResultRecord = { ...result, pieces: [], from: [] };
    const id = Number(addResult.run(null, 0, delivery, version, JSON.stringify(record)).lastInsertRowid);
    setSource.run(id, delivery);
    touchStudy.run(study, at, 1, result.size, null);
    cleanStudyStore.run(study, store);
  }

  /** What a delivery of kind `result` is about; undefined when there is none, or when only its receipt is left. */
  detail(delivery: number): ResultDetail | undefined {
    const row = this.#statements.detail.get(delivery) as
      | { record: string; version: number; header: string | null }
      | undefined;
    if (row === undefined || row.header === null) return undefined;
    const result = JSON.parse(row.record) as ResultRecord;
    const inputs = result.from
      .map((seq) => this.#statements.input.get(seq) as ResultDetail['inputs'][number] | undefined)
      .filter((input) => input !== undefined)
      .map((input) => ({ ...input, sha256: input.sha256.toLowerCase() }));
    return { result, run: JSON.parse(row.header) as RunHeader, inputs, version: row.version };
  }

  /** A result and its run without the inputs, for a look at the queue; `run` is undefined when only its receipt is left. */
  about(delivery: number): { result: ResultRecord; run: RunHeader | undefined } | undefined {
    const row = this.#statements.detail.get(delivery) as { record: string; header: string | null } | undefined;
    if (row === undefined) return undefined;
    const run = row.header === null ? undefined : (JSON.parse(row.header) as RunHeader);
    return { result: JSON.parse(row.record) as ResultRecord, run };
  }

  /** Where the bytes of a delivery's result are; `run` names the directory, null when that is removed. */
  place(delivery: number): { run: string | null; result: ResultRecord } | undefined {
    const row = this.#statements.place.get(delivery) as { record: string; run: string | null } | undefined;
    return row && { run: row.run, result: JSON.parse(row.record) as ResultRecord };
  }

  /** The results of a study (its UID as it is in the store) that are there, with their receipts: for its manifest. */
  deliveredOf(study: string, store: string): DeliveredResult[] {
    type Row = Omit<DeliveredResult, 'result' | 'run'> & { record: string; header: string | null };
    return (this.#statements.ofStudy.all(study, store) as Row[]).map(({ record, header, ...row }) => ({
      ...row,
      result: JSON.parse(record) as ResultRecord,
      run: header === null ? undefined : (JSON.parse(header) as RunHeader),
    }));
  }
}
