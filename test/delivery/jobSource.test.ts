import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { JobSource } from '../../src/delivery/jobSource.ts';
import { job, scatter } from '../support/jobs.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'medusa-source-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function read(source: JobSource, range?: { start: number; end: number }): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source.open(range)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** What was given out before the error, and its code. */
async function readUntilError(source: JobSource, range?: { start: number; end: number }) {
  let bytes = 0;
  try {
    for await (const chunk of source.open(range)) bytes += chunk.length;
  } catch (error) {
    return { bytes, code: (error as { code: string }).code, retryable: (error as { retryable: boolean }).retryable };
  }
  return { bytes, code: undefined };
}

const content = randomBytes(1_000_003);
const ranged = (name: string, pieces: number, more = {}) =>
  job(1, content, { content: { ranges: scatter(join(directory, name), content, pieces) }, ...more });

describe('content of a job', () => {
  it('is put together from its ranges, whole or any part of it', async () => {
    const source = new JobSource(ranged('whole', 7));
    expect((await read(source)).equals(content)).toBe(true);
    await fc.assert(
      fc.asyncProperty(fc.nat(content.length), fc.nat(content.length), async (a, b) => {
        const [start, end] = [Math.min(a, b), Math.max(a, b)];
        expect((await read(source, { start, end })).equals(content.subarray(start, end))).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it('may be carried along, and may be empty', async () => {
    expect((await read(new JobSource(job(1, 'carried')))).toString()).toBe('carried');
    expect((await read(new JobSource(job(1, 'carried')), { start: 2, end: 5 })).toString()).toBe('rri');
    expect(await read(new JobSource(job(1, '')))).toHaveLength(0);
    expect(await read(new JobSource(job(1, '', { content: { ranges: [] } })))).toHaveLength(0);
  });

  it('is read in bounded pieces, and tells of its progress', async () => {
    let progress = 0;
    const source = new JobSource(ranged('pieces', 1), () => progress++);
    let largest = 0;
    for await (const chunk of source.open()) largest = Math.max(largest, chunk.length);
    expect(largest).toBe(1 << 18);
    expect(progress).toBe(4);
  });

  it('is never given out whole when it is not what the job says', async () => {
    const source = new JobSource(ranged('corrupt', 3, { sha256: 'ab'.repeat(32) }));
    const result = await readUntilError(source);
    expect(result).toMatchObject({ code: 'delivery.source-corrupt', retryable: false });
    expect(result.bytes).toBeLessThan(content.length);
    expect(source.failure?.code).toBe('delivery.source-corrupt');
    expect(await readUntilError(source)).toMatchObject({ bytes: 0, code: 'delivery.source-corrupt' });
  });

  it('gives out no part before the whole is known to be right', async () => {
    const source = new JobSource(ranged('part', 3, { sha256: 'ab'.repeat(32) }));
    const parts = [
      { start: 0, end: 10 },
      { start: 10, end: 20 },
    ];
    const results = await Promise.all(parts.map((part) => readUntilError(source, part)));
    expect(results).toMatchObject([
      { bytes: 0, code: 'delivery.source-corrupt' },
      { bytes: 0, code: 'delivery.source-corrupt' },
    ]);
  });

  it('is proved once, however many parts are read', async () => {
    let reads = 0;
    const source = new JobSource(ranged('once', 1), () => reads++);
    for (let start = 0; start < 1000; start += 100) await read(source, { start, end: start + 100 });
    expect(reads).toBe(4 + 10);
  });

  it('that ends too soon is corrupt; that has gone may be somewhere else by now', async () => {
    const short = ranged('short', 2);
    truncateSync(join(directory, 'short.1'), 1000);
    expect(await readUntilError(new JobSource(short))).toMatchObject({ code: 'delivery.source-corrupt' });
    const gone = ranged('gone', 2);
    rmSync(join(directory, 'gone.0'));
    expect(await readUntilError(new JobSource(gone))).toMatchObject({
      code: 'delivery.source-missing',
      retryable: true,
    });
    const unreadable = job(1, content, {
      content: { ranges: [{ path: directory, offset: 0, length: content.length }] },
    });
    expect(await readUntilError(new JobSource(unreadable))).toMatchObject({ code: 'delivery.source-unreadable' });
  });

  it('is refused at once when its pieces do not make its size', () => {
    expect(() => new JobSource(job(1, 'abc', { size: 4 }))).toThrow(
      expect.objectContaining({ code: 'delivery.bad-job', retryable: false }),
    );
  });
});
