/** Makes directory entries durable, with as few fsyncs as truth allows. */
import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemCode } from '../../base/errors.ts';

/** Directories remembered as existing and durable. Forgetting one costs an mkdir and an fsync, no more. */
const REMEMBERED_DIRECTORIES = 20_000;

async function syncNow(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export type DirectorySync = {
  /**
   * Resolves when every entry that `path` had at the time of the call is durable. Calls that come while one sync runs
   * share the next: a sync that has begun may have missed their entry.
   */
  sync(path: string): Promise<void>;
  /** Creates `path` and what is missing above it, down from `root`, which exists; durable when it resolves. */
  ensure(path: string): Promise<void>;
  /** Call when a directory turned out to be missing: nothing remembered can be relied on. */
  forget(): void;
};

export function createDirectorySync(root: string): DirectorySync {
  type Running = { current: Promise<void>; next?: Promise<void> };
  const running = new Map<string, Running>();
  const ensured = new Map<string, Promise<void>>();

  const start = (path: string): Promise<void> => {
    const entry: Running = { current: syncNow(path) };
    running.set(path, entry);
    const finish = () => {
      if (running.get(path) === entry && !entry.next) running.delete(path);
    };
    entry.current.then(finish, finish);
    return entry.current;
  };

  const sync = (path: string): Promise<void> => {
    const entry = running.get(path);
    if (!entry) return start(path);
    const startNext = () => start(path);
    entry.next ??= entry.current.then(startNext, startNext);
    return entry.next;
  };

  const create = async (path: string): Promise<void> => {
    await ensure(dirname(path));
    try {
      await mkdir(path, 0o750);
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw error;
    }
    // Also when it existed: whoever made it may have died before its entry was durable.
    await sync(dirname(path));
  };

  const ensure = (path: string): Promise<void> => {
    if (path === root) return Promise.resolve();
    const known = ensured.get(path);
    if (known) return known;
    const created = create(path).catch((error) => {
      ensured.delete(path);
      throw error;
    });
    ensured.set(path, created);
    if (ensured.size > REMEMBERED_DIRECTORIES) {
      const [oldest] = ensured.keys();
      if (oldest !== undefined) ensured.delete(oldest);
    }
    return created;
  };

  return { sync, ensure, forget: () => ensured.clear() };
}
