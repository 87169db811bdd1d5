/** What `medusa-gateway spool ...` does: works on the state directory, without a running gateway's help. */
import { createHash } from 'node:crypto';
import { existsSync, renameSync, rmSync } from 'node:fs';
import { open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../base/clock.ts';
import { syncDirectory } from '../base/durableFile.ts';
import { GatewayError } from '../base/errors.ts';
import { createLog } from '../base/log.ts';
import { ReceiptLedger } from '../delivery/receiptLedger.ts';
import { reconcile } from '../delivery/reconcile.ts';
import { loadOrCreateSigningKey } from '../delivery/signingKey.ts';
import { DirectoryLock } from '../spool/directoryLock.ts';
import { studyOf } from '../spool/index/instanceIndex.ts';
import { SpoolReader } from '../spool/spoolReader.ts';
import type { RebuildReport, SpoolCheckReport, SpoolInstance } from './cli/dependencies.ts';
import type { Configuration } from './config/configuration.ts';
import { openTheSpool } from './openTheSpool.ts';
import { statePaths } from './statePaths.ts';

/** Sets the index aside and makes it anew from segments and receipts. Throws `spool.locked` while a gateway runs. */
export async function rebuildIndex(config: Configuration): Promise<RebuildReport> {
  const began = performance.now();
  const log = createLog({ level: 'warn', name: 'spool-rebuild', fd: 2 });
  const paths = statePaths(config.stateDirectory);
  setIndexAside(paths.spool);
  const spool = openTheSpool(config, log);
  try {
    const key = loadOrCreateSigningKey(paths.signingKey);
    const ledger = await ReceiptLedger.open({ directory: paths.receipts, site: config.site, key, log });
    await reconcile({ spool, ledger, clock: systemClock, log });
    await ledger.close();
    const { open, complete } = spool.index.studyCounts();
    return {
      segments: spool.recovery.segments,
      instances: spool.index.countsByState().reduce((sum, row) => sum + row.instances, 0),
      studies: open + complete,
      deliveries: spool.queue.counts().reduce((sum, row) => sum + row.n, 0),
      seconds: (performance.now() - began) / 1000,
    };
  } finally {
    await spool.close();
  }
}

function setIndexAside(directory: string): void {
  const path = join(directory, 'index.sqlite');
  if (!existsSync(path)) return;
  new DirectoryLock(directory).release(); // throws while somebody else has it
  renameSync(path, `${path}.before-rebuild`);
  for (const suffix of ['-wal', '-shm']) rmSync(path + suffix, { force: true });
}

export async function* listInstances(
  config: Configuration,
  filter: { studyInstanceUid?: string },
): AsyncGenerator<SpoolInstance> {
  const reader = SpoolReader.open(statePaths(config.stateDirectory).spool);
  try {
    const { studyInstanceUid } = filter;
    const records = studyInstanceUid === undefined ? reader.index.all() : reader.index.ofStudy(studyInstanceUid);
    for (const record of records) {
      yield {
        sopInstanceUid: record.sopInstanceUid,
        studyInstanceUid: studyOf(record),
        version: record.version,
        state: record.state,
        flags: record.flags,
        bytes: record.size,
        peer: record.peer,
        receivedAt: record.receivedAt,
      };
    }
  } finally {
    reader.close();
  }
}

/** Writes an instance as a Part 10 file. The file must not exist; a failed export leaves none. */
export async function exportInstance(
  config: Configuration,
  what: { sopInstanceUid: string; version?: number; output: string },
): Promise<{ bytes: number; sha256: string }> {
  const reader = SpoolReader.open(statePaths(config.stateDirectory).spool);
  try {
    const versions = reader.index.versionsOf(what.sopInstanceUid);
    const record = what.version === undefined ? versions.at(-1) : versions.find((v) => v.version === what.version);
    if (record === undefined || record.extents.length === 0) {
      const why = record === undefined ? 'is not in the spool' : 'was delivered and its bytes are pruned';
      const hint = record === undefined ? 'see `medusa-gateway spool list`' : 'fetch it from the store';
      const { sopInstanceUid: subject } = what;
      throw new GatewayError(`the instance ${why}`, { code: 'spool.no-instance', operation: 'export', subject, hint });
    }
    return await writeExport(what.output, reader.read(record), record.sha256);
  } finally {
    reader.close();
  }
}

async function writeExport(output: string, content: AsyncIterable<Buffer>, expected: string) {
  const hash = createHash('sha256');
  let bytes = 0;
  const file = await open(output, 'wx', 0o640);
  try {
    for await (const piece of content) {
      hash.update(piece);
      bytes += piece.length;
      await file.writeFile(piece);
    }
    const sha256 = hash.digest('hex');
    if (sha256 !== expected) {
      const details = { code: 'spool.instance-damaged', operation: 'export', hint: 'run `medusa-gateway spool check`' };
      throw new GatewayError('the bytes in the spool do not have the digest they had when received', details);
    }
    await file.sync();
    syncDirectory(join(output, '..'));
    return { bytes, sha256 };
  } catch (error) {
    await unlink(output);
    throw error;
  } finally {
    await file.close();
  }
}

export async function checkSpool(config: Configuration): Promise<SpoolCheckReport> {
  const reader = SpoolReader.open(statePaths(config.stateDirectory).spool);
  try {
    const report: SpoolCheckReport = { segments: reader.segmentCount, records: 0, bytes: 0, damaged: [] };
    for (const record of reader.index.all()) {
      if (record.extents.length === 0) continue;
      report.records++;
      report.bytes += record.size;
      const damaged = reader.check(record);
      if (damaged) report.damaged.push(damaged);
    }
    return report;
  } finally {
    reader.close();
  }
}
