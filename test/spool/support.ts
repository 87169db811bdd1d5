/** A spool in a temporary directory, and instances to put into it. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/base/clock.ts';
import { createMemoryLog } from '../../src/base/log.ts';
import { openSpool } from '../../src/spool/openSpool.ts';
import type { InstanceDescription } from '../../src/spool/segmentFormat.ts';
import type { Spool } from '../../src/spool/spool.ts';
import type { SpoolOptions } from '../../src/spool/spoolTypes.ts';

export const MiB = 2 ** 20;

export function temporaryDirectory(prefix = 'medusa-spool-'): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), prefix));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export function open(directory: string, options: Partial<SpoolOptions> = {}) {
  const memory = createMemoryLog();
  const spool = openSpool({
    directory,
    segmentSize: 4 * MiB,
    quota: 64 * MiB,
    preallocate: 2,
    reserve: 0,
    keepDeliveredMs: 3_600_000,
    bufferMemory: 8 * MiB,
    route: () => [{ store: 'cloud', priority: 0 }],
    resultsQuota: 64 * MiB,
    resultKey: (record, result, version) => `results/${record.outputStudy}/${result.name}.v${version}`,
    clock: systemClock,
    log: memory.log,
    ...options,
  });
  return { spool, lines: memory.lines };
}

export function describe(sopInstanceUid: string, more: Partial<InstanceDescription> = {}): InstanceDescription {
  return {
    sopInstanceUid,
    sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
    transferSyntaxUid: '1.2.840.10008.1.2.1',
    studyInstanceUid: '1.2.3',
    seriesInstanceUid: '1.2.3.4',
    peer: 'TEST',
    flags: [],
    ...more,
  };
}

/** Sends `bytes` in pieces as a network would, and waits for the outcome. */
export async function put(spool: Spool, sopInstanceUid: string, bytes: Buffer, piece = 16_000) {
  const incoming = spool.receive();
  if ('refused' in incoming) return { kind: 'refused' as const, reason: incoming.refused };
  for (let offset = 0; offset < bytes.length; offset += piece) {
    if (!incoming.write(bytes.subarray(offset, offset + piece))) {
      await new Promise<void>((resolve) => incoming.onDrain(resolve));
    }
  }
  return incoming.commit(describe(sopInstanceUid));
}

export const content = (size: number) => randomBytes(size);
export const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

export async function readBack(spool: Spool, sopInstanceUid: string, version = 1): Promise<Buffer> {
  spool.flushIndex();
  const record = spool.index.versionsOf(sopInstanceUid).find((known) => known.version === version);
  if (record === undefined) throw new Error(`no ${sopInstanceUid} version ${version}`);
  const pieces: Buffer[] = [];
  for await (const bytes of spool.read(record)) pieces.push(bytes);
  return Buffer.concat(pieces);
}
