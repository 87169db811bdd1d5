/**
 * What a program writes to its standard output and error: progress is heard, the end is kept. A program that floods is slowed down by its
 * own full pipe, so that it costs the gateway no more than a fixed rate of reading.
 */
import type { Readable } from 'node:stream';

const keptBytes = 64 * 1024;
/** Bytes per stream between two calls of `breathe`. */
const bytesPerBreath = 512 * 1024;
const mostLine = 200;
const progressPattern = /^progress (\d{1,3})$/;

/** The last bytes of a stream. */
class Tail {
  #chunks: Buffer[] = [];
  #length = 0;

  add(chunk: Buffer): void {
    this.#chunks.push(chunk.length > keptBytes ? Buffer.from(chunk.subarray(-keptBytes)) : chunk);
    this.#length += (this.#chunks.at(-1) as Buffer).length;
    while (this.#length - (this.#chunks[0]?.length ?? 0) >= keptBytes)
      this.#length -= this.#chunks.shift()?.length ?? 0;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks).subarray(-keptBytes);
  }
}

export class LastWords {
  readonly #streams: Array<{ stream: Readable; heard: number; tail: Tail }>;
  #line = '';

  constructor(stdout: Readable, stderr: Readable, onProgress: ((percent: number) => void) | undefined) {
    this.#streams = [stdout, stderr].map((stream) => ({ stream, heard: 0, tail: new Tail() }));
    for (const one of this.#streams) {
      one.stream.on('error', () => undefined);
      one.stream.on('data', (chunk: Buffer) => {
        one.tail.add(chunk);
        one.heard += chunk.length;
        if (one.heard > bytesPerBreath) one.stream.pause();
        if (one.stream === stdout && onProgress !== undefined) this.#hear(chunk, onProgress);
      });
    }
  }

  /** Reads on after a pause; to be called now and then. */
  breathe(): void {
    for (const one of this.#streams) {
      one.heard = 0;
      if (one.stream.isPaused()) one.stream.resume();
    }
  }

  /** Waits until both streams have ended, at most `ms`, then lets go of them. */
  async finish(ms: number): Promise<void> {
    const open = this.#streams.filter(({ stream }) => !stream.readableEnded && !stream.destroyed);
    const breathing = setInterval(() => this.breathe(), 20);
    this.breathe();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, ms);
    });
    const all = Promise.all(
      open.map(({ stream }) => new Promise<void>((resolve) => stream.once('close', () => resolve()))),
    );
    await Promise.race([all, late]);
    clearInterval(breathing);
    clearTimeout(timer);
    for (const { stream } of open) stream.destroy();
  }

  /** The end of standard output. */
  get output(): Buffer {
    return this.#streams[0]?.tail.bytes ?? Buffer.alloc(0);
  }

  /** The end of standard error. */
  get error(): Buffer {
    return this.#streams[1]?.tail.bytes ?? Buffer.alloc(0);
  }

  /** The ends of both, one after the other, with headings; empty when nothing was said. */
  get all(): Buffer {
    const parts = this.#streams.map(({ tail }, at) => ({
      name: at === 0 ? 'standard output' : 'standard error',
      bytes: tail.bytes,
    }));
    const said = parts.filter(({ bytes }) => bytes.length > 0);
    return Buffer.concat(
      said.flatMap(({ name, bytes }) => [Buffer.from(`--- end of ${name} ---\n`), bytes, Buffer.from('\n')]),
    );
  }

  #hear(chunk: Buffer, onProgress: (percent: number) => void): void {
    const lines = (this.#line + chunk.toString('latin1')).split('\n');
    this.#line = (lines.pop() ?? '').slice(0, mostLine);
    for (const line of lines) {
      const percent = Number(progressPattern.exec(line)?.[1] ?? Number.NaN);
      if (percent <= 100) onProgress(percent);
    }
  }
}
