/**
 * The file of a run that one worker thread appends to: changed headers, pictures, bytes put aside. Small pieces are gathered
 * in memory and written together. Not synced here: that is done once, when the run is complete.
 */
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { writeAllSync } from '../../base/durableFile.ts';
import type { ByteSource, Bytes } from '../../dicom/dataSet/dicomObject.ts';
import { readFully } from './inputSource.ts';

const slabSize = 256 * 1024;

export type FilePiece = { file: string; offset: number; length: number };

export class RunFile {
  readonly name: string;
  /** What has been appended so far, under the file's name; each read gives fresh memory. */
  readonly source: ByteSource;
  readonly #path: string;
  readonly #fd: number;
  readonly #slab = Buffer.allocUnsafe(slabSize);
  #filled = 0;
  /** Bytes that are in the file. */
  #written = 0;

  constructor(directory: string, name: string) {
    this.name = name;
    this.#path = join(directory, name);
    this.#fd = openSync(this.#path, 'wx+', 0o640);
    const end = () => this.#written + this.#filled;
    this.source = {
      name,
      get size() {
        return end();
      },
      read: (offset, length) => this.#read(offset, length),
    };
  }

  /** Copies `bytes` to the end; they may be overwritten afterwards. */
  append(bytes: Buffer): FilePiece {
    const piece = { file: this.name, offset: this.source.size, length: bytes.length };
    if (this.#filled + bytes.length > slabSize) this.flush();
    if (bytes.length > slabSize) {
      writeAllSync(this.#fd, bytes, this.#written);
      this.#written += bytes.length;
    } else {
      bytes.copy(this.#slab, this.#filled);
      this.#filled += bytes.length;
    }
    return piece;
  }

  /** The same, as a range that a step can keep. */
  putAside(bytes: Buffer): Bytes {
    const { offset, length } = this.append(bytes);
    return { source: this.source, offset, length };
  }

  flush(): void {
    if (this.#filled === 0) return;
    writeAllSync(this.#fd, this.#slab.subarray(0, this.#filled), this.#written);
    this.#written += this.#filled;
    this.#filled = 0;
  }

  close(): void {
    closeSync(this.#fd);
  }

  #read(offset: number, length: number): Buffer {
    if (offset < 0 || length < 0 || offset + length > this.source.size) {
      throw new RangeError(`${this.name}: ${length} bytes from ${offset} are not in ${this.source.size}`);
    }
    this.flush();
    const target = Buffer.allocUnsafe(length);
    readFully(this.#fd, this.#path, target, 0, length, offset);
    return target;
  }
}
