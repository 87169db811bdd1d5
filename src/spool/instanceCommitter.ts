/**
 * The last step of reception: decides whether a whole instance is new, a duplicate or a new version, makes it durable, and
 * then brings it into the index. The acknowledgement waits for the disk, not for the index.
 */
import type { Clock } from '../base/clock.ts';
import { describeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { InstanceIndex, InstanceRecord, RouteInstance } from './index/instanceIndex.ts';
import type { Reception, WholeInstance } from './reception.ts';
import { alignUp, type Extent, type InstanceDescription, type InstanceMeta, metaBound } from './segmentFormat.ts';
import type { SegmentWriter } from './segmentWriter.ts';
import type { SlabPool } from './slabPool.ts';
import { UidFilter } from './uidFilter.ts';

export type StoredOutcome =
  | { kind: 'stored' }
  | { kind: 'duplicate' }
  | { kind: 'new-version'; version: number }
  | { kind: 'refused'; reason: string };

/** An instance that the index does not know yet. */
type Recent = {
  seq: number;
  version: number;
  sha256: string;
  /** Its pieces, as they are placed; the array is the reception's own and still grows. */
  parts: readonly Extent[];
  last: Extent | undefined;
  outcome: Promise<StoredOutcome>;
};

const flushAfterMs = 15;
const flushAtCount = 128;
const retryFlushMs = 1_000;
/** So many durable instances may wait for a broken index before new ones are refused. */
const maxUnindexed = 20_000;

/** An instance of the same SOP Instance UID: in the index, or on its way there. */
type Known = { version: number; sha256: string; outcome?: Promise<StoredOutcome>; record?: InstanceRecord };

const holds = (extents: readonly Extent[], segmentId: number) => extents.some((extent) => extent.segment === segmentId);

export class InstanceCommitter {
  readonly #index: InstanceIndex;
  readonly #writer: SegmentWriter;
  readonly #pool: SlabPool;
  readonly #route: RouteInstance;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #areThere: (extents: readonly Extent[]) => boolean;
  readonly #seen = new UidFilter();
  readonly #recent = new Map<string, Recent[]>();
  #unindexed: Array<{ meta: InstanceMeta; extents: Extent[] }> = [];
  #beforeFlush: Array<() => void> = [];
  #afterFlush: Array<() => void> = [];
  #onIndexed: Array<() => void> = [];
  #timer: NodeJS.Timeout | undefined;
  #nextSeq: number;
  #indexFailing = false;

  constructor(options: {
    index: InstanceIndex;
    writer: SegmentWriter;
    pool: SlabPool;
    route: RouteInstance;
    clock: Clock;
    log: Log;
    /** The first sequence number to give. */
    nextSeq: number;
    areThere(extents: readonly Extent[]): boolean;
  }) {
    this.#index = options.index;
    this.#writer = options.writer;
    this.#pool = options.pool;
    this.#route = options.route;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#nextSeq = options.nextSeq;
    this.#areThere = options.areThere;
    for (const uid of options.index.sopInstanceUids()) this.#seen.add(uid);
  }

  /** The index has learnt of an instance by another way than this one. */
  noteKnown(sopInstanceUid: string): void {
    this.#seen.add(sopInstanceUid);
  }

  /** Why new instances should not be taken in, when the index cannot keep up. */
  get refusal(): string | undefined {
    return this.#unindexed.length >= maxUnindexed ? 'the spool index cannot be written' : undefined;
  }

  pins(segmentId: number): boolean {
    for (const entries of this.#recent.values()) {
      if (entries.some(({ parts, last }) => holds(parts, segmentId) || last?.segment === segmentId)) return true;
    }
    return false;
  }

  /** Resolves when the instance is durable, is known to be so already, or cannot be stored. */
  async commit(reception: Reception, description: InstanceDescription): Promise<StoredOutcome> {
    const whole = reception.complete();
    if (reception.failure !== undefined) {
      this.#pool.release(whole.slabs);
      return { kind: 'refused', reason: reception.failure };
    }
    const recent = this.#recent.get(description.sopInstanceUid) ?? [];
    let known: Known[] = recent;
    try {
      if (this.#seen.mayHave(description.sopInstanceUid)) {
        const indexed = this.#index.versionsOf(description.sopInstanceUid);
        known = [...indexed.map((record) => ({ version: record.version, sha256: record.sha256, record })), ...recent];
      }
    } catch (error) {
      this.#pool.release(whole.slabs);
      return { kind: 'refused', reason: `the spool index cannot be read: ${describeError(error)}` };
    }
    const same = known.find((other) => other.sha256 === whole.sha256);
    if (same?.record !== undefined && this.#needsBytes(same.record)) {
      return this.#store(reception, whole, description, { version: same.version, heals: same.record.seq });
    }
    if (same !== undefined) {
      this.#pool.release(whole.slabs);
      // The other copy may still be on its way to disk: this one is as safe as that one, and not before.
      const first = await same.outcome;
      return first?.kind === 'refused' ? first : { kind: 'duplicate' };
    }
    const version = known.reduce((highest, other) => Math.max(highest, other.version), 0) + 1;
    return this.#store(reception, whole, description, { version });
  }

  #store(
    reception: Reception,
    whole: WholeInstance,
    description: InstanceDescription,
    identity: { version: number; heals?: number },
  ): Promise<StoredOutcome> {
    const { version, heals } = identity;
    const flags = version > 1 ? [...description.flags, 'newVersion'] : description.flags;
    const meta: InstanceMeta = {
      ...description,
      seq: this.#nextSeq++,
      receivedAt: this.#clock.now(),
      version,
      flags,
      size: whole.size,
      sha256: whole.sha256,
      parts: [],
    };
    const { promise, resolve } = Promise.withResolvers<StoredOutcome>();
    const entry: Recent = {
      seq: meta.seq,
      version,
      sha256: whole.sha256,
      parts: whole.parts,
      last: undefined,
      outcome: promise,
    };
    this.#remember(meta.sopInstanceUid, entry);
    let extents: Extent[] = [];
    const fail = (reason: string) => {
      this.#pool.release(whole.slabs);
      this.#forget(meta.sopInstanceUid, entry);
      resolve({ kind: 'refused', reason });
    };
    this.#writer.enqueue({
      type: 'instance',
      meta: () => {
        meta.parts = whole.parts; // all placed by now: frames are placed in the order in which they were handed in
        return Buffer.from(JSON.stringify(meta));
      },
      metaBound: metaBound(meta, whole.partCount),
      payload: whole.tail,
      payloadLength: whole.tailLength,
      onPlaced: (extent) => {
        extents = [...whole.parts, extent];
        entry.last = extent;
      },
      onDurable: () => {
        if (reception.failure !== undefined) return fail(reception.failure);
        this.#pool.release(whole.slabs);
        if (heals === undefined) this.#enqueueForIndex(meta, extents);
        else this.#heal(heals, meta, extents, entry);
        if (heals !== undefined) resolve({ kind: 'duplicate' });
        resolve(version > 1 ? { kind: 'new-version', version } : { kind: 'stored' });
      },
      onFailed: fail,
    });
    return promise;
  }

  /** A known instance whose bytes here are gone or bad, and that no store has all of: a resend can mend that. */
  #needsBytes(record: InstanceRecord): boolean {
    if (record.state === 'pruned') return this.#index.isForgotten(record);
    if (record.state === 'delivered') return false;
    return !this.#areThere(record.extents) || this.#index.isDamaged(record);
  }

  #heal(seq: number, meta: InstanceMeta, extents: readonly Extent[], entry: Recent): void {
    const { sopInstanceUid, receivedAt } = meta;
    this.afterFlush(() => {
      this.#index.heal(seq, extents, this.#route, receivedAt);
      const message = 'an instance whose bytes were gone or damaged was sent again; the new bytes take their place';
      this.#log.warn('spool.instance-healed', message, { sopInstanceUid });
      this.#forget(sopInstanceUid, entry);
    });
  }

  #remember(sopInstanceUid: string, entry: Recent): void {
    const entries = this.#recent.get(sopInstanceUid);
    if (entries) entries.push(entry);
    else this.#recent.set(sopInstanceUid, [entry]);
  }

  #forget(sopInstanceUid: string, entry: { seq: number }): void {
    const left = this.#recent.get(sopInstanceUid)?.filter((other) => other.seq !== entry.seq) ?? [];
    if (left.length > 0) this.#recent.set(sopInstanceUid, left);
    else this.#recent.delete(sopInstanceUid);
  }

  #enqueueForIndex(meta: InstanceMeta, extents: Extent[]): void {
    this.#unindexed.push({ meta, extents });
    if (this.#unindexed.length === flushAtCount && !this.#indexFailing) setImmediate(() => this.flush());
    this.#timer ??= setTimeout(() => this.flush(), flushAfterMs);
  }

  /** Calls back each time that new instances have come into the index. */
  onIndexed(callback: () => void): void {
    this.#onIndexed.push(callback);
  }

  /** Runs `work` (on the index) before anything that becomes durable from now on is indexed. */
  beforeFlush(work: () => void): void {
    this.#beforeFlush.push(work);
    this.#timer ??= setTimeout(() => this.flush(), flushAfterMs);
  }

  /** Runs `work` (on the index) once everything that was durable before is indexed. */
  afterFlush(work: () => void): void {
    this.#afterFlush.push(work);
    this.#timer ??= setTimeout(() => this.flush(), flushAfterMs);
  }

  /** False when the index cannot be written: what is durable may then be missing from it. */
  flush(): boolean {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const batch = this.#unindexed;
    const before = this.#beforeFlush;
    const after = this.#afterFlush;
    if (batch.length === 0 && before.length === 0 && after.length === 0) return true;
    try {
      this.#index.transaction(() => {
        for (const work of before) work();
        this.#index.add(batch, this.#route);
        for (const { extents } of batch) {
          const last = extents.at(-1);
          if (last) this.#index.markIndexed(last.segment, last.generation, alignUp(last.offset + last.length));
        }
        for (const work of after) work();
      });
    } catch (error) {
      this.#onFlushFailed(error);
      return false;
    }
    if (this.#indexFailing) this.#log.info('spool.index-recovered', 'the spool index can be written again');
    this.#indexFailing = false;
    this.#unindexed = [];
    this.#beforeFlush = [];
    this.#afterFlush = [];
    for (const { meta } of batch) {
      this.#seen.add(meta.sopInstanceUid);
      this.#forget(meta.sopInstanceUid, meta);
    }
    if (batch.length > 0) for (const callback of this.#onIndexed) callback();
    return true;
  }

  #onFlushFailed(error: unknown): void {
    if (!this.#indexFailing) {
      const message = `the spool index cannot be written: ${describeError(error)}; what was acknowledged is safe in the segments, delivery waits`;
      this.#log.error('spool.index-failed', message);
    }
    this.#indexFailing = true;
    this.#timer = setTimeout(() => this.flush(), retryFlushMs);
  }

  close(): void {
    this.flush();
    clearTimeout(this.#timer);
  }
}
