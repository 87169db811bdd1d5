/** A file that grows at its end: an append is durable when it resolves, and when it fails the file is as it was. */
import { close, constants, fdatasync, fsyncSync, ftruncate, openSync, write } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { syncDirectory } from '../base/durableFile.ts';

/** What is asked of the disk, so that a test can let it fail. */
export type AppendDisk = {
  /** May write less than asked; resolves with the bytes written. */
  write(fd: number, bytes: Uint8Array, offset: number, length: number, position: number): Promise<number>;
  datasync(fd: number): Promise<void>;
  truncate(fd: number, size: number): Promise<void>;
};

const writeAsync = promisify(write);

export const realDisk: AppendDisk = {
  write: async (fd, bytes, offset, length, position) =>
    (await writeAsync(fd, bytes, offset, length, position)).bytesWritten,
  datasync: promisify(fdatasync),
  truncate: promisify(ftruncate),
};

const closeAsync = promisify(close);

export class AppendFile {
  readonly #fd: number;
  readonly #disk: AppendDisk;
  #size: number;
  /** Behind `#size` may lie what a failed append left: it must go before the next one. */
  #dirty = false;

  private constructor(fd: number, size: number, disk: AppendDisk) {
    this.#fd = fd;
    this.#size = size;
    this.#disk = disk;
  }

  /** Creates the file durably, or opens one of which the first `size` bytes are good; the rest is cut off. */
  static async open(path: string, size: number, disk: AppendDisk = realDisk): Promise<AppendFile> {
    const file = new AppendFile(openSync(path, constants.O_RDWR | constants.O_CREAT, 0o640), size, disk);
    try {
      await disk.truncate(file.#fd, size);
      fsyncSync(file.#fd);
      syncDirectory(dirname(path));
    } catch (error) {
      await file.close();
      throw error;
    }
    return file;
  }

  /** Bytes that are durable. */
  get size(): number {
    return this.#size;
  }

  /** One at a time: the caller waits for the one before. */
  async append(bytes: Uint8Array): Promise<void> {
    if (this.#dirty) await this.#restore();
    this.#dirty = true;
    try {
      for (let done = 0; done < bytes.length; ) {
        done += await this.#disk.write(this.#fd, bytes, done, bytes.length - done, this.#size + done);
      }
      await this.#disk.datasync(this.#fd);
    } catch (error) {
      // If this fails too, the file stays marked, and the next append begins with it.
      await this.#restore().catch(() => {});
      throw error;
    }
    this.#dirty = false;
    this.#size += bytes.length;
  }

  async #restore(): Promise<void> {
    await this.#disk.truncate(this.#fd, this.#size);
    this.#dirty = false;
  }

  async close(): Promise<void> {
    await closeAsync(this.#fd);
  }
}
