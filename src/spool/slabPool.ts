/**
 * A bounded pool of equal buffers that payload is copied into while it streams in. It is what bounds the gateway's memory
 * (invariant 4): when it runs low, intake asks senders to pause, and the sockets' own flow control does the rest.
 */

export const slabSize = 64 * 1024;

export class SlabPool {
  readonly capacity: number;
  readonly #free: Buffer[] = [];
  #inUse = 0;
  readonly #waiting: Array<() => void> = [];

  /** `bytes` is the memory that the pool may take; at least four slabs. */
  constructor(bytes: number) {
    this.capacity = Math.max(4, Math.floor(bytes / slabSize));
  }

  /**
   * A slab, always: a sender that is asked to pause may still deliver what its socket had read, and that must land
   * somewhere. Such overdraft is at most one socket buffer for each association.
   */
  acquire(): Buffer {
    this.#inUse++;
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(slabSize);
  }

  release(slabs: readonly Buffer[]): void {
    this.#inUse -= slabs.length;
    for (const slab of slabs) {
      if (this.#free.length + this.#inUse < this.capacity) this.#free.push(slab);
    }
    while (this.#waiting.length > 0 && !this.isFull) this.#waiting.shift()?.();
  }

  /** True when senders should pause. */
  get isFull(): boolean {
    return this.#inUse >= this.capacity;
  }

  /** True when half is in use: instances are then written in smaller pieces, sooner. */
  get isTight(): boolean {
    return this.#inUse * 2 >= this.capacity;
  }

  get bytesInUse(): number {
    return this.#inUse * slabSize;
  }

  /** Calls back once the pool is no longer full. */
  onDrain(callback: () => void): void {
    this.#waiting.push(callback);
  }
}
