/**
 * Objects as files in a directory: the embedded default, and the way to a NAS.
 *
 * - An object appears in one step, whole and synced: it is written beside (same file system), hashed on the way,
 *   synced, and then linked (or, when it may replace, renamed) into place; then its directory entry is synced.
 * - A put that succeeds has survived a power cut from that moment on.
 * - Where link(2) is missing, "only if absent" holds among the writers of this process only; `capabilities` says so.
 */
import { createHash } from 'node:crypto';
import { link, open, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { type Clock, systemClock } from '../../base/clock.ts';
import { systemCode } from '../../base/errors.ts';
import { expectDigest, readContent } from './content.ts';
import { directoryError, openError } from './directoryErrors.ts';
import { fileSize, hashFile, isAbsent, readFile, walk, writeAll } from './directoryFiles.ts';
import { type DirectoryRoot, openDirectoryRoot } from './directoryRoot.ts';
import { createDirectorySync } from './directorySync.ts';
import { createKeyedLock } from './keyedLock.ts';
import type { Confirmation, ObjectHead, ObjectStore, PutRequest, StoreConfiguration } from './objectStore.ts';
import { checkAborted, storeError } from './storeErrors.ts';
import { createKeyMapper } from './storeKeys.ts';

/** From this size on we look whether the object is there before we write it, for nothing, a second time. */
const LOOK_FIRST_BYTES = 1 << 20;

export type DirectoryStoreOptions = {
  /** Where we note that this store was once opened, to know it again; without it a lost mount goes unnoticed. */
  stateDirectory?: string;
  clock?: Clock;
  /** false: do without link(2), as on a file system that lacks it. Otherwise found out by trying. */
  useLinks?: boolean;
};

/** Nothing is touched before the first operation. Throws `store.bad-key` for a prefix that cannot be one. */
export function createDirectoryStore(
  configuration: Extract<StoreConfiguration, { type: 'directory' }>,
  options: DirectoryStoreOptions = {},
): ObjectStore {
  const { name } = configuration;
  const root = resolve(configuration.path);
  const keys = createKeyMapper(configuration.prefix);
  const clock = options.clock ?? systemClock;
  const directories = createDirectorySync(root);
  const locked = createKeyedLock();
  const knownPath =
    options.stateDirectory && join(options.stateDirectory, `directory-store-${encodeURIComponent(name)}.json`);
  let opened: Promise<DirectoryRoot> | undefined;

  const ready = (): Promise<DirectoryRoot> => {
    const useLinks = options.useLinks ?? true;
    opened ??= openDirectoryRoot(root, knownPath).then(
      (found) => ({ ...found, canLink: found.canLink && useLinks }),
      (error) => {
        opened = undefined;
        throw openError(error, root);
      },
    );
    return opened;
  };
  /** After ENOENT nothing that we remember of the directories is sure: look again, the mount may be gone. */
  const reconsider = (error: unknown): void => {
    if (systemCode(error) !== 'ENOENT') return;
    opened = undefined;
    directories.forget();
  };

  const put = async (request: PutRequest, signal?: AbortSignal): Promise<Confirmation> => {
    const path = join(root, keys.toStore(request.key));
    const operation = 'write object';
    const { temporaryName, canLink } = await ready();
    checkAborted(signal, operation, request.key);
    const temporary = temporaryName();
    try {
      if (request.ifAbsent && request.size >= LOOK_FIRST_BYTES && (await fileSize(path)) !== undefined) {
        return await confirmPresent(request, path, signal);
      }
      await writeTemporary(temporary, request, signal);
      await directories.ensure(dirname(path));
      if (!request.ifAbsent) await rename(temporary, path);
      else if (!(await placeIfAbsent(temporary, path, canLink))) return await confirmPresent(request, path, signal);
      await directories.sync(dirname(path));
      return confirm(request, 'created', 'synced-write');
    } catch (error) {
      reconsider(error);
      throw directoryError(error, operation, request.key);
    } finally {
      // After a link it is the second name of the object, after a rename it is gone, after an error it is rubbish.
      await rm(temporary, { force: true }).catch(() => {});
    }
  };

  const placeIfAbsent = async (temporary: string, path: string, canLink: boolean): Promise<boolean> => {
    if (canLink) return linkIfAbsent(temporary, path);
    return locked(path, async () => {
      if ((await fileSize(path)) !== undefined) return false;
      await rename(temporary, path);
      return true;
    });
  };

  const confirmPresent = async (request: PutRequest, path: string, signal?: AbortSignal): Promise<Confirmation> => {
    const { key, size, sha256 } = request;
    const subject = key;
    const present = await hashFile(path, signal);
    if (present.size !== size || present.sha256 !== sha256) {
      const message = `the store holds another object under this key, ${present.size} bytes with SHA-256 ${present.sha256}`;
      throw storeError('store.conflict', message, { operation: 'write object', subject });
    }
    // Whoever wrote it may have died before its directory entry was durable.
    await directories.sync(dirname(path));
    return confirm(request, 'already-present', 'read-back');
  };

  const confirm = (
    { key, size, sha256 }: PutRequest,
    outcome: Confirmation['outcome'],
    confirmedBy: Confirmation['confirmedBy'],
  ): Confirmation => ({ key, size, sha256, outcome, confirmedBy, at: clock.now() });

  const head = async (key: string, signal?: AbortSignal): Promise<ObjectHead | undefined> => {
    const path = join(root, keys.toStore(key));
    await ready();
    try {
      if ((await fileSize(path)) === undefined) return undefined;
      return { key, ...(await hashFile(path, signal)) };
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw directoryError(error, 'read object', key);
    }
  };

  async function* get(key: string, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    const path = join(root, keys.toStore(key));
    const operation = 'read object';
    await ready();
    try {
      yield* readFile(path, signal);
    } catch (error) {
      if (!isAbsent(error)) throw directoryError(error, operation, key);
      throw storeError('store.not-found', 'no such object', { operation, subject: key, cause: error });
    }
  }

  async function* list(prefix: string, signal?: AbortSignal): AsyncGenerator<ObjectHead> {
    await ready();
    for await (const found of walk(root, '', keys.prefixToStore(prefix), signal)) {
      const key = keys.fromStore(found.name);
      if (key !== undefined) yield { key, size: found.size };
    }
  }

  return {
    name,
    capabilities: async () => {
      const { canLink } = await ready();
      // Our own hand is the store's: it hashes what it writes, refuses what is wrong, and hashes again for `head`.
      const hashes = { verifiesSha256: true, reportsSha256: true, verifiesMd5: false };
      return { ...hashes, conditionalPut: canLink, conditionalMultipart: canLink };
    },
    put,
    head,
    get,
    list,
    close: async () => {},
  };
}

async function writeTemporary(path: string, request: PutRequest, signal: AbortSignal | undefined): Promise<void> {
  const handle = await open(path, 'wx', 0o640);
  try {
    const hash = createHash('sha256');
    await writeAll(handle, readContent(request), (chunk) => {
      checkAborted(signal, 'write object', request.key);
      hash.update(chunk);
    });
    expectDigest(request, hash.digest('hex'));
    checkAborted(signal, 'write object', request.key);
    await handle.datasync();
  } finally {
    await handle.close();
  }
}

async function linkIfAbsent(temporary: string, path: string): Promise<boolean> {
  try {
    await link(temporary, path);
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  }
}
