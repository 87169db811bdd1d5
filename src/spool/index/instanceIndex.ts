/** Instances, segments and studies in the index. Every method that changes something is one transaction. */
import type Database from 'better-sqlite3';
import type { Extent, InstanceMeta } from '../segmentFormat.ts';
import type { InstanceState } from '../states.ts';
import { Settling } from '../work/settling.ts';
import { type HasRoute, TaskJoiner } from '../work/taskJoiner.ts';
import type { RouteTarget } from '../work/workTypes.ts';
import {
  decodeExtents,
  encodeExtents,
  fromRow,
  type InstanceRecord,
  type InstanceRow,
  studyOf,
  unidentifiedStudy,
} from './instanceRow.ts';
import { prepareInstanceStatements } from './instanceStatements.ts';

export { type InstanceRecord, studyOf, unidentifiedStudy } from './instanceRow.ts';

/** Where an instance goes, and how urgently: to stores as it is, or through applications; empty when no route claims it. */
export type RouteInstance = (instance: InstanceMeta) => RouteTarget[];

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
  /** The study as it was received, when these are its results under another UID. */
  derivedFrom: string | null;
};

/** How a delivery fails when the bytes here are bad (src/delivery/jobSource.ts). */
const sourceCorrupt = 'delivery.source-corrupt';
/** Code of an input of a task whose bytes here are bad: a resend mends it, as it does for a delivery. */
export const damagedInput = 'spool.instance-damaged';
/** The flag of an instance whose bytes did not have their digest when the index was rebuilt. */
const damaged = 'damaged';

export class InstanceIndex {
  readonly #db: Database.Database;
  readonly #statements;
  readonly #joiner: TaskJoiner;
  readonly #settling: Settling;
  /** Called within the transaction when sound bytes have come for an input of these tasks. */
  onHealed: (tasks: readonly number[]) => void = () => {};

  /** `claimed`: tasks that an engine works on, kept by TaskQueue. */
  constructor(db: Database.Database, claimed: ReadonlySet<number> = new Set(), hasRoute?: HasRoute) {
    this.#db = db;
    this.#statements = prepareInstanceStatements(db);
    this.#joiner = new TaskJoiner(db, claimed, hasRoute);
    this.#settling = new Settling(db);
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

  /**
   * Enters what recovery found. It may be known already; its bytes may have moved meanwhile; and a number or a version may
   * be taken by another instance (a first try that was refused and yet is whole): then it gets the next one. Never throws
   * for what it finds.
   */
  addRecovered(
    found: { meta: InstanceMeta; extents: readonly Extent[] },
    route: RouteInstance,
    highestSeq: number,
  ): void {
    const { meta, extents } = found;
    const versions = this.versionsOf(meta.sopInstanceUid);
    const same = versions.find((record) => record.sha256 === meta.sha256);
    if (same !== undefined) {
      if (this.isDamaged(same) || this.isForgotten(same))
        this.heal(same.seq, extents, route, meta.receivedAt); // sent again, and acknowledged
      else if (same.state !== 'pruned' && !this.#areThere(same.extents)) this.relocate(same.seq, extents);
      return;
    }
    const taken = versions.some((record) => record.version === meta.version);
    const highest = versions.reduce((most, record) => Math.max(most, record.version), 0);
    const version = taken ? highest + 1 : meta.version;
    const seq = this.get(meta.seq) === undefined ? meta.seq : Math.max(this.maxSeq, highestSeq) + 1;
    const flags = version > 1 && !meta.flags.includes('newVersion') ? [...meta.flags, 'newVersion'] : meta.flags;
    this.#addOne({ ...meta, seq, version, flags }, extents, route);
  }

  /** The same for one whose bytes are not what they were: in quarantine, where an operator, or a resend, finds it. */
  addDamaged(
    found: { meta: InstanceMeta; extents: readonly Extent[] },
    route: RouteInstance,
    highestSeq: number,
  ): void {
    const meta = { ...found.meta, flags: [...found.meta.flags, damaged] };
    if (this.versionsOf(meta.sopInstanceUid).some((record) => record.sha256 === meta.sha256)) return;
    this.addRecovered({ ...found, meta }, route, highestSeq);
    const entered = this.versionsOf(meta.sopInstanceUid).find((record) => record.sha256 === meta.sha256);
    if (entered === undefined) return;
    const message = 'the bytes in the spool do not have the digest they had when received';
    this.#statements.quarantineDeliveries.run(sourceCorrupt, message, entered.seq);
    this.#statements.setState.run('quarantined', entered.seq);
  }

  /** Whether the segments still are in the generation that the extents speak of. */
  #areThere(extents: readonly Extent[]): boolean {
    const generations = new Map(this.segments().map((row) => [row.id, row.generation]));
    return extents.length > 0 && extents.every((extent) => generations.get(extent.segment) === extent.generation);
  }

  /** Its bytes here are known to be bad: recovery found them so, or a delivery of it. */
  isDamaged({ state, flags, seq }: InstanceRecord): boolean {
    if (state !== 'quarantined') return false;
    return (
      flags.includes(damaged) ||
      this.#statements.badSource.get({ seq, delivery: sourceCorrupt, input: damagedInput }) === 1
    );
  }

  /** A store has confirmed it, or all results of a run in which it was used. */
  isConfirmed(seq: number): boolean {
    return this.#statements.isConfirmed.get({ seq }) === 1;
  }

  /** Its bytes are gone, and no store has anything of it: no application wanted it. Sent again it counts as new. */
  isForgotten({ state, seq }: InstanceRecord): boolean {
    return state === 'pruned' && !this.isConfirmed(seq);
  }

  /**
   * Sound bytes have come for an instance whose own were bad or are gone: they take their place, and what failed is tried
   * again. One that was pruned joins the tasks of its unit anew, as received at `at`.
   */
  heal(seq: number, extents: readonly Extent[], route: RouteInstance, at: number): void {
    this.transaction(() => {
      const isRevived = this.#statements.revive.run(encodeExtents(extents), seq).changes > 0;
      if (isRevived) this.#countLive(extents, 1, seq);
      else this.relocate(seq, extents);
      this.#statements.releaseDeliveries.run(seq);
      const flags = this.get(seq)?.flags.filter((flag) => flag !== damaged) ?? [];
      this.#statements.setFlags.run(flags.join(','), seq);
      const record = this.get(seq);
      if (record !== undefined) {
        const receivedAt = isRevived ? at : record.receivedAt;
        this.#send({ ...record, receivedAt }, route({ ...record, parts: [] }), isRevived);
      }
      this.onHealed(this.#statements.failedTasks.all(seq) as number[]);
      this.#settling.instance(seq, Date.now());
    });
  }

  /** Times that lie in the future (the clock was wrong when they were written) become now. */
  clampTimes(now: number): void {
    this.transaction(() => {
      this.#statements.clampAttempts.run(now, now);
      this.#statements.clampTasks.run({ now });
      this.#statements.clampStudies.run(now, now);
      this.#statements.clampDelivered.run(now, now);
    });
  }

  #addOne(meta: InstanceMeta, extents: readonly Extent[], route: RouteInstance): void {
    // What is damaged goes into no task: it joins when it has been sent again.
    const targets = meta.flags.includes(damaged) ? route(meta).filter((target) => !target.application) : route(meta);
    this.#statements.insert.run(
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
      meta.routeTags === undefined ? null : JSON.stringify(meta.routeTags),
    );
    this.#countLive(extents, 1, meta.seq);
    this.#send(meta, targets, true);
    this.#statements.touchStudy.run(studyOf(meta), meta.receivedAt, meta.size);
  }

  /** An instance whose row is there gets its deliveries and joins its tasks; once more does nothing. */
  #send(meta: Omit<InstanceMeta, 'parts'>, targets: readonly RouteTarget[], isNew = false): void {
    const study = studyOf(meta);
    for (const target of targets) {
      if (target.application !== undefined) {
        this.#joiner.join(meta, { ...target, application: target.application }, isNew);
      } else if (this.#statements.addDelivery.run(target.store, meta.seq, study, target.priority).changes > 0) {
        this.#statements.touchStudyStore.run(study, target.store);
      }
    }
  }

  /** An instance with this number was written into this life of the segment. */
  noteSeq(segment: number, generation: number, seq: number): void {
    this.#statements.noteSeqs.run({ seq, segment, generation });
  }

  /** Enters (1) or takes away (-1) an instance's bytes in the segments that hold them. */
  #countLive(extents: readonly Extent[], sign: 1 | -1, seq: number): void {
    const bytes = new Map<number, { generation: number; length: number }>();
    for (const { segment, generation, length } of extents) {
      bytes.set(segment, { generation, length: (bytes.get(segment)?.length ?? 0) + length });
    }
    for (const [segment, { generation, length }] of bytes) {
      this.#statements.addLive.run({ live: sign, bytes: sign * length, seq, segment, generation }); // a segment's next life is not concerned
    }
  }

  /** Gives instances that no route claimed another chance: after a change of routes. Returns how many found one. */
  routeUnclaimed(route: RouteInstance): number {
    let claimed = 0;
    let after = 0;
    for (;;) {
      const rows = this.#statements.unrouted.all(after, 1_000) as InstanceRow[];
      const last = rows.at(-1);
      if (last === undefined) return claimed;
      after = last.seq;
      claimed += this.transaction(() => rows.filter((row) => this.#routeOne(fromRow(row), route)).length);
    }
  }

  #routeOne(record: InstanceRecord, route: RouteInstance): boolean {
    const targets = route({ ...record, parts: [] });
    if (targets.length === 0) return false;
    this.#send(record, targets);
    this.#statements.setState.run('ready', record.seq);
    return true;
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

  /** The number of an instance that is here, by the digest of its bytes. Reads the whole table: for recovery only. */
  findBytes(sha256: string): number | undefined {
    return this.#statements.byDigest.get(Buffer.from(sha256, 'hex')) as number | undefined;
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

  /** True when the study's manifest in the store has been queued and nothing has come since. */
  isComplete(study: string, store: string): boolean {
    return this.#statements.studyDirty.get(study, store) === 0;
  }

  /** Whether anything is still to go to the store. */
  hasWork(store: string): boolean {
    return this.#statements.hasWork.get(store) === 1;
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

  /** Makes everything that was committed durable. With synchronous = NORMAL a power cut may otherwise take it back. */
  sync(): void {
    this.#db.pragma('wal_checkpoint(PASSIVE)');
  }

  /** Sealed segments in which nothing lives any more. */
  reclaimableSegments(): number[] {
    return (this.#statements.reclaimable.all() as Array<{ id: number }>).map((row) => row.id);
  }

  /** Sealed segments that little is left in, at most `maxLiveBytes`, the sparsest first. */
  sparseSegments(maxLiveBytes: number): Array<{ id: number; live: number }> {
    return this.#statements.sparse.all(maxLiveBytes) as Array<{ id: number; live: number }>;
  }

  /** The instance's bytes lie in `extents` from now on. */
  relocate(seq: number, extents: readonly Extent[]): void {
    this.transaction(() => {
      const record = this.get(seq);
      if (record === undefined || record.extents.length === 0) return; // pruned meanwhile: the copy is waste
      this.#countLive(record.extents, -1, seq);
      this.#statements.setExtents.run(encodeExtents(extents), seq);
      this.#countLive(extents, 1, seq);
    });
  }

  /** Gives up the bytes of instances that were delivered before `deliveredBefore`, oldest first. Returns how many. */
  prune(deliveredBefore: number, limit: number): number {
    return this.transaction(() => {
      const rows = this.#statements.prunable.all(deliveredBefore, limit) as InstanceRow[];
      for (const row of rows) {
        this.#countLive(decodeExtents(row.extents), -1, row.seq);
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
