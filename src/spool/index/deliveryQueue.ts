/**
 * What is to be delivered where. Invariants: a delivery leaves `ready` only by a confirmation or by quarantine; a restart
 * finds everything that was claimed ready again; one store's troubles never hide another's work (claims are per store).
 */
import type Database from 'better-sqlite3';
import type { DeliveryState } from '../states.ts';
import { Settling } from '../work/settling.ts';

/** Higher goes first. Proof overtakes the ordinary so that a study's end is not hidden behind the next one. */
export const priorities = { normal: 0, proof: 1, urgent: 2 } as const;

/** result: of a split application (`ResultQueue` says what it is about). */
export type DeliveryKind = 'instance' | 'result' | 'manifest' | 'receipts';

export type Delivery = {
  id: number;
  kind: DeliveryKind;
  store: string;
  /** Sequence number of the instance, for kind `instance`. */
  instance: number | null;
  study: string | null;
  state: DeliveryState;
  priority: number;
  attempts: number;
  nextAttemptAt: number;
  errorCode: string | null;
  errorMessage: string | null;
  failedAt: number | null;
  /** For what is not an instance. */
  key: string | null;
  /** Of the content of manifests and receipts. */
  bodyBytes: number | null;
  /** Of a result: its digest. */
  sha256: string | null;
};

/** Without the body: receipts and manifests may be large, and most readers only want to know that they wait. */
const columns = `id, kind, store, instance, study, state, priority, attempts, next_attempt_at AS nextAttemptAt,
  error_code AS errorCode, error_message AS errorMessage, failed_at AS failedAt, key, length(body) AS bodyBytes, sha256`;

/** A delivery that is confirmed, with the receipt that proves it; none for manifests and receipts themselves. */
export type Settled = { id: number; receipt: number | undefined };

export class DeliveryQueue {
  readonly #db: Database.Database;
  readonly #statements;
  readonly #settling: Settling;
  /** Deliveries in the courier's hands; only in memory, for a restart must find them again. */
  readonly #claimed = new Set<number>();

  constructor(db: Database.Database) {
    this.#db = db;
    this.#settling = new Settling(db);
    this.#statements = {
      ready: db.prepare(`SELECT ${columns} FROM delivery INDEXED BY delivery_ready WHERE state = 'ready' AND store = ?
        AND next_attempt_at <= ? ORDER BY priority DESC, id LIMIT ?`),
      body: db.prepare('SELECT body FROM delivery WHERE id = ?').pluck(),
      byId: db.prepare(`SELECT ${columns} FROM delivery WHERE id = ?`),
      delivered: db.prepare(
        "UPDATE delivery SET state = 'delivered', receipt = ?, error_code = NULL, error_message = NULL WHERE id = ?",
      ),
      remove: db.prepare('DELETE FROM delivery WHERE id = ?'),
      instanceDelivered: db.prepare(`UPDATE instance SET state = 'delivered', delivered_at = ? WHERE seq = ?
        AND NOT EXISTS (SELECT 1 FROM delivery WHERE instance = seq AND delivery.state <> 'delivered')
        AND NOT EXISTS (SELECT 1 FROM task_input t WHERE t.instance = seq AND t.hold <> 'none')`),
      retry:
        db.prepare(`UPDATE delivery SET attempts = attempts + ?, next_attempt_at = ?, error_code = ?, error_message = ?,
        failed_at = ? WHERE id = ?`),
      quarantine:
        db.prepare(`UPDATE delivery SET state = 'quarantined', attempts = attempts + 1, error_code = ?, error_message = ?,
        failed_at = ? WHERE id = ?`),
      release: db.prepare(
        "UPDATE delivery SET state = 'ready', attempts = 0, next_attempt_at = 0 WHERE id = ? AND state = 'quarantined'",
      ),
      hasten: db.prepare(
        "UPDATE delivery SET next_attempt_at = 0 WHERE store = ? AND state = 'ready' AND next_attempt_at > 0",
      ),
      page: db.prepare(`SELECT ${columns} FROM delivery WHERE id > ? AND state IN (SELECT value FROM json_each(?))
        AND (? IS NULL OR store = ?) ORDER BY id LIMIT ?`),
      quarantinedIds: db.prepare("SELECT id FROM delivery WHERE state = 'quarantined' ORDER BY id").pluck(),
      redeliver: db.prepare(`UPDATE delivery SET state = 'ready', attempts = 0, next_attempt_at = 0 WHERE id = ?
        AND state = 'delivered' AND CASE kind
        WHEN 'instance' THEN EXISTS (SELECT 1 FROM instance WHERE seq = delivery.instance AND extents IS NOT NULL)
        WHEN 'result' THEN EXISTS (SELECT 1 FROM result r JOIN task t ON t.id = r.task WHERE r.id = delivery.result
          AND t.run_files = 1 AND NOT EXISTS (SELECT 1 FROM json_each(r.record, '$.from') f
          LEFT JOIN instance i ON i.seq = f.value WHERE i.extents IS NULL)) END`),
      hastenOne: db.prepare("UPDATE delivery SET next_attempt_at = 0 WHERE id = ? AND state = 'ready'"),
      counts: db.prepare('SELECT store, kind, state, n FROM delivery_count'),
      addObject: db.prepare(`INSERT INTO delivery (kind, store, study, state, priority, key, body)
        VALUES (?, ?, ?, 'ready', ?, ?, ?)`),
      dueManifests: db.prepare(`SELECT s.study, s.revision FROM study_store s JOIN study t ON t.uid = s.study
        WHERE s.dirty = 1 AND s.store = ? AND t.last_received_at <= ? AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.study = s.study
        AND d.store = s.store AND d.kind IN ('instance', 'result', 'manifest') AND d.state <> 'delivered')
        AND NOT EXISTS (SELECT 1 FROM task k WHERE k.study IN (s.study, t.derived_from) AND k.store = s.store
        AND k.state IN ('gathering', 'due')) LIMIT ?`),
      manifested: db.prepare('UPDATE study_store SET dirty = 0, revision = ? WHERE study = ? AND store = ?'),
      deliveryOf: db.prepare(`SELECT d.id, d.instance FROM delivery d JOIN instance i ON i.seq = d.instance
        WHERE i.sop_instance = ? AND i.version = ? AND d.store = ?`),
      ofStudy: db.prepare(`SELECT instance, receipt FROM delivery WHERE study = ? AND store = ? AND kind = 'instance'
        AND state = 'delivered' AND receipt IS NOT NULL`),
      instancesWait: db
        .prepare(
          "SELECT EXISTS (SELECT 1 FROM delivery WHERE state = 'ready' AND store = ? AND kind IN ('instance', 'result'))",
        )
        .pluck(),
      receiptsWait: db
        .prepare(
          "SELECT EXISTS (SELECT 1 FROM delivery WHERE kind <> 'instance' AND kind <> 'result' AND kind = 'receipts' AND store = ? AND state = 'ready')",
        )
        .pluck(),
      earliest: db.prepare("SELECT min(next_attempt_at) FROM delivery WHERE state = 'ready' AND store = ?").pluck(),
    };
  }

  /** Takes up to `limit` deliveries for `store` that are due; the same one is not given out again until it is settled. */
  claim(store: string, limit: number, now: number): Delivery[] {
    if (limit <= 0) return [];
    const candidates = this.#statements.ready.all(store, now, limit + this.#claimed.size) as Delivery[];
    const taken = candidates.filter((delivery) => !this.#claimed.has(delivery.id)).slice(0, limit);
    for (const delivery of taken) this.#claimed.add(delivery.id);
    return taken;
  }

  /** Gives claimed deliveries back untouched: the courier died with them. */
  unclaim(ids: Iterable<number>): void {
    for (const id of ids) this.#claimed.delete(id);
  }

  get claimedCount(): number {
    return this.#claimed.size;
  }

  get(id: number): Delivery | undefined {
    return this.#statements.byId.get(id) as Delivery | undefined;
  }

  /** The content of what is not an instance; undefined when it is gone. */
  body(id: number): Buffer | undefined {
    return (this.#statements.body.get(id) as Buffer | null | undefined) ?? undefined;
  }

  /** Marks deliveries as confirmed. Call only when their receipts are durable. */
  markDelivered(settled: readonly Settled[], now: number): void {
    this.#db.transaction(() => {
      for (const one of settled) this.#markOne(one, now);
      this.#settling.deliveries(
        settled.map(({ id }) => id),
        now,
      );
    })();
    this.unclaim(settled.map((one) => one.id));
  }

  #markOne({ id, receipt }: Settled, now: number): void {
    const delivery = this.get(id);
    if (delivery === undefined) return;
    if (delivery.kind === 'instance' || delivery.kind === 'result') {
      this.#statements.delivered.run(receipt ?? null, id);
      if (delivery.kind === 'instance') this.#statements.instanceDelivered.run(now, delivery.instance);
    } else {
      this.#statements.remove.run(id); // receipts and manifests leave no trace here: they are in the store
    }
  }

  /** The delivery that a receipt speaks of; undefined when the index does not know the instance. */
  findForReceipt(sopInstanceUid: string, version: number, store: string): { id: number } | undefined {
    return this.#statements.deliveryOf.get(sopInstanceUid, version, store) as { id: number } | undefined;
  }

  /** Tries again at `at`. `counts` is false when the whole store was unavailable: that is not the delivery's failure. */
  retryLater(id: number, retry: { at: number; now: number; counts: boolean; code: string; message: string }): void {
    this.#statements.retry.run(retry.counts ? 1 : 0, retry.at, retry.code, retry.message, retry.now, id);
    this.#claimed.delete(id);
  }

  quarantine(id: number, failure: { now: number; code: string; message: string }): void {
    this.#db.transaction(() => {
      this.#statements.quarantine.run(failure.code, failure.message, failure.now, id);
      this.#settle(id, failure.now);
    })();
    this.#claimed.delete(id);
  }

  /** An operator wants it tried again. False when there is no such delivery in quarantine. */
  release(id: number): boolean {
    return this.#db.transaction(() => {
      if (this.#statements.release.run(id).changes === 0) return false;
      this.#settle(id, Date.now());
      return true;
    })();
  }

  /** What the change of a delivery means for the instances behind it. */
  #settle(id: number, now: number): void {
    const instance = this.get(id)?.instance;
    if (instance !== null && instance !== undefined) this.#settling.instance(instance, now);
    else this.#settling.deliveries([id], now);
  }

  /** Makes everything that waits for `store` due now: it works again. */
  hasten(store: string): void {
    this.#statements.hasten.run(store);
  }

  addObject(
    kind: 'manifest' | 'receipts',
    store: string,
    study: string | null,
    key: string,
    body: Buffer,
    priority = 0,
  ): number {
    return Number(this.#statements.addObject.run(kind, store, study, priority, key, body).lastInsertRowid);
  }

  /** Studies whose instances are all in the store and that have been quiet since `quietSince`, but have no manifest of it. */
  dueManifests(store: string, quietSince: number, limit: number): Array<{ study: string; revision: number }> {
    return this.#statements.dueManifests.all(store, quietSince, limit) as Array<{ study: string; revision: number }>;
  }

  /** Queues a manifest and remembers its revision, together. */
  addManifest(study: string, store: string, revision: number, key: string, body: Buffer): void {
    this.#db.transaction(() => {
      this.addObject('manifest', store, study, key, body, priorities.proof);
      this.#statements.manifested.run(revision, study, store);
    })();
  }

  /** Receipts of a study's instances in a store, by the instance's sequence number. */
  receiptsOfStudy(study: string, store: string): Map<number, number> {
    const rows = this.#statements.ofStudy.all(study, store) as Array<{ instance: number; receipt: number }>;
    return new Map(rows.map((row) => [row.instance, row.receipt]));
  }

  /** Whether instances or results are still to go to the store, quarantined ones aside. */
  instancesWait(store: string): boolean {
    return this.#statements.instancesWait.get(store) === 1;
  }

  /** Whether receipts are still to go to the store; delivered ones leave the queue. */
  receiptsWait(store: string): boolean {
    return this.#statements.receiptsWait.get(store) === 1;
  }

  /** Deliveries in the order of their numbers, after `after`. */
  page(query: {
    states: readonly DeliveryState[];
    after: number;
    limit: number;
    store: string | undefined;
  }): Delivery[] {
    const states = JSON.stringify(query.states);
    return this.#statements.page.all(
      query.after,
      states,
      query.store ?? null,
      query.store ?? null,
      query.limit,
    ) as Delivery[];
  }

  /** Takes everything out of quarantine; returns how many. */
  releaseAll(): number {
    const ids = this.#statements.quarantinedIds.all() as number[];
    return this.#db.transaction(() => ids.filter((id) => this.release(id)).length)();
  }

  /**
   * Sends a delivered instance or result once more, as long as its bytes are here: for a store that has lost it. An object that is
   * there after all is left as it is. 1 if it can be done.
   */
  redeliver(id: number): number {
    return this.#db.transaction(() => {
      if (this.#statements.redeliver.run(id).changes === 0) return 0;
      this.#settle(id, Date.now());
      return 1;
    })();
  }

  /** Makes one waiting delivery due now; 1 if there was one. */
  hastenOne(id: number): number {
    return this.#statements.hastenOne.run(id).changes;
  }

  counts(): Array<{ store: string; kind: DeliveryKind; state: DeliveryState; n: number }> {
    return this.#statements.counts.all() as Array<{
      store: string;
      kind: DeliveryKind;
      state: DeliveryState;
      n: number;
    }>;
  }

  /** When the next delivery to `store` is due; undefined when none waits. */
  nextDue(store: string): number | undefined {
    return (this.#statements.earliest.get(store) as number | null) ?? undefined;
  }
}
