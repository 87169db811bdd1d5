/**
 * Tells for nearly every new SOP Instance UID, without asking the index, that it has not been seen: a Bloom filter. A look
 * into the index costs several system calls, and nearly all of them would find nothing.
 */
export class UidFilter {
  readonly #bits: Uint8Array;
  readonly #mask: number;

  /** With 2^24 bits (2 MiB), one new UID in 250 is looked up in vain once a million are known. */
  constructor(bitsExponent = 24) {
    this.#bits = new Uint8Array(2 ** (bitsExponent - 3));
    this.#mask = 2 ** bitsExponent - 1;
  }

  add(uid: string): void {
    const [a, b] = hashes(uid);
    for (let i = 0; i < 3; i++) {
      const bit = (a + i * b) & this.#mask;
      const byte = bit >>> 3;
      this.#bits[byte] = (this.#bits[byte] ?? 0) | (1 << (bit & 7));
    }
  }

  /** False: certainly new. True: most probably known. */
  mayHave(uid: string): boolean {
    const [a, b] = hashes(uid);
    for (let i = 0; i < 3; i++) {
      const bit = (a + i * b) & this.#mask;
      if (((this.#bits[bit >>> 3] ?? 0) & (1 << (bit & 7))) === 0) return false;
    }
    return true;
  }
}

/** Two FNV-1a hashes with different starts; the second is odd, so that the three bits differ. */
function hashes(uid: string): [number, number] {
  let a = 0x811c9dc5;
  let b = 0x01234567;
  for (let i = 0; i < uid.length; i++) {
    const code = uid.charCodeAt(i);
    a = Math.imul(a ^ code, 0x01000193);
    b = Math.imul(b ^ code, 0x01000193);
  }
  a ^= a >>> 15;
  b ^= b >>> 13;
  return [a >>> 0, (b | 1) >>> 0];
}
