/** Opens a spool: lock, index, recovery, in this order. */
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type Database from 'better-sqlite3';
import { describeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { DirectoryLock } from './directoryLock.ts';
import { InstanceIndex } from './index/instanceIndex.ts';
import { openIndexDatabase } from './index/schema.ts';
import { recover } from './recovery.ts';
import { SegmentStore } from './segmentStore.ts';
import { Spool } from './spool.ts';
import type { SpoolOptions } from './spoolTypes.ts';

/** Opens the spool in `options.directory`, recovering what a crash left. Throws `spool.locked` when it is in use. */
export function openSpool(options: SpoolOptions): Spool {
  const { log } = options;
  mkdirSync(options.directory, { recursive: true, mode: 0o750 });
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
    const index = new InstanceIndex(db);
    const recovery = recover({ store, index, route: options.route, log });
    return new Spool(options, { lock, store, db, index, recovery });
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** A damaged index is set aside, never repaired in place: the segments and the receipts make a new one. */
function openOrSetAside(path: string, log: Log): Database.Database {
  try {
    return openIndexDatabase(path);
  } catch (error) {
    const aside = `${path}.damaged-${Date.now()}`;
    const message = `the index could not be opened (${describeError(error)}); it is set aside and rebuilt from the segments`;
    log.error('spool.index-damaged', message, { setAside: aside });
    if (existsSync(path)) renameSync(path, aside);
    for (const suffix of ['-wal', '-shm']) rmSync(path + suffix, { force: true });
    return openIndexDatabase(path);
  }
}
