/** Entropy-coded data of JPEG (ITU-T T.81 Annex F.2.2): bits, Huffman codes, differences. Pure. */
import { malformed } from '../pixelErrors.ts';

/** For each 16 bits to come: the length of the code they begin with, times 256, and its value; 0: no code. */
export type HuffmanTable = Uint16Array;

/** `counts`: codes of 1 to 16 bits (DHT, B.2.4.2). */
export function huffmanTable(counts: number[], values: Uint8Array): HuffmanTable {
  const table = new Uint16Array(65536);
  let code = 0;
  let next = 0;
  for (const [index, count] of counts.entries()) {
    const length = index + 1;
    for (let one = 0; one < count; one++, code++, next++) {
      const from = code << (16 - length);
      if (from >= 65536) throw malformed('JPEG: an impossible Huffman table');
      table.fill(length * 256 + (values[next] ?? 0), from, from + 2 ** (16 - length));
    }
    code <<= 1;
  }
  return table;
}

export class BitReader {
  readonly #bytes: Buffer;
  #at: number;
  #bits = 0;
  #count = 0;
  /** Bits that were made up at the end of the data: a code may be shorter than the 16 bits that are looked at. */
  #invented = 0;

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  /** A Huffman code and as many bits as it says: a difference (F.2.2.1; H.1.2.2 for 16). */
  difference(table: HuffmanTable): number {
    this.#fill();
    const entry = table[(this.#bits >>> (this.#count - 16)) & 0xffff] ?? 0;
    if (entry === 0) throw malformed('JPEG: bits that are no code');
    this.#take(entry >> 8);
    const size = entry & 0xff;
    if (size === 0) return 0;
    if (size >= 16) return 32768;
    this.#fill();
    const value = (this.#bits >>> (this.#count - size)) & (2 ** size - 1);
    this.#take(size);
    return value < 2 ** (size - 1) ? value - 2 ** size + 1 : value;
  }

  /** At a restart marker: the bits before it are padding. */
  restart(): void {
    const at = this.nextMarker();
    const marker = this.#bytes[at + 1] ?? 0;
    if (marker < 0xd0 || marker > 0xd7) throw malformed('JPEG: a restart marker is missing');
    this.#at = at + 2;
    this.#bits = 0;
    this.#count = 0;
    this.#invented = 0;
  }

  /** Where the next marker stands; the end of the data when there is none. */
  nextMarker(): number {
    let at = this.#at;
    while (at + 1 < this.#bytes.length && !(this.#bytes[at] === 0xff && isMarker(this.#bytes[at + 1]))) at++;
    return at + 1 < this.#bytes.length ? at : this.#bytes.length;
  }

  /** At least 16 bits, zeros after the last. */
  #fill(): void {
    while (this.#count < 16) {
      let byte = this.#bytes[this.#at];
      if (byte === undefined || (byte === 0xff && this.#bytes[this.#at + 1] !== 0)) {
        byte = 0;
        this.#invented += 8;
      } else this.#at += byte === 0xff ? 2 : 1;
      this.#bits = ((this.#bits & 0xffff) << 8) | byte;
      this.#count += 8;
    }
  }

  #take(length: number): void {
    this.#count -= length;
    if (this.#count < this.#invented) throw malformed('JPEG: the data end before the picture does');
  }
}

const isMarker = (byte: number | undefined) => byte !== undefined && byte !== 0 && byte !== 0xff;
