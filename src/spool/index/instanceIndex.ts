/** Instances, segments and studies in the index. Every method that changes something is one transaction. */
import type Database from 'better-sqlite3';
import type { Extent, InstanceMeta } from '../segmentFormat.ts';
import type { InstanceState } from '../states.ts';

export type InstanceRecord = Omit<InstanceMeta, 'parts'> & { state: InstanceState; extents: Extent[] };

/** Which stores an instance goes to, and how urgently; empty when no route claims it. */
export type RouteInstance = (instance: InstanceMeta) => Array<{ store: string; priority: number }>;

export type SegmentRow = {
  id: number;
  generation: number;
  state: 'free' | 'active' | 'sealed';
  indexedTo: number;
  live: number;
};

export type StudyRow = {
  uid: string;
  lastReceivedAt: number;
  instances: number;
  bytes: number;
  open: 0 | 1;
  delivered: number;
};

type InstanceRow = {
  seq: number;
  sop_instance: string;
  version: number;
  sop_class: string;
  transfer_syntax: string;
  study: string | null;
  series: string | null;
  modality: string | null;
  patient_id: string | null;
  peer: string;
  received_at: number;
  size: number;
  sha256: Buffer;
  flags: string;
  state: InstanceState;
  extents: string | null;
};

/** Instances without a usable Study Instance UID are gathered under this name. */
export const unidentifiedStudy = 'unidentified';
export const studyOf = (meta: { studyInstanceUid?: string | undefined }) => meta.studyInstanceUid ?? unidentifiedStudy;

function fromRow(row: InstanceRow): InstanceRecord {
  return {
    seq: row.seq,
    sopInstanceUid: row.sop_instance,
    version: row.version,
    sopClassUid: row.sop_class,
    transferSyntaxUid: row.transfer_syntax,
    ...(row.study === null ? {} : { studyInstanceUid: row.study }),
    ...(row.series === null ? {} : { seriesInstanceUid: row.series }),
    ...(row.modality === null ? {} : { modality: row.modality }),
    ...(row.patient_id === null ? {} : { patientId: row.patient_id }),
    peer: row.peer,
    receivedAt: row.received_at,
    size: row.size,
    sha256: row.sha256.toString('hex'),
    flags: row.flags === '' ? [] : row.flags.split(','),
    state: row.state,
    extents: decodeExtents(row.extents),
  };
}

const encodeExtents = (extents: readonly Extent[]) =>
  extents.map((e) => `${e.segment}.${e.generation}.${e.offset}.${e.length}`).join(' ');

function decodeExtents(text: string | null): Extent[] {
  if (text === null || text === '') return [];
  return text.split(' ').map((part) => {
    const [segment = 0, generation = 0, offset = 0, length = 0] = part.split('.').map(Number);
    return { segment, generation, offset, length };
  });
}

export class InstanceIndex {
  readonly #db: Database.Database;
  readonly #statements;

  constructor(db: Database.Database) {
    this.#db = db;
    this.#statements = {
      insert:
        db.prepare(`INSERT OR IGNORE INTO instance (seq, sop_instance, version, sop_class, transfer_syntax, study, series,
        modality, patient_id, peer, received_at, size, sha256, flags, state, extents)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`),
      addLive: db.prepare('UPDATE segment SET live = live + ?, live_bytes = live_bytes + ? WHERE id = ?'),
      indexedTo: db.prepare('UPDATE segment SET indexed_to = max(indexed_to, ?) WHERE id = ? AND generation = ?'),
      putSegment: db.prepare(`INSERT INTO segment (id, generation, state, indexed_to) VALUES (?, ?, ?, ?)
        ON CONFLICT (id) DO UPDATE SET generation = excluded.generation, state = excluded.state,
        indexed_to = excluded.indexed_to`),
      seal: db.prepare("UPDATE segment SET state = 'sealed', indexed_to = max(indexed_to, ?) WHERE id = ?"),
      segments: db.prepare('SELECT id, generation, state, indexed_to AS indexedTo, live FROM segment ORDER BY id'),
      reclaimable: db.prepare("SELECT id FROM segment WHERE state = 'sealed' AND live = 0"),
      sparsest: db.prepare(
        "SELECT id, live FROM segment WHERE state = 'sealed' AND live > 0 AND live_bytes <= ? ORDER BY live_bytes LIMIT 1",
      ),
      setExtents: db.prepare('UPDATE instance SET extents = ? WHERE seq = ?'),
      versions: db.prepare('SELECT * FROM instance WHERE sop_instance = ? ORDER BY version'),
      sopInstanceUids: db.prepare('SELECT sop_instance FROM instance').pluck(),
      bySeq: db.prepare('SELECT * FROM instance WHERE seq = ?'),
      byStudy: db.prepare('SELECT * FROM instance WHERE study IS ? ORDER BY seq'),
      maxSeq: db.prepare('SELECT max(seq) FROM instance').pluck(),
      all: db.prepare('SELECT * FROM instance WHERE seq > ? ORDER BY seq LIMIT ?'),
      states: db.prepare('SELECT state, instances, bytes FROM instance_count'),
      addDelivery: db.prepare(`INSERT OR IGNORE INTO delivery (kind, store, instance, study, state, priority)
        VALUES ('instance', ?, ?, ?, 'ready', ?)`),
      insertPruned:
        db.prepare(`INSERT INTO instance (seq, sop_instance, version, sop_class, transfer_syntax, study, series,
        peer, received_at, size, sha256, flags, state)
        VALUES ((SELECT min(coalesce(min(seq), 0), 0) - 1 FROM instance), ?, ?, '', '', ?, ?, ?, ?, ?, ?, '', 'pruned')`),
      addDelivered: db.prepare(`INSERT OR IGNORE INTO delivery (kind, store, instance, study, state, receipt)
        VALUES ('instance', ?, ?, ?, 'delivered', ?)`),
      cleanStudyStore: db.prepare('INSERT OR IGNORE INTO study_store (study, store, dirty) VALUES (?, ?, 0)'),
      countVersions: db.prepare('SELECT count(*) FROM instance WHERE version > 1').pluck(),
      touchStudy: db.prepare(`INSERT INTO study (uid, last_received_at, instances, bytes) VALUES (?, ?, 1, ?)
        ON CONFLICT (uid) DO UPDATE SET last_received_at = max(last_received_at, excluded.last_received_at),
        instances = instances + 1, bytes = bytes + excluded.bytes`),
      touchStudyStore: db.prepare(`INSERT INTO study_store (study, store, dirty) VALUES (?, ?, 1)
        ON CONFLICT (study, store) DO UPDATE SET dirty = 1`),
      prunable: db.prepare(
        "SELECT * FROM instance WHERE state = 'delivered' AND delivered_at <= ? ORDER BY delivered_at LIMIT ?",
      ),
      prune: db.prepare("UPDATE instance SET state = 'pruned', extents = NULL WHERE seq = ?"),
      unrouted: db.prepare("SELECT * FROM instance WHERE state = 'received' ORDER BY seq LIMIT ?"),
      setState: db.prepare('UPDATE instance SET state = ? WHERE seq = ?'),
      getMeta: db.prepare('SELECT value FROM meta WHERE name = ?').pluck(),
      setMeta: db.prepare('INSERT INTO meta VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value'),
      studies: db.prepare(`SELECT uid, last_received_at AS lastReceivedAt, instances, bytes,
        EXISTS (SELECT 1 FROM study_store s WHERE s.study = uid AND s.dirty = 1) AS open,
        (SELECT count(*) FROM instance i WHERE i.study IS nullif(uid, '${unidentifiedStudy}')
          AND i.state IN ('delivered', 'pruned')) AS delivered
        FROM study WHERE uid > ? ORDER BY uid LIMIT ?`),
      studyCounts: db.prepare(`SELECT (SELECT count(*) FROM study) AS total,
        (SELECT count(DISTINCT study) FROM study_store WHERE dirty = 1) AS open`),
    };
  }

  transaction<T>(work: () => T): T {
    return this.#db.transaction(work)();
  }

  /** Records instances that are durable in the segments, with the deliveries that their routes ask for. */
  add(entries: ReadonlyArray<{ meta: InstanceMeta; extents: readonly Extent[] }>, route: RouteInstance): void {
    this.transaction(() => {
      for (const { meta, extents } of entries) this.#addOne(meta, extents, route);
    });
  }

  #addOne(meta: InstanceMeta, extents: readonly Extent[], route: RouteInstance): void {
    const targets = route(meta);
    const result = this.#statements.insert.run(
      meta.seq,
      meta.sopInstanceUid,
      meta.version,
      meta.sopClassUid,
      meta.transferSyntaxUid,
      meta.studyInstanceUid ?? null,
      meta.seriesInstanceUid ?? null,
      meta.modality ?? null,
      meta.patientId ?? null,
      meta.peer,
      meta.receivedAt,
      meta.size,
      Buffer.from(meta.sha256, 'hex'),
      meta.flags.join(','),
      targets.length > 0 ? 'ready' : 'received',
      encodeExtents(extents),
    );
    if (result.changes === 0) return this.#assertKnown(meta); // recovery reads over what was indexed
    const study = studyOf(meta);
    this.#countLive(extents, 1);
    for (const { store, priority } of targets) {
      this.#statements.addDelivery.run(store, meta.seq, study, priority);
      this.#statements.touchStudyStore.run(study, store);
    }
    this.#statements.touchStudy.run(study, meta.receivedAt, meta.size);
  }

  /** Enters (1) or takes away (-1) an instance's bytes in the segments that hold them. */
  #countLive(extents: readonly Extent[], sign: 1 | -1): void {
    const bytes = new Map<number, number>();
    for (const { segment, length } of extents) bytes.set(segment, (bytes.get(segment) ?? 0) + length);
    for (const [segment, length] of bytes) this.#statements.addLive.run(sign, sign * length, segment);
  }

  #assertKnown(meta: InstanceMeta): void {
    const known = this.get(meta.seq);
    if (known?.sopInstanceUid === meta.sopInstanceUid && known.sha256 === meta.sha256) return;
    throw new Error(
      `the index holds another instance as number ${meta.seq} or as version ${meta.version} of the same UID`,
    );
  }

  /** Gives instances that no route claimed another chance: after a change of routes. Returns how many found one. */
  routeUnclaimed(route: RouteInstance): number {
    return this.transaction(() => {
      let claimed = 0;
      for (const row of this.#statements.unrouted.all(100_000) as InstanceRow[]) {
        const record = fromRow(row);
        const targets = route({ ...record, parts: [] });
        if (targets.length === 0) continue;
        claimed++;
        const study = studyOf(record);
        for (const { store, priority } of targets) {
          this.#statements.addDelivery.run(store, record.seq, study, priority);
          this.#statements.touchStudyStore.run(study, store);
        }
        this.#statements.setState.run('ready', record.seq);
      }
      return claimed;
    });
  }

  /**
   * Enters an instance that only its receipt still knows of, as delivered and pruned. Without it a rebuilt index would take
   * the same instance for a new one when it is sent again.
   */
  restorePruned(known: {
    sopInstanceUid: string;
    version: number;
    studyInstanceUid: string | undefined;
    seriesInstanceUid: string | undefined;
    peer: string;
    at: number;
    size: number;
    sha256: string;
    store: string;
    receipt: number;
  }): void {
    this.transaction(() => {
      const existing = this.versionsOf(known.sopInstanceUid).find((record) => record.version === known.version);
      const seq = existing?.seq ?? this.#insertPruned(known);
      const study = studyOf(known);
      this.#statements.addDelivered.run(known.store, seq, study, known.receipt);
      this.#statements.cleanStudyStore.run(study, known.store);
    });
  }

  /** Its number is negative: the positive ones are the segments'. */
  #insertPruned(known: Parameters<InstanceIndex['restorePruned']>[0]): number {
    const { sopInstanceUid, version, studyInstanceUid, seriesInstanceUid, peer, at, size, sha256 } = known;
    const digest = Buffer.from(sha256, 'hex');
    const seq = this.#statements.insertPruned.run(
      sopInstanceUid,
      version,
      studyInstanceUid ?? null,
      seriesInstanceUid ?? null,
      peer,
      at,
      size,
      digest,
    ).lastInsertRowid;
    this.#statements.touchStudy.run(studyOf(known), at, size);
    return Number(seq);
  }

  versionsOf(sopInstanceUid: string): InstanceRecord[] {
    return (this.#statements.versions.all(sopInstanceUid) as InstanceRow[]).map(fromRow);
  }

  /** Every SOP Instance UID that is known, pruned ones included. */
  *sopInstanceUids(): Generator<string> {
    for (const uid of this.#statements.sopInstanceUids.iterate() as IterableIterator<string>) yield uid;
  }

  get(seq: number): InstanceRecord | undefined {
    const row = this.#statements.bySeq.get(seq) as InstanceRow | undefined;
    return row && fromRow(row);
  }

  ofStudy(study: string): InstanceRecord[] {
    const key = study === unidentifiedStudy ? null : study;
    return (this.#statements.byStudy.all(key) as InstanceRow[]).map(fromRow);
  }

  *all(): Generator<InstanceRecord> {
    let after = 0;
    for (;;) {
      const rows = this.#statements.all.all(after, 1_000) as InstanceRow[];
      for (const row of rows) yield fromRow(row);
      const last = rows.at(-1);
      if (last === undefined) return;
      after = last.seq;
    }
  }

  /** Studies after `after`, by UID; `open` while a manifest is still due somewhere. */
  studies(after: string, limit: number): StudyRow[] {
    return this.#statements.studies.all(after, limit) as StudyRow[];
  }

  studyCounts(): { open: number; complete: number } {
    const { total, open } = this.#statements.studyCounts.get() as { total: number; open: number };
    return { open, complete: total - open };
  }

  get maxSeq(): number {
    return (this.#statements.maxSeq.get() as number | null) ?? 0;
  }

  /** Instances that came again with other bytes than before. */
  countVersions(): number {
    return this.#statements.countVersions.get() as number;
  }

  countsByState(): Array<{ state: InstanceState; instances: number; bytes: number }> {
    return this.#statements.states.all() as Array<{ state: InstanceState; instances: number; bytes: number }>;
  }

  segments(): SegmentRow[] {
    return this.#statements.segments.all() as SegmentRow[];
  }

  putSegment(id: number, generation: number, state: SegmentRow['state'], indexedTo: number): void {
    this.#statements.putSegment.run(id, generation, state, indexedTo);
  }

  markIndexed(id: number, generation: number, end: number): void {
    this.#statements.indexedTo.run(end, id, generation);
  }

  sealSegment(id: number, end: number): void {
    this.#statements.seal.run(end, id);
  }

  /** Sealed segments in which nothing lives any more. */
  reclaimableSegments(): number[] {
    return (this.#statements.reclaimable.all() as Array<{ id: number }>).map((row) => row.id);
  }

  /** The sealed segment that little is left in, at most `maxLiveBytes`; undefined when there is none. */
  sparsestSegment(maxLiveBytes: number): { id: number; live: number } | undefined {
    return this.#statements.sparsest.get(maxLiveBytes) as { id: number; live: number } | undefined;
  }

  /** The instance's bytes lie in `extents` from now on. */
  relocate(seq: number, extents: readonly Extent[]): void {
    this.transaction(() => {
      const record = this.get(seq);
      if (record === undefined || record.extents.length === 0) return; // pruned meanwhile: the copy is waste
      this.#countLive(record.extents, -1);
      this.#statements.setExtents.run(encodeExtents(extents), seq);
      this.#countLive(extents, 1);
    });
  }

  /** Gives up the bytes of instances that were delivered before `deliveredBefore`, oldest first. Returns how many. */
  prune(deliveredBefore: number, limit: number): number {
    return this.transaction(() => {
      const rows = this.#statements.prunable.all(deliveredBefore, limit) as InstanceRow[];
      for (const row of rows) {
        this.#countLive(decodeExtents(row.extents), -1);
        this.#statements.prune.run(row.seq);
      }
      return rows.length;
    });
  }

  getMeta(name: string): number | undefined {
    return this.#statements.getMeta.get(name) as number | undefined;
  }

  setMeta(name: string, value: number): void {
    this.#statements.setMeta.run(name, value);
  }
}
