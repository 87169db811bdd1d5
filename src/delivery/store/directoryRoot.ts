/**
 * The root of a directory store and its hidden folder:
 *
 *   <root>/.medusa/temporary/<host>-<pid>-<n>   objects being written, on the same file system as their place
 *
 * The hidden folder also tells a mounted file system from its bare mount point: when we know that we made it and it is
 * gone, nothing is written, or results would land on the local disk and count as delivered.
 */
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import { link, mkdir, open, readdir, rm, stat, unlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { writeFileDurably } from '../../base/durableFile.ts';
import { systemCode } from '../../base/errors.ts';
import { createDirectorySync } from './directorySync.ts';
import { storeError } from './storeErrors.ts';
import { RESERVED_COMPONENT } from './storeKeys.ts';

/** A temporary file of another machine that is older than this belongs to nobody any more. */
const ABANDONED_AFTER_MS = 24 * 3600 * 1000;

export type DirectoryRoot = {
  /** A new name in the temporary folder. */
  temporaryName(): string;
  /** link(2) works here, so an object can appear in one step and only where none is. FAT and some SMB mounts lack it. */
  canLink: boolean;
};

/** Opens or creates the root. `knownPath` is the file in which we note that we have once made it. */
export async function openDirectoryRoot(root: string, knownPath: string | undefined): Promise<DirectoryRoot> {
  const temporary = join(root, RESERVED_COMPONENT, 'temporary');
  const known = knownPath !== undefined && existsSync(knownPath);
  if (known && !(await exists(temporary))) {
    throw storeError('store.not-mounted', 'the store directory is not the one we know', {
      operation: 'open store',
      subject: root,
      hint: `mount its file system; if the store was emptied on purpose, delete ${knownPath}`,
    });
  }
  await createRoot(root, temporary);
  if (knownPath !== undefined && !known) {
    mkdirSync(dirname(knownPath), { recursive: true });
    writeFileDurably(knownPath, `${JSON.stringify({ path: root })}\n`);
  }
  const host = hostname().replace(/[^A-Za-z0-9.-]/g, '_');
  await removeAbandoned(temporary, host);
  // The random part keeps apart what is opened twice in one process.
  const own = `${host}-${process.pid}-${randomUUID().slice(0, 8)}`;
  let counter = 0;
  const temporaryName = () => join(temporary, `${own}-${++counter}`);
  return { temporaryName, canLink: await tryLink(temporaryName) };
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw error;
  }
}

async function createRoot(root: string, temporary: string): Promise<void> {
  const first = await mkdir(root, { recursive: true, mode: 0o750 });
  // `first` is the topmost directory that was made: its entry and those below it are not durable yet.
  const directories = createDirectorySync(first === undefined ? root : dirname(first));
  await directories.ensure(temporary);
}

async function removeAbandoned(temporary: string, host: string): Promise<void> {
  for (const name of await readdir(temporary)) {
    const path = join(temporary, name);
    const pid = name.startsWith(`${host}-`) ? Number(name.slice(host.length + 1).split('-')[0]) : 0;
    const abandoned = pid > 0 ? !isAlive(pid) : await isOld(path);
    if (abandoned) await rm(path, { force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) !== 'ESRCH';
  }
}

async function isOld(path: string): Promise<boolean> {
  try {
    return Date.now() - (await stat(path)).mtimeMs > ABANDONED_AFTER_MS;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw error;
  }
}

async function tryLink(temporaryName: () => string): Promise<boolean> {
  const [from, to] = [temporaryName(), temporaryName()];
  await (await open(from, 'wx')).close();
  try {
    await link(from, to);
    await unlink(to);
    return true;
  } catch (error) {
    if (['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(systemCode(error) ?? '')) return false;
    throw error;
  } finally {
    await rm(from, { force: true });
  }
}
