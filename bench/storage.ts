/** The disk that receivers write to, and the state it is brought into before each measured run. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { loadgenPath } from './loadgen.ts';
import { activity } from './processTree.ts';

const run = promisify(execFile);

export type Storage = { directory: string; fileSystem: string; remove(): void };

/** The mount that `path` is on, such as "ext4 on /dev/sda1 (rw,relatime)". */
export function fileSystemOf(path: string): string {
  const target = resolve(path);
  const mounts = readFileSync('/proc/self/mounts', 'utf8').trim().split('\n');
  let best = { point: '', text: 'unknown' };
  for (const line of mounts) {
    const [device = '', point = '', type = '', options = ''] = line.split(' ');
    const covers = target === point || target.startsWith(point === '/' ? '/' : `${point}/`);
    if (covers && point.length >= best.point.length) best = { point, text: `${type} on ${device} (${options})` };
  }
  return best.text;
}

/** A new folder under `parent`, on a real disk: throws when it is in memory, for then a sync costs nothing. */
export function openStorage(parent: string): Storage {
  mkdirSync(parent, { recursive: true });
  const fileSystem = fileSystemOf(parent);
  if (/^(tmpfs|ramfs) /.test(fileSystem))
    throw new Error(`${parent} is in memory (${fileSystem}); name a folder on a disk`);
  const directory = mkdtempSync(join(parent, 'bench-'));
  return { directory, fileSystem, remove: () => rmSync(directory, { recursive: true, force: true, maxRetries: 3 }) };
}

/** Removes what is in a folder, and leaves the folder. */
export function emptyDirectory(directory: string): void {
  for (const name of readdirSync(directory)) rmSync(join(directory, name), { recursive: true, force: true });
}

/** Writes everything to disk that this file system has in memory, of whoever it is. */
export async function syncFileSystem(directory: string): Promise<void> {
  await run('sync', ['--file-system', directory]);
}

/** Something with processes of its own: a receiver, or a pipeline of several programs. */
export type Watched = { readonly pids: readonly number[] };

const quietMs = 200;
const longestMs = 15_000;

/** Waits until the receiver has done what it does behind the scenes after its last answer. */
async function untilQuiet(receiver: Watched): Promise<void> {
  const end = performance.now() + longestMs;
  for (let before = -1; performance.now() < end; await sleep(quietMs)) {
    const now = activity(receiver.pids);
    if (Math.abs(now - before) <= 1) return;
    before = now;
  }
}

export const pageCacheRule =
  'Before each run: the receiver is idle, its file system is synced, and as much free memory as the run can take in (and a ' +
  'third more) has just been touched and given back. So no receiver pays for pages that a virtual machine must first ' +
  'fetch from its host, whether it writes new files (storescp, Orthanc) or into old ones; nobody else’s dirty pages wait.';

/** Brings the machine into the state that `pageCacheRule` describes. */
export async function prepareRun(receiver: Watched, directory: string, bytes: number): Promise<void> {
  await untilQuiet(receiver);
  await syncFileSystem(directory);
  await run(loadgenPath(), ['--touch', String(Math.ceil(bytes * 1.33) + 64 * 2 ** 20)]);
}
