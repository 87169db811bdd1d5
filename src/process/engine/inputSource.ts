/** Where a worker thread reads objects: in segments of the spool and in files of the run, by pread. */
import { closeSync, openSync, readSync } from 'node:fs';
import { GatewayError } from '../../base/errors.ts';
import type { ByteSource } from '../../dicom/dataSet/dicomObject.ts';
import type { FileRange } from '../../spool/spoolTypes.ts';

/**
 * Files that are open for reading, the least recently used closed first. Belongs to one run: a lease of the spool keeps
 * segments from being recycled only that long.
 */
export class OpenFiles {
  readonly #open = new Map<string, number>();
  static readonly most = 64;

  descriptor(path: string): number {
    let fd = this.#open.get(path);
    if (fd === undefined) {
      fd = openSync(path, 'r');
      for (const [oldest, other] of this.#open) {
        if (this.#open.size < OpenFiles.most) break;
        closeSync(other);
        this.#open.delete(oldest);
      }
    } else this.#open.delete(path);
    this.#open.set(path, fd);
    return fd;
  }

  close(): void {
    for (const fd of this.#open.values()) closeSync(fd);
    this.#open.clear();
  }
}

/** Reads exactly `length` bytes at `offset` into `target` from `at`. Throws when the file ends before. */
export function readFully(fd: number, path: string, target: Buffer, at: number, length: number, offset: number): void {
  for (let done = 0; done < length; ) {
    const count = readSync(fd, target, at + done, length - done, offset + done);
    if (count === 0) {
      throw new GatewayError(`${path} ends before byte ${offset + length}`, {
        code: 'input.short',
        operation: 'read object',
        hint: 'run `medusa-gateway spool check`',
      });
    }
    done += count;
  }
}

/** Ranges of files, one after another, as one source. Each read gives fresh memory. */
export class RangesSource implements ByteSource {
  readonly name: string;
  readonly size: number;
  readonly #ranges: readonly FileRange[];
  readonly #files: OpenFiles;

  constructor(name: string, ranges: readonly FileRange[], files: OpenFiles) {
    this.name = name;
    this.#ranges = ranges;
    this.#files = files;
    this.size = ranges.reduce((sum, { length }) => sum + length, 0);
  }

  read(offset: number, length: number): Buffer {
    if (length < 0) throw new RangeError(`${this.name}: a length below zero`);
    const target = Buffer.allocUnsafe(length);
    this.readInto(target, offset, length);
    return target;
  }

  /** The first `length` bytes of `target` become those from `offset`. */
  readInto(target: Buffer, offset: number, length: number): void {
    if (offset < 0 || offset + length > this.size) {
      throw new RangeError(`${this.name}: ${length} bytes from ${offset} are not in ${this.size}`);
    }
    let skip = offset;
    let done = 0;
    for (const range of this.#ranges) {
      if (done === length) break;
      if (skip >= range.length) {
        skip -= range.length;
        continue;
      }
      const take = Math.min(range.length - skip, length - done);
      readFully(this.#files.descriptor(range.path), range.path, target, done, take, range.offset + skip);
      done += take;
      skip = 0;
    }
  }
}
