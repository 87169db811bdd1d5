/**
 * The spool: the only owner of bytes on disk. Takes instances in, keeps them, says where they lie, gives their space back
 * when they are delivered. One process has it open at a time.
 */
import type Database from 'better-sqlite3';
import type { DirectoryLock } from './directoryLock.ts';
import { readExtents, segmentOf } from './extentReader.ts';
import { DeliveryQueue } from './index/deliveryQueue.ts';
import { type InstanceIndex, type InstanceRecord, unidentifiedStudy } from './index/instanceIndex.ts';
import { InstanceCommitter } from './instanceCommitter.ts';
import { Reception } from './reception.ts';
import { Reclaimer } from './reclaimer.ts';
import type { RecoveryReport } from './recovery.ts';
import { Relocator } from './relocator.ts';
import { type Extent, segmentHeaderSize } from './segmentFormat.ts';
import type { SegmentStore } from './segmentStore.ts';
import { SegmentWriter } from './segmentWriter.ts';
import { SlabPool } from './slabPool.ts';
import type { FileRange, Holding, IncomingToSpool, Lease, SpoolOptions, SpoolStatus } from './spoolTypes.ts';
import { resultGone, slice } from './work/pieces.ts';
import type { KnownResult, ResultDetail, ResultQueue } from './work/resultQueue.ts';
import type { ResultStore } from './work/resultStore.ts';
import { RunCollector } from './work/runCollector.ts';
import type { TaskQueue } from './work/taskQueue.ts';

/** What openSpool has opened. */
export type SpoolParts = {
  lock: DirectoryLock;
  store: SegmentStore;
  db: Database.Database;
  index: InstanceIndex;
  recovery: RecoveryReport & { runs: number };
  results: ResultQueue;
  runs: ResultStore;
  tasks: TaskQueue;
};

export class Spool {
  readonly #options: SpoolOptions;
  readonly #parts: SpoolParts;
  readonly #store: SegmentStore;
  readonly #writer: SegmentWriter;
  readonly #pool: SlabPool;
  readonly #committer: InstanceCommitter;
  readonly #reclaimer: Reclaimer;
  readonly #relocator: Relocator;
  readonly #receptions = new Set<Reception>();
  /** Segments that somebody outside reads, with how many times over. */
  readonly #leases = new Map<number, number>();
  readonly index: InstanceIndex;
  readonly queue: DeliveryQueue;
  /** Tasks of split applications, for the engine. */
  readonly tasks: TaskQueue;
  /** Where runs keep their results on disk. */
  readonly results: ResultStore;
  /** Results in the index, for delivery. */
  readonly resultQueue: ResultQueue;
  readonly recovery: SpoolParts['recovery'];
  readonly #collector: RunCollector;
  #closed = false;

  constructor(options: SpoolOptions, parts: SpoolParts) {
    const { log, clock, route } = options;
    this.#options = options;
    this.#parts = parts;
    this.#store = parts.store;
    this.index = parts.index;
    this.queue = new DeliveryQueue(parts.db);
    this.recovery = parts.recovery;
    this.tasks = parts.tasks;
    this.results = parts.runs;
    this.resultQueue = parts.results;
    this.#collector = new RunCollector({
      ...{ db: parts.db, store: parts.runs, clock, log },
      keepDeliveredMs: options.keepDeliveredMs,
    });
    this.#pool = new SlabPool(options.bufferMemory);
    this.#writer = new SegmentWriter({
      store: parts.store,
      log,
      onActive: ({ id, generation }) =>
        this.#committer.beforeFlush(() => this.index.putSegment(id, generation, 'active', segmentHeaderSize)),
      onSealed: ({ id }, end) => this.#committer.afterFlush(() => this.index.sealSegment(id, end)),
    });
    this.#committer = new InstanceCommitter({
      index: this.index,
      writer: this.#writer,
      pool: this.#pool,
      route,
      clock,
      log,
      nextSeq: parts.recovery.highestSeq + 1,
      areThere: (extents) => this.#areThere(extents),
    });
    this.#reclaimer = new Reclaimer({
      index: this.index,
      store: parts.store,
      isPinned: (id) => this.#isPinned(id),
      keepDeliveredMs: options.keepDeliveredMs,
      onShort: () => void this.reclaim(),
      onTurn: () => void this.#collector.run(),
      clock,
      log,
    });
    this.#relocator = new Relocator({
      index: this.index,
      store: parts.store,
      writer: this.#writer,
      pool: this.#pool,
      newReception: () => this.#newReception(),
      hasReader: (id) => this.#hasReader(id),
      log,
    });
    this.#store.replenish();
    this.#reclaimer.start();
  }

  /** Begins an instance, or says why it cannot be taken. */
  receive(): IncomingToSpool | { refused: string } {
    const refusal = this.refusal;
    if (refusal !== undefined) {
      this.#reclaimer.hurry();
      return { refused: refusal };
    }
    const reception = this.#newReception();
    return {
      write: (bytes) => {
        const roomLeft = reception.write(bytes);
        if (!roomLeft) this.#relievePressure();
        return roomLeft;
      },
      onDrain: (callback) => reception.onDrain(callback),
      commit: (description) => this.#committer.commit(reception, description),
      discard: () => reception.discard(),
    };
  }

  /** Why nothing more is taken in, or undefined. Said before an instance begins, so that a little room is still left. */
  get refusal(): string | undefined {
    if (this.#closed) return 'the gateway is stopping';
    const stuck = this.#committer.refusal;
    if (stuck !== undefined) return stuck;
    const refusal = this.#store.refusal;
    if (refusal === undefined) return undefined;
    const needed = this.#pool.bytesInUse + this.#options.segmentSize / 8;
    return this.#writer.roomInActive >= needed ? undefined : refusal;
  }

  get status(): SpoolStatus {
    return {
      quota: this.#options.quota,
      segmentSize: this.#options.segmentSize,
      segments: this.#store.count,
      freeSegments: this.#store.freeCount,
      bytesAvailable: this.#store.bytesAvailable,
      bufferedBytes: this.#pool.bytesInUse,
      refusal: this.refusal,
    };
  }

  /**
   * The file ranges that hold an instance, in order, for somebody else to read. Their segments are not recycled until
   * `release` is called, whatever becomes of the instance meanwhile.
   */
  lease(record: InstanceRecord): Lease {
    return this.#leaseExtents(record.extents);
  }

  #leaseExtents(extents: readonly Extent[]): Lease {
    const segments = new Set<number>();
    const ranges = extents.map((extent) => {
      const segment = segmentOf(extent, (id) => this.#store.get(id));
      segments.add(segment.id);
      return { path: segment.path, offset: extent.offset, length: extent.length };
    });
    for (const id of segments) this.#leases.set(id, (this.#leases.get(id) ?? 0) + 1);
    let released = false;
    const release = () => {
      if (released) return;
      released = true;
      for (const id of segments) this.#leases.set(id, (this.#leases.get(id) ?? 1) - 1);
    };
    return { ranges, release };
  }

  /**
   * The same for the result of a delivery of kind `result`: its pieces, where they lie now. Throws `spool.extent-missing` and
   * `work.result-gone` when they are not there.
   */
  leaseResult(delivery: number): Lease {
    const place = this.resultQueue.place(delivery);
    const held: Array<() => void> = [];
    const release = () => held.splice(0).forEach((letGo) => void letGo());
    try {
      if (place?.run) held.push(this.results.hold(place.run));
      const ranges = (place?.result.pieces ?? []).flatMap((piece): FileRange[] => {
        const { offset, length } = piece;
        if ('file' in piece) {
          if (!place?.run) throw resultGone(delivery, 'its files are removed');
          return [{ path: this.results.pathOf(place.run, piece.file), offset, length }];
        }
        const lease = this.#leaseExtents(slice(this.index.get(piece.instance)?.extents ?? [], offset, length));
        held.push(lease.release);
        return lease.ranges;
      });
      const bytes = ranges.reduce((sum, range) => sum + range.length, 0);
      if (place === undefined || bytes !== place.result.size)
        throw resultGone(delivery, 'instances that it is made of are gone');
      return { ranges, release };
    } catch (error) {
      release();
      throw error;
    }
  }

  /** What a delivery of kind `result` is about; undefined when only its receipt is left. */
  resultOf(delivery: number): ResultDetail | undefined {
    return this.resultQueue.detail(delivery);
  }

  /** The Part 10 bytes of an instance. */
  read(record: InstanceRecord): AsyncGenerator<Buffer> {
    return readExtents(record.extents, (id) => this.#store.get(id));
  }

  /** Makes the index know everything that is durable. False when the index cannot be written at present. */
  flushIndex(): boolean {
    return this.#committer.flush();
  }

  /** Every version of an instance that is known, as far as the index knows (see flushIndex). */
  holdings(sopInstanceUid: string): Holding[] {
    return this.index.versionsOf(sopInstanceUid).map((record) => ({
      sopClassUid: record.sopClassUid,
      state: record.state,
      isIntact: this.#areThere(record.extents) && !this.index.isDamaged(record),
      isConfirmed: this.index.isConfirmed(record.seq),
    }));
  }

  /** Enters an instance of which only a receipt is left (see InstanceIndex.restorePruned). */
  restorePruned(known: Parameters<InstanceIndex['restorePruned']>[0]): void {
    this.index.restorePruned(known);
    this.#committer.noteKnown(known.sopInstanceUid);
  }

  /** Enters a result of which only a receipt is left. What is known already stays as it is. */
  restoreResult(known: KnownResult): void {
    const study = known.studyInstanceUid ?? unidentifiedStudy;
    this.index.transaction(() => this.resultQueue.restore(known, study, this.#options.clock.now()));
  }

  onIndexed(callback: () => void): void {
    this.#committer.onIndexed(callback);
  }

  /** Gives back what space can be given back now. */
  async reclaim(): Promise<void> {
    this.#reclaimer.run();
    if ((await this.#relocator.run()) > 0) this.#reclaimer.run();
    await this.#collector.run();
  }

  /** Waits for what was handed in, flushes the index and closes. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#reclaimer.stop();
    for (const reception of this.#receptions) reception.discard();
    await this.#collector.idle();
    await this.#writer.idle();
    await this.#writer.seal();
    this.#committer.close();
    await this.#store.close();
    this.#parts.db.close();
    this.#parts.lock.release();
  }

  /** A slow sender must not hold memory that others wait for: the largest half-filled instances go to disk as they are. */
  #relievePressure(): void {
    const largestFirst = [...this.#receptions].sort((a, b) => b.buffered - a.buffered);
    for (const reception of largestFirst.slice(0, Math.ceil(largestFirst.length / 2))) reception.flush();
  }

  #newReception(): Reception {
    const reception = new Reception({
      pool: this.#pool,
      enqueue: (frame) => this.#writer.enqueue(frame),
      onEnded: (ended) => this.#receptions.delete(ended),
    });
    this.#receptions.add(reception);
    return reception;
  }

  #areThere(extents: readonly Extent[]): boolean {
    return (
      extents.length > 0 && extents.every((extent) => this.#store.get(extent.segment)?.generation === extent.generation)
    );
  }

  #isPinned(segmentId: number): boolean {
    // While instances are copied forward neither their old nor their new places may go.
    return this.#relocator.isRunning || this.#hasReader(segmentId);
  }

  #hasReader(segmentId: number): boolean {
    if ((this.#leases.get(segmentId) ?? 0) > 0 || this.#committer.pins(segmentId)) return true;
    for (const reception of this.#receptions) if (reception.segments.includes(segmentId)) return true;
    return false;
  }
}
