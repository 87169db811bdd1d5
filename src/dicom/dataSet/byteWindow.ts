/**
 * A window on a ByteSource that moves forward with whoever reads: headers lie close together, so one read of the source serves
 * many of them. Values that are taken from it are views of the window's memory; what was read in all is bounded.
 */
import { BufferSource } from './byteSources.ts';
import { dataSetError } from './dataSetErrors.ts';
import type { ByteSource } from './dicomObject.ts';

/** What is read ahead of where it is needed. */
export const windowSize = 64 * 1024;

export class ByteWindow {
  readonly source: ByteSource;
  readonly size: number;
  /** Bytes of the source from `start`. */
  bytes: Buffer;
  start = 0;
  readonly #maxBytes: number;
  #read = 0;

  constructor(source: ByteSource, maxBytes: number) {
    this.source = source;
    this.size = source.size;
    this.#maxBytes = maxBytes;
    if (source instanceof BufferSource) this.bytes = source.bytes;
    else this.bytes = this.#load(0, Math.min(windowSize, this.size));
  }

  /** Where `offset` of the source lies in `bytes`, with `length` bytes from there; they must be in the source. */
  at(offset: number, length: number, ahead = windowSize): number {
    const index = offset - this.start;
    if (index >= 0 && index + length <= this.bytes.length) return index;
    this.bytes = this.#load(offset, Math.min(Math.max(length, ahead), this.size - offset));
    this.start = offset;
    return 0;
  }

  view(offset: number, length: number): Buffer {
    if (length === 0) return nothing;
    const index = this.at(offset, length);
    return this.bytes.subarray(index, index + length);
  }

  #load(offset: number, length: number): Buffer {
    this.#read += length;
    if (this.#read > this.#maxBytes) {
      throw dataSetError('dataset.too-large', `the header takes more than ${this.#maxBytes} bytes of memory`);
    }
    return this.source.read(offset, length);
  }
}

const nothing = Buffer.alloc(0);
