/** Content for puts: pseudo-random, the same for the same seed, in every process. */
import { createCipheriv, createHash } from 'node:crypto';
import type { PutRequest } from '../../../src/delivery/store/objectStore.ts';

export function makeContent(size: number, seed: string): Buffer {
  const key = createHash('sha256').update(seed).digest();
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(size));
}

export function sha256Of(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

const CHUNK = 64 * 1024;

/** A put of `content`, handed out in chunks as a file would be; `opened` counts from where it was opened. */
export function makeRequest(
  key: string,
  content: Buffer,
  overrides: Partial<PutRequest> = {},
): PutRequest & { opened: number[] } {
  const opened: number[] = [];
  return {
    key,
    size: content.length,
    sha256: sha256Of(content),
    ifAbsent: true,
    open: async function* (range = { start: 0, end: content.length }) {
      opened.push(range.start);
      for (let at = range.start; at < range.end; at += CHUNK)
        yield content.subarray(at, Math.min(at + CHUNK, range.end));
    },
    ...overrides,
    opened,
  };
}

export async function readAll(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export async function listKeys(source: AsyncIterable<{ key: string }>): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of source) keys.push(key);
  return keys;
}

/** The code of the error that a promise rejects with; 'fulfilled' when it does not. */
export function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'fulfilled',
    (error) => String(error?.code ?? error),
  );
}
