/** New pixel data as they grow: in memory while they are small, then in the scratch file of the run. */
import { type Bytes, lengthOf } from '../dataSet/dicomObject.ts';

export type Scratch = { append(bytes: Buffer): Bytes };

const heldInMemory = 4 * 2 ** 20;

export class PixelStore {
  readonly #scratch: Scratch;
  readonly #fragments: Bytes[] = [];
  #held = 0;
  size = 0;

  constructor(scratch: Scratch) {
    this.#scratch = scratch;
  }

  /** Each is made even (PS3.5 A.4) with a byte of zero. */
  addFragment(bytes: Buffer): void {
    this.#add(bytes.length % 2 === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(1)]));
  }

  /** As it is: native pixel data, in order. */
  addNative(bytes: Buffer): void {
    this.#add(bytes);
  }

  #add(bytes: Buffer): void {
    this.size += bytes.length;
    this.#held += bytes.length;
    this.#fragments.push(bytes);
    if (this.#held <= heldInMemory) return;
    for (const [index, fragment] of this.#fragments.entries()) {
      if (Buffer.isBuffer(fragment)) this.#fragments[index] = this.#scratch.append(fragment);
    }
    this.#held = 0;
  }

  fragments(): Bytes[] {
    return this.#fragments;
  }

  /** All of it as one value, which it is in the scratch file as long as nobody else wrote there in between. */
  whole(): Bytes {
    if (this.#fragments.every((fragment) => Buffer.isBuffer(fragment))) return Buffer.concat(this.#fragments);
    for (const [index, fragment] of this.#fragments.entries()) {
      if (Buffer.isBuffer(fragment)) this.#fragments[index] = this.#scratch.append(fragment);
    }
    return this.#fragments.reduce(joined);
  }
}

function joined(before: Bytes, after: Bytes): Bytes {
  if (Buffer.isBuffer(before) || Buffer.isBuffer(after)) throw new Error('the scratch file kept bytes in memory');
  if (before.source.name !== after.source.name || before.offset + lengthOf(before) !== after.offset) {
    throw new Error('pixel data in the scratch file are not in one piece');
  }
  return { source: after.source, offset: before.offset, length: before.length + after.length };
}
