/** Reading the local content of a put, and knowing what was read. */
import { createHash } from 'node:crypto';
import { GatewayError } from '../../base/errors.ts';
import type { PutRequest } from './objectStore.ts';
import { storeError } from './storeErrors.ts';

export type Range = { start: number; end: number };

function mismatch(request: PutRequest, message: string): GatewayError {
  return storeError('store.content-mismatch', message, { operation: 'read content', subject: request.key });
}

/**
 * The content, or a part of it. Throws `store.content-mismatch` when it is longer or shorter than said, and
 * `store.content-unreadable` for whatever the source throws, so that a local fault is never taken for the store's.
 */
export async function* readContent(request: PutRequest, range?: Range): AsyncGenerator<Uint8Array> {
  const expected = range ? range.end - range.start : request.size;
  let length = 0;
  try {
    for await (const chunk of request.open(range)) {
      length += chunk.length;
      if (length > expected) throw mismatch(request, `the content is longer than the ${expected} bytes said`);
      yield chunk;
    }
  } catch (error) {
    if (error instanceof GatewayError) throw error;
    const details = { operation: 'read content', subject: request.key, cause: error };
    throw storeError('store.content-unreadable', 'cannot read the content', details);
  }
  if (length < expected) throw mismatch(request, `the content has ${length} bytes, not the ${expected} said`);
}

export type Digests = { size: number; sha256: string; md5: Buffer };

/** Digests of a stream that is consumed; MD5 only when asked for, for it costs more than SHA-256 does on today's CPUs. */
export async function digestOf(
  source: AsyncIterable<Uint8Array>,
  options: { md5?: boolean; onChunk?: (chunk: Uint8Array) => void } = {},
): Promise<Digests> {
  const sha256 = createHash('sha256');
  const md5 = options.md5 ? createHash('md5') : undefined;
  let size = 0;
  for await (const chunk of source) {
    size += chunk.length;
    sha256.update(chunk);
    md5?.update(chunk);
    options.onChunk?.(chunk);
  }
  return { size, sha256: sha256.digest('hex'), md5: md5?.digest() ?? Buffer.alloc(0) };
}

/** Throws `store.content-mismatch` when the local content is not what `request.sha256` says. */
export async function checkLocalContent(request: PutRequest, options: { md5?: boolean } = {}): Promise<Digests> {
  const digests = await digestOf(readContent(request), options);
  expectDigest(request, digests.sha256);
  return digests;
}

export function expectDigest(request: PutRequest, sha256: string): void {
  if (sha256 !== request.sha256) throw mismatch(request, `the content has SHA-256 ${sha256}, not ${request.sha256}`);
}

/**
 * The content, of which the last piece is given out only when the digest of all of it is right: whoever sends this with
 * a declared length has not sent a whole object before that.
 */
export async function* readVerifiedContent(request: PutRequest): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  let held: Uint8Array | undefined;
  for await (const chunk of readContent(request)) {
    if (chunk.length === 0) continue;
    hash.update(chunk);
    if (held) yield held;
    held = chunk;
  }
  expectDigest(request, hash.digest('hex'));
  if (held) yield held;
}

export async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  const [only] = chunks;
  if (only && chunks.length === 1) return Buffer.from(only.buffer, only.byteOffset, only.byteLength);
  return Buffer.concat(chunks);
}
