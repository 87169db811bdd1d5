/**
 * One instance on its way in: copied into slabs, hashed, written in pieces when it is large, and at its end joined into
 * the next group commit.
 */
import { createHash, type Hash } from 'node:crypto';
import type { Extent } from './segmentFormat.ts';
import type { Frame } from './segmentWriter.ts';
import { type SlabPool, slabSize } from './slabPool.ts';

/** A piece of this many bytes goes to disk before the instance is whole; a quarter of it when memory is tight. */
const pieceBytes = 1024 * 1024;

export type WholeInstance = {
  sha256: string;
  size: number;
  /** The pieces that are on disk or on their way; the array fills as they are placed, to `partCount`. */
  parts: Extent[];
  partCount: number;
  /** What is still in memory: the last piece. */
  slabs: Buffer[];
  tail: Buffer[];
  tailLength: number;
};

export class Reception {
  readonly #pool: SlabPool;
  readonly #enqueue: (frame: Frame) => void;
  readonly #onEnded: (reception: Reception) => void;
  readonly #hash: Hash = createHash('sha256');
  #slabs: Buffer[] = [];
  /** Bytes used of the last slab. */
  #fill = slabSize;
  #size = 0;
  readonly #parts: Extent[] = [];
  #partCount = 0;
  #failure: string | undefined;
  #over = false;

  constructor(options: { pool: SlabPool; enqueue(frame: Frame): void; onEnded(reception: Reception): void }) {
    this.#pool = options.pool;
    this.#enqueue = options.enqueue;
    this.#onEnded = options.onEnded;
  }

  get size(): number {
    return this.#size;
  }

  /** Why it cannot be stored, once a piece of it could not be written. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Segments that hold pieces of it already: they must not be recycled. */
  get segments(): number[] {
    return this.#parts.map((part) => part.segment);
  }

  /** Copies `bytes`. False: memory is used up, pause the sender until `onDrain`. */
  write(bytes: Uint8Array): boolean {
    if (this.#over || this.#failure !== undefined) return true; // goes nowhere; the answer will say so
    this.#size += bytes.length;
    for (let offset = 0; offset < bytes.length; ) {
      if (this.#fill === slabSize) {
        this.#slabs.push(this.#pool.acquire());
        this.#fill = 0;
      }
      const slab = this.#slabs[this.#slabs.length - 1] as Buffer;
      const step = Math.min(slabSize - this.#fill, bytes.length - offset);
      slab.set(step === bytes.length ? bytes : bytes.subarray(offset, offset + step), this.#fill);
      this.#fill += step;
      offset += step;
      if (this.#fill === slabSize) {
        this.#hash.update(slab);
        const limit = this.#pool.isTight ? pieceBytes / 4 : pieceBytes;
        if (this.#slabs.length * slabSize >= limit) this.flush();
      }
    }
    return !this.#pool.isFull;
  }

  onDrain(callback: () => void): void {
    this.#pool.onDrain(callback);
  }

  /** Bytes held in memory. */
  get buffered(): number {
    return this.#slabs.length === 0 ? 0 : (this.#slabs.length - 1) * slabSize + this.#fill;
  }

  /** Writes what is in memory as a piece of its own. */
  flush(): void {
    if (this.#over || this.buffered === 0) return;
    const { payload, length } = this.#take();
    const slabs = payload.slabs;
    const meta = Buffer.from('{}');
    this.#partCount++;
    this.#enqueue({
      type: 'part',
      meta: () => meta,
      metaBound: meta.length,
      payload: payload.views,
      payloadLength: length,
      onPlaced: (extent) => this.#parts.push(extent),
      onDurable: () => this.#pool.release(slabs),
      onFailed: (reason) => {
        this.#failure ??= reason;
        this.#pool.release(slabs);
      },
    });
  }

  /** The instance is whole; the caller writes the last piece and releases `slabs`. */
  complete(): WholeInstance {
    this.#over = true;
    this.#onEnded(this);
    const { payload, length } = this.#take();
    return {
      sha256: this.#hash.digest('hex'),
      size: this.#size,
      parts: this.#parts,
      partCount: this.#partCount,
      slabs: payload.slabs,
      tail: payload.views,
      tailLength: length,
    };
  }

  discard(): void {
    if (this.#over) return;
    this.#over = true;
    this.#onEnded(this);
    this.#pool.release(this.#slabs);
    this.#slabs = [];
  }

  #take(): { payload: { slabs: Buffer[]; views: Buffer[] }; length: number } {
    const slabs = this.#slabs;
    const length = this.buffered;
    const last = slabs.at(-1);
    if (last !== undefined && this.#fill < slabSize) this.#hash.update(last.subarray(0, this.#fill));
    const views = slabs.map((slab, i) => (i === slabs.length - 1 ? slab.subarray(0, this.#fill) : slab));
    this.#slabs = [];
    this.#fill = slabSize;
    return { payload: { slabs, views }, length };
  }
}
