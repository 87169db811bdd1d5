/** Where the bytes of an object come from: memory, or a range of a larger source. A file's is made by whoever opens files. */
import type { ByteSource } from './dicomObject.ts';

/** Bytes in memory. `read` gives views, not copies. */
export class BufferSource implements ByteSource {
  readonly name: string;
  readonly bytes: Buffer;

  constructor(name: string, bytes: Buffer) {
    this.name = name;
    this.bytes = bytes;
  }

  get size(): number {
    return this.bytes.length;
  }

  read(offset: number, length: number): Buffer {
    if (offset < 0 || offset + length > this.bytes.length) {
      throw new RangeError(`${this.name}: ${length} bytes from ${offset} are not in ${this.bytes.length}`);
    }
    return this.bytes.subarray(offset, offset + length);
  }
}
