/**
 * Reads an input and holds it against its digest before anybody works on it: bytes that rotted on the disk must not be hashed
 * anew and go out as good. What fits is read once, into memory that is used again for the next object.
 */
import { createHash } from 'node:crypto';
import { BufferSource } from '../../dicom/dataSet/byteSources.ts';
import type { ByteSource } from '../../dicom/dataSet/dicomObject.ts';
import { type OpenFiles, RangesSource } from './inputSource.ts';
import type { RunInput } from './runTypes.ts';

const chunkSize = 1024 * 1024;
const firstSlab = 1024 * 1024;
const largestSlab = 32 * 1024 * 1024;

export class InputReader {
  readonly #largest: number;
  #slab: Buffer = Buffer.alloc(0);

  /** `memory`: bytes that the work on one instance may take. */
  constructor(memory: number) {
    this.#largest = Math.min(largestSlab, Math.floor(memory / 4));
  }

  /** The input as a source, valid until the next call; undefined when it is not what was received. */
  open(input: RunInput, files: OpenFiles): ByteSource | undefined {
    const ranges = new RangesSource('input', input.ranges, files);
    if (ranges.size !== input.size) return undefined;
    const hash = createHash('sha256');
    if (input.size > this.#largest) {
      const chunk = this.#room(chunkSize);
      for (let done = 0; done < input.size; done += chunkSize) {
        const length = Math.min(chunkSize, input.size - done);
        ranges.readInto(chunk, done, length);
        hash.update(chunk.subarray(0, length));
      }
      return hash.digest('hex') === input.sha256 ? ranges : undefined;
    }
    const bytes = this.#room(input.size).subarray(0, input.size);
    ranges.readInto(bytes, 0, input.size);
    return hash.update(bytes).digest('hex') === input.sha256 ? new BufferSource('input', bytes) : undefined;
  }

  #room(size: number): Buffer {
    if (this.#slab.length < size) {
      this.#slab = Buffer.allocUnsafeSlow(Math.max(firstSlab, 2 ** Math.ceil(Math.log2(size))));
    }
    return this.#slab;
  }
}
