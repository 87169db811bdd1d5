/** Writes small data sets (see smallDataSet.ts): UIDs, unsigned shorts and sequences, into one growing buffer. Pure. */
import { uid } from '../uids.ts';

const item = 0xfffee000;

export class DataSetWriter {
  readonly #implicit: boolean;
  #bytes: Buffer;
  #length = 0;

  /** `expectedBytes`: how much is likely to come; more is taken as well. */
  constructor(transferSyntaxUid: string, expectedBytes = 1024) {
    this.#implicit = transferSyntaxUid === uid.implicitVrLittleEndian;
    this.#bytes = Buffer.allocUnsafe(expectedBytes);
  }

  /** What was written. The writer is not to be used any more. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  uid(tag: number, value: string): void {
    const padded = value.length + (value.length % 2);
    this.#header(tag, 'UI', padded);
    this.#need(padded);
    this.#bytes.write(value, this.#length, 'latin1');
    if (padded > value.length) this.#bytes[this.#length + value.length] = 0;
    this.#length += padded;
  }

  unsignedShort(tag: number, value: number): void {
    this.#header(tag, 'US', 2);
    this.#need(2);
    this.#length = this.#bytes.writeUInt16LE(value, this.#length);
  }

  /** A sequence with its length told; `writeItem` writes the elements of one item. */
  sequence<T>(tag: number, items: readonly T[], writeItem: (item: T) => void): void {
    this.#header(tag, 'SQ', 0);
    const sequenceStart = this.#length;
    for (const one of items) {
      this.#tag(item);
      this.#long(0);
      const itemStart = this.#length;
      writeItem(one);
      this.#patchLength(itemStart);
    }
    this.#patchLength(sequenceStart);
  }

  #patchLength(start: number): void {
    this.#bytes.writeUInt32LE(this.#length - start, start - 4);
  }

  #header(tag: number, vr: 'UI' | 'US' | 'SQ', length: number): void {
    this.#tag(tag);
    if (this.#implicit) return this.#long(length);
    this.#need(8);
    this.#bytes.write(vr, this.#length, 'latin1');
    this.#bytes.writeUInt16LE(vr === 'SQ' ? 0 : length, this.#length + 2);
    this.#length += 4;
    if (vr === 'SQ') this.#long(length);
  }

  #tag(tag: number): void {
    this.#need(4);
    this.#bytes.writeUInt16LE(tag >>> 16, this.#length);
    this.#bytes.writeUInt16LE(tag & 0xffff, this.#length + 2);
    this.#length += 4;
  }

  #long(value: number): void {
    this.#need(4);
    this.#length = this.#bytes.writeUInt32LE(value, this.#length);
  }

  #need(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + bytes));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}
