/**
 * Copies stragglers forward: a few undelivered instances (in quarantine, mostly) would keep a whole segment from being
 * recycled. When space is short, those in the sparsest segment are written again at the end of the log, and the segment
 * becomes free. The copy is durable before the index points to it, and the old bytes stay until then.
 */
import { describeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { readExtents } from './extentReader.ts';
import type { InstanceIndex, InstanceRecord } from './index/instanceIndex.ts';
import type { Reception } from './reception.ts';
import { type Extent, type InstanceMeta, metaBound } from './segmentFormat.ts';
import { instancesIn } from './segmentScan.ts';
import type { Segment, SegmentStore } from './segmentStore.ts';
import type { SegmentWriter } from './segmentWriter.ts';
import type { SlabPool } from './slabPool.ts';

/** A segment is worth emptying when at most this share of it is in use. */
const sparse = 0.25;

export type RelocatorOptions = {
  index: InstanceIndex;
  store: SegmentStore;
  writer: SegmentWriter;
  pool: SlabPool;
  /** A reception that is not counted among the senders'. */
  newReception(): Reception;
  /** Whether somebody reads the segment: moving what lies there would free nothing. */
  hasReader(segmentId: number): boolean;
  log: Log;
};

export class Relocator {
  readonly #options: RelocatorOptions;
  #running = false;

  constructor(options: RelocatorOptions) {
    this.#options = options;
  }

  get isRunning(): boolean {
    return this.#running;
  }

  /** Empties one sparse segment, if there is one that can be emptied. Never rejects. Returns how many were copied. */
  async run(): Promise<number> {
    if (this.#running) return 0;
    this.#running = true;
    try {
      return await this.#emptySparsest();
    } catch (error) {
      this.#options.log.error('spool.relocate-failed', `stragglers could not be copied: ${describeError(error)}`);
      return 0;
    } finally {
      this.#running = false;
    }
  }

  async #emptySparsest(): Promise<number> {
    const { index, store, hasReader, log } = this.#options;
    for (const { id, live } of index.sparseSegments(store.segmentSize * sparse)) {
      const segment = store.get(id);
      if (segment === undefined || hasReader(id)) continue;
      const stragglers = this.#liveIn(segment);
      // A large instance that only begins here is found with its last piece: such a segment stays as it is.
      if (stragglers.length < live) continue;
      let copied = 0;
      for (const record of stragglers) if (await this.#copy(record)) copied++;
      if (copied < stragglers.length) continue; // one is damaged and stays where it is
      log.info('spool.relocated', 'copied undelivered instances forward to free a segment', { segment: id, copied });
      return copied;
    }
    return 0;
  }

  #liveIn(segment: Segment): InstanceRecord[] {
    const seqs = new Set(instancesIn(segment).map((meta) => meta.seq));
    const records = [...seqs].map((seq) => this.#options.index.get(seq)).filter((record) => record !== undefined);
    return records.filter((record) => record.extents.some((extent) => extent.segment === segment.id));
  }

  /** False when its bytes are not what they were: it is left alone. */
  async #copy(record: InstanceRecord): Promise<boolean> {
    const { index, store, writer, pool, newReception } = this.#options;
    const reception = newReception();
    for await (const bytes of readExtents(record.extents, (id) => store.get(id))) {
      if (!reception.write(bytes)) await new Promise<void>((resolve) => reception.onDrain(resolve));
    }
    const whole = reception.complete();
    if (whole.sha256 !== record.sha256) {
      pool.release(whole.slabs);
      return false;
    }
    const { state: _state, extents: _extents, ...meta } = record;
    const { promise, resolve, reject } = Promise.withResolvers<Extent[]>();
    let extents: Extent[] = [];
    writer.enqueue({
      type: 'instance',
      meta: () => Buffer.from(JSON.stringify({ ...meta, parts: whole.parts } satisfies InstanceMeta)),
      metaBound: metaBound(meta, whole.partCount),
      payload: whole.tail,
      payloadLength: whole.tailLength,
      onPlaced: (extent) => {
        extents = [...whole.parts, extent];
      },
      onDurable: () => {
        pool.release(whole.slabs);
        if (reception.failure === undefined) resolve(extents);
        else reject(new Error(reception.failure));
      },
      onFailed: (reason) => {
        pool.release(whole.slabs);
        reject(new Error(reason));
      },
    });
    index.relocate(record.seq, await promise);
    return true;
  }
}
