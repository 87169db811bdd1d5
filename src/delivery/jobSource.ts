/**
 * The content of a job, read from this machine's disk in pieces, and proved against the job's digest.
 *
 * A store is never given a whole object that is not what the job says: of a whole read the last piece is held back until
 * the digest is known, and before the first read of a part the whole is read once. So bytes that went bad here are
 * recognised as ours (`delivery.source-corrupt`) and are never taken for the store's fault.
 */
import { createHash } from 'node:crypto';
import { close, open, read } from 'node:fs';
import { promisify } from 'node:util';
import { GatewayError, systemCode } from '../base/errors.ts';
import type { CourierJob, FileRange } from './courierProtocol.ts';

/** Memory that one job's reading takes: a piece under way and one held back. */
const CHUNK_BYTES = 1 << 18;

const openAsync = promisify(open);
const readAsync = promisify(read);
const closeAsync = promisify(close);

export class JobSource {
  readonly #job: CourierJob;
  readonly #onProgress: () => void;
  readonly #pieces: Array<FileRange | Buffer>;
  #proof: Promise<void> | undefined;
  #failure: GatewayError | undefined;

  /** `onProgress` is called whenever bytes were read. Throws `delivery.bad-job` when the ranges are not `size` bytes. */
  constructor(job: CourierJob, onProgress: () => void = () => {}) {
    this.#job = job;
    this.#onProgress = onProgress;
    const { content } = job;
    this.#pieces = 'base64' in content ? [Buffer.from(content.base64, 'base64')] : content.ranges;
    const total = this.#pieces.reduce((sum, piece) => sum + piece.length, 0);
    if (total !== job.size) {
      throw this.#error('bad-job', `its pieces have ${total} bytes, the job says ${job.size}`, false);
    }
  }

  /** Why reading failed, for whatever error the store made of it. */
  get failure(): GatewayError | undefined {
    return this.#failure;
  }

  /** The content, or the part from `start` to before `end`. Throws `delivery.source-*`. */
  async *open(range?: { start: number; end: number }): AsyncGenerator<Uint8Array> {
    if (this.#failure) throw this.#failure;
    const { start, end } = range ?? { start: 0, end: this.#job.size };
    try {
      if (start === 0 && end === this.#job.size) {
        yield* this.#readProved();
      } else {
        this.#proof ??= this.#prove();
        await this.#proof;
        yield* this.#read(start, end);
      }
    } catch (error) {
      this.#failure ??= error instanceof GatewayError ? error : this.#readError(error);
      throw this.#failure;
    }
  }

  async #prove(): Promise<void> {
    for await (const _ of this.#readProved());
  }

  async *#readProved(): AsyncGenerator<Uint8Array> {
    const hash = createHash('sha256');
    let held: Uint8Array | undefined;
    for await (const chunk of this.#read(0, this.#job.size)) {
      hash.update(chunk);
      if (held) yield held;
      held = chunk;
    }
    const digest = hash.digest('hex');
    if (digest !== this.#job.sha256) {
      throw this.#error('source-corrupt', `the local bytes have SHA-256 ${digest}, not ${this.#job.sha256}`, false);
    }
    this.#proof ??= Promise.resolve();
    if (held) yield held;
  }

  async *#read(start: number, end: number): AsyncGenerator<Uint8Array> {
    let offset = 0;
    for (const piece of this.#pieces) {
      const from = Math.max(start, offset) - offset;
      const to = Math.min(end, offset + piece.length) - offset;
      if (from < to) {
        if (Buffer.isBuffer(piece)) yield piece.subarray(from, to);
        else yield* this.#readFile(piece, from, to);
      }
      offset += piece.length;
    }
  }

  async *#readFile(piece: FileRange, from: number, to: number): AsyncGenerator<Uint8Array> {
    const fd = await openAsync(piece.path, 'r');
    try {
      for (let position = from; position < to; ) {
        const length = Math.min(CHUNK_BYTES, to - position);
        const { bytesRead, buffer } = await readAsync(
          fd,
          Buffer.allocUnsafe(length),
          0,
          length,
          piece.offset + position,
        );
        if (bytesRead === 0) throw this.#error('source-corrupt', `${piece.path} ends before the job's content`, false);
        this.#onProgress();
        position += bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      await closeAsync(fd);
    }
  }

  /** A file that has gone may have been copied forward: the queue knows where to. A bad sector stays bad. */
  #readError(cause: unknown): GatewayError {
    if (systemCode(cause) === 'ENOENT') return this.#error('source-missing', 'the local file is gone', true, cause);
    const retryable = systemCode(cause) !== 'EIO';
    return this.#error('source-unreadable', 'the local bytes cannot be read', retryable, cause);
  }

  #error(problem: string, message: string, retryable: boolean, cause?: unknown): GatewayError {
    return new GatewayError(`job ${this.#job.id}: ${message}`, {
      code: `delivery.${problem}`,
      operation: 'read content of job',
      subject: this.#job.key,
      hint: 'check the local disk; the store has not been given this object',
      retryable,
      cause,
    });
  }
}
