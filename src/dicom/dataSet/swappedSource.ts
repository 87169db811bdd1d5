/** A range of a source in the other byte order: swapped as it is read, so that pixel data need not be in memory. */
import { type ByteSource, type Bytes, bytesIn, type SourceRange } from './dicomObject.ts';

/** `wordSize`: 2, 4 or 8. What is left over at the end stays as it is. A copy. */
export function swapBytes(bytes: Buffer, wordSize: number): Buffer {
  const copy = Buffer.from(bytes);
  const words = copy.subarray(0, copy.length - (copy.length % wordSize));
  if (wordSize === 2) words.swap16();
  else if (wordSize === 4) words.swap32();
  else if (wordSize === 8) words.swap64();
  return copy;
}

export class SwappedSource implements ByteSource {
  readonly name: string;
  readonly size: number;
  readonly #range: SourceRange;
  readonly #wordSize: number;

  constructor(range: SourceRange, wordSize: number) {
    this.name = `${range.source.name}, bytes ${range.offset} to ${range.offset + range.length} swapped`;
    this.size = range.length;
    this.#range = range;
    this.#wordSize = wordSize;
  }

  read(offset: number, length: number): Buffer {
    if (offset < 0 || offset + length > this.size) {
      throw new RangeError(`${this.name}: ${length} bytes from ${offset} are not in ${this.size}`);
    }
    const start = offset - (offset % this.#wordSize);
    const end = Math.min(Math.ceil((offset + length) / this.#wordSize) * this.#wordSize, this.size);
    const { source } = this.#range;
    const swapped = swapBytes(source.read(this.#range.offset + start, end - start), this.#wordSize);
    return swapped.subarray(offset - start, offset - start + length);
  }
}

export function swapped(bytes: Bytes, wordSize: number): Bytes {
  if (wordSize === 1 || bytes.length === 0) return bytes;
  if (Buffer.isBuffer(bytes)) return swapBytes(bytesIn(bytes), wordSize);
  return { source: new SwappedSource(bytes, wordSize), offset: 0, length: bytes.length };
}
