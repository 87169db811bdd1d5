/**
 * Bytes that come in pieces and are wanted whole, copied together as they come: a list of the pieces would take a hundred
 * times their size from a peer that sends a byte at a time. The memory grows with what came, not with what was declared.
 */
export class GatheredBytes {
  #bytes: Buffer = Buffer.alloc(0);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Takes a copy of `piece`. There will not be more than `atMost` bytes in all. */
  add(piece: Buffer, atMost: number): void {
    const needed = this.#length + piece.length;
    if (needed > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(needed, Math.min(atMost, Math.max(needed * 2, 64))));
      this.#bytes.copy(grown, 0, 0, this.#length);
      this.#bytes = grown;
    }
    piece.copy(this.#bytes, this.#length);
    this.#length = needed;
  }

  /** What has been gathered; the caller has the memory now, and gathering begins anew. */
  take(): Buffer {
    const whole = this.#bytes.subarray(0, this.#length);
    this.#bytes = Buffer.alloc(0);
    this.#length = 0;
    return whole;
  }
}
