/** Opens a spool: lock, index, recovery, in this order. */
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type Database from 'better-sqlite3';
import { syncDirectory } from '../base/durableFile.ts';
import type { Log } from '../base/log.ts';
import { DirectoryLock } from './directoryLock.ts';
import { InstanceIndex } from './index/instanceIndex.ts';
import { IndexDamaged, openIndexDatabase } from './index/schema.ts';
import { recover } from './recovery.ts';
import { SegmentStore } from './segmentStore.ts';
import { Spool } from './spool.ts';
import type { SpoolOptions } from './spoolTypes.ts';
import { ResultQueue } from './work/resultQueue.ts';
import { ResultStore } from './work/resultStore.ts';
import { recoverRuns } from './work/runRecovery.ts';
import { TaskQueue } from './work/taskQueue.ts';

/** Opens the spool in `options.directory`, recovering what a crash left. Throws `spool.locked` when it is in use. */
export function openSpool(options: SpoolOptions): Spool {
  const { log } = options;
  mkdirSync(options.directory, { recursive: true, mode: 0o750 });
  syncDirectory(dirname(options.directory));
  const lock = new DirectoryLock(options.directory);
  try {
    const store = new SegmentStore({
      directory: join(options.directory, 'segments'),
      segmentSize: options.segmentSize,
      maxSegments: Math.max(2, Math.floor(options.quota / options.segmentSize)),
      spares: options.preallocate,
      reserve: options.reserve,
      log,
    });
    const db = openOrSetAside(join(options.directory, 'index.sqlite'), log);
    const claimed = new Set<number>();
    const index = new InstanceIndex(db, claimed, options.hasRoute);
    index.clampTimes(options.clock.now());
    const work = openWork(options, { db, index, claimed });
    index.onHealed = (tasks) => tasks.forEach((task) => void work.tasks.release(task));
    const recovery = recover({ store, index, route: options.route, log });
    const runs = recoverRuns({ store: work.runs, tasks: work.tasks, index, log });
    return new Spool(options, { lock, store, db, index, recovery: { ...recovery, runs }, ...work });
  } catch (error) {
    lock.release();
    throw error;
  }
}

function openWork(options: SpoolOptions, parts: { db: Database.Database; index: InstanceIndex; claimed: Set<number> }) {
  const { clock, log, reserve, resultsQuota: quota } = options;
  const { db, index, claimed } = parts;
  const results = new ResultQueue(db, options.resultKey);
  const directory = join(options.directory, 'runs');
  const sizeOf = (instance: number) => index.get(instance)?.size;
  const runs = new ResultStore({ directory, quota, reserve, results, sizeOf, log });
  const tasks = new TaskQueue({
    ...{ db, results, claimed, clock },
    versionsOf: (run) => runs.versionsOf(run),
    onEntered: (run) => runs.entered(run),
  });
  return { results, runs, tasks };
}

/**
 * A damaged index is set aside, never repaired in place: the segments and the receipts make a new one. Whatever else is
 * wrong (no space, no rights, in use) is no damage, and the start fails rather than throw an index away.
 */
function openOrSetAside(path: string, log: Log): Database.Database {
  try {
    return openIndexDatabase(path);
  } catch (error) {
    if (!(error instanceof IndexDamaged)) throw error;
    const suffix = `.damaged-${Date.now()}`;
    const message = `the index could not be opened (${error.message}); it is set aside and rebuilt from the segments`;
    log.error('spool.index-damaged', message, { setAside: path + suffix });
    for (const part of ['', '-wal', '-shm']) {
      if (existsSync(path + part)) renameSync(path + part, path + suffix + part);
    }
    return openIndexDatabase(path);
  }
}
