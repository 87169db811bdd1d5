/**
 * The segment files of a spool: pre-allocated, because writing into blocks that are already there makes fdatasync cheap,
 * and recycled, because then they stay there. Keeps a few free ones ready and never exceeds the quota.
 */
import {
  close,
  closeSync,
  constants,
  fdatasync,
  fstatSync,
  mkdirSync,
  open,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  unlinkSync,
  write,
} from 'node:fs';
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { syncDirectory, writeAllSync } from '../base/durableFile.ts';
import { describeError, GatewayError, systemCode } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { decodeSegmentHeader, encodeSegmentHeader, segmentHeaderSize } from './segmentFormat.ts';

/** Each write returns when it is durable, as if fdatasync followed: one trip to a thread instead of two. */
const durable = constants.O_DSYNC;
const openFile = promisify(open);
const closeFile = promisify(close);
const syncFile = promisify(fdatasync);
const writeFile = promisify(write);

export type Segment = { id: number; generation: number; path: string; fd: number; size: number };

const fileName = (id: number) => `segment-${String(id).padStart(6, '0')}.seg`;
const filePattern = /^segment-(\d{6,})\.seg$/;
const zeros = Buffer.alloc(1024 * 1024);
const retryAllocationMs = 5_000;
/** No segment was taken for so long: the site is quiet. */
const quietMs = 3_000;
const urgentSpares = 2;

export type SegmentStoreOptions = {
  directory: string;
  segmentSize: number;
  /** Most segment files at a time. */
  maxSegments: number;
  /** Free segments to keep ready. */
  spares: number;
  /** Bytes that must stay free on the disk. */
  reserve: number;
  log: Log;
};

export class SegmentStore {
  readonly #options: SegmentStoreOptions;
  readonly #log: Log;
  readonly #segments = new Map<number, Segment>();
  readonly #free: Segment[] = [];
  readonly #waiters: Array<() => void> = [];
  #nextId = 1;
  #allocating: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;
  #lastTakenAt = Number.NEGATIVE_INFINITY;
  /** Why the last allocation failed, while that still holds. */
  #exhausted: string | undefined;

  constructor(options: SegmentStoreOptions) {
    this.#options = options;
    this.#log = options.log;
    mkdirSync(options.directory, { recursive: true, mode: 0o750 });
  }

  get segmentSize(): number {
    return this.#options.segmentSize;
  }

  /**
   * Opens what is on disk. A file whose allocation was cut short holds nothing and is removed. One whose header is damaged
   * is read by the generation that the index knows (`generationOf`), for its frames carry it too; when nobody knows it, the
   * file is set aside. Throws `spool.format-version` for segments of another release: nothing may be recycled unread.
   */
  load(generationOf: (id: number) => number | undefined): Segment[] {
    for (const name of readdirSync(this.#options.directory).sort()) {
      const match = filePattern.exec(name);
      if (!match) continue;
      const id = Number(match[1]);
      this.#nextId = Math.max(this.#nextId, id + 1);
      const segment = this.#open(id, join(this.#options.directory, name), generationOf(id));
      if (segment) this.#segments.set(id, segment);
    }
    return [...this.#segments.values()];
  }

  #open(id: number, path: string, knownGeneration: number | undefined): Segment | undefined {
    const fd = openSync(path, constants.O_RDWR | durable);
    const block = Buffer.alloc(segmentHeaderSize);
    readSync(fd, block, 0, block.length, 0);
    const { size } = fstatSync(fd);
    const header = decodeSegmentHeader(block);
    if (header.kind === 'valid' && header.id === id) return { id, generation: header.generation, path, fd, size };
    if (header.kind === 'other-version') {
      closeSync(fd);
      throw new GatewayError(`${path} has form ${header.version}, which this release does not read`, {
        code: 'spool.format-version',
        operation: 'open spool',
        subject: path,
        hint: 'run the release that wrote it until everything is delivered, then change',
      });
    }
    if (header.kind !== 'blank' && knownGeneration !== undefined) {
      this.#log.error('spool.segment-header', 'the header of a segment is damaged; it is read as the index knows it', {
        path,
      });
      return { id, generation: knownGeneration, path, fd, size };
    }
    closeSync(fd);
    if (header.kind === 'blank') {
      unlinkSync(path);
      this.#log.warn('spool.segment-unfinished', 'removed a segment file whose allocation had not finished', { path });
    } else {
      renameSync(path, `${path}.damaged`);
      this.#log.error(
        'spool.segment-header',
        'the header of a segment is damaged and nobody knows it; it is set aside',
        {
          path,
        },
      );
    }
    return undefined;
  }

  get(id: number): Segment | undefined {
    return this.#segments.get(id);
  }

  get count(): number {
    return this.#segments.size;
  }

  get freeCount(): number {
    return this.#free.length;
  }

  /** Bytes that could still be taken in: free segments, and those that the quota still allows. */
  get bytesAvailable(): number {
    const allowed = this.#exhausted ? 0 : Math.max(0, this.#options.maxSegments - this.#segments.size);
    return (this.#free.length + allowed) * this.#options.segmentSize;
  }

  /** Why no segment can be had, when that is so. */
  get refusal(): string | undefined {
    if (this.#free.length > 0) return undefined;
    if (this.#exhausted) return this.#exhausted;
    return this.#segments.size >= this.#options.maxSegments ? 'spool quota reached' : undefined;
  }

  /**
   * Adds a segment that holds nothing of value to the free ones, under the generation that the index has been told
   * already. Durable before it returns. One of another size than is configured now is removed instead.
   */
  recycle(segment: Segment): void {
    if (this.#free.includes(segment)) return;
    if (segment.size !== this.#options.segmentSize) {
      closeSync(segment.fd);
      unlinkSync(segment.path);
      this.#segments.delete(segment.id);
      return this.replenish();
    }
    writeAllSync(segment.fd, encodeSegmentHeader(segment.id, segment.generation + 1), 0);
    segment.generation++;
    this.#addFree(segment);
  }

  #addFree(segment: Segment): void {
    this.#free.push(segment);
    for (const wake of this.#waiters.splice(0)) wake();
  }

  /** The next free segment, or undefined when there is none now; `whenFree` tells when to ask again. */
  take(): Segment | undefined {
    const segment = this.#free.shift();
    this.#lastTakenAt = performance.now();
    this.replenish();
    return segment;
  }

  /** True when a segment is on its way and waiting makes sense. */
  get isAllocating(): boolean {
    return this.#allocating !== undefined;
  }

  whenFree(callback: () => void): void {
    this.#waiters.push(callback);
  }

  /**
   * Keeps `spares` free segments ready, in the background. While instances are coming in only the most urgent are made:
   * allocating takes as much of the disk as receiving does.
   */
  replenish(): void {
    if (this.#closed || this.#allocating) return;
    const busy = performance.now() - this.#lastTakenAt < quietMs;
    const wanted = busy ? Math.min(urgentSpares, this.#options.spares) : this.#options.spares;
    if (this.#free.length >= this.#options.spares || this.#segments.size >= this.#options.maxSegments) return;
    if (this.#free.length >= wanted) return this.#replenishLater(quietMs);
    this.#allocating = this.#allocate().then(
      (segment) => {
        this.#allocating = undefined;
        this.#exhausted = undefined;
        this.#addFree(segment);
        this.replenish();
      },
      (error: unknown) => {
        this.#allocating = undefined;
        this.#onAllocationFailed(error);
      },
    );
  }

  async #allocate(): Promise<Segment> {
    const { bavail, bsize } = await statfs(this.#options.directory);
    if (bavail * bsize < this.#options.segmentSize + this.#options.reserve) {
      throw Object.assign(new Error('less than the reserve would stay free'), { code: 'ENOSPC' });
    }
    const id = this.#nextId++;
    const path = join(this.#options.directory, fileName(id));
    const fd = await openFile(path, 'wx+', 0o640);
    try {
      // The header comes last: a file without it is not a segment yet.
      for (let at = segmentHeaderSize; at < this.#options.segmentSize; at += zeros.length) {
        const length = Math.min(zeros.length, this.#options.segmentSize - at);
        const { bytesWritten } = await writeFile(fd, zeros, 0, length, at);
        if (bytesWritten < length) at -= zeros.length - bytesWritten; // a full disk may write less before it says ENOSPC
      }
      await syncFile(fd);
      const header = encodeSegmentHeader(id, 1);
      await writeFile(fd, header, 0, header.length, 0);
      await syncFile(fd);
      syncDirectory(this.#options.directory);
    } catch (error) {
      unlinkSync(path);
      throw error;
    } finally {
      await closeFile(fd);
    }
    const size = this.#options.segmentSize;
    const segment = { id, generation: 1, path, fd: openSync(path, constants.O_RDWR | durable), size };
    this.#segments.set(id, segment);
    return segment;
  }

  #onAllocationFailed(error: unknown): void {
    const full = systemCode(error) === 'ENOSPC';
    const reason = full ? 'disk full' : `cannot allocate a segment: ${describeError(error)}`;
    if (this.#exhausted !== reason) {
      const hint = "new instances are refused when the free segments are used up; free space on the spool's disk";
      this.#log.error('spool.allocation-failed', `${reason}; ${hint}`, { directory: this.#options.directory });
    }
    this.#exhausted = reason;
    for (const wake of this.#waiters.splice(0)) wake();
    if (this.#closed) return;
    this.#replenishLater(retryAllocationMs);
  }

  #replenishLater(ms: number): void {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.replenish(), ms);
    this.#retry.unref();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    await this.#allocating?.catch(() => {});
    for (const segment of this.#segments.values()) closeSync(segment.fd);
  }
}
