import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DirectoryLock } from '../../src/spool/directoryLock.ts';
import { temporaryDirectory } from './support.ts';

const statOf = (pid: number) => readFileSync(`/proc/${pid}/stat`, 'latin1');
const startOf = (pid: number) =>
  statOf(pid)
    .slice(statOf(pid).lastIndexOf(')') + 2)
    .split(' ')[19] ?? '';

describe('directory lock', () => {
  let directory: { path: string; remove(): void };
  beforeEach(() => {
    directory = temporaryDirectory();
  });
  afterEach(() => directory.remove());
  const hold = (pid: number, start: string) => writeFileSync(join(directory.path, 'lock'), `${pid} ${start}`);

  test('is held by one living process at a time', () => {
    const lock = new DirectoryLock(directory.path);
    expect(() => new DirectoryLock(directory.path)).toThrow(/in use by process/);
    lock.release();
    new DirectoryLock(directory.path).release();
  });

  test('a dead holder, or another process with its number, does not keep it', () => {
    hold(2 ** 22 - 1, '1');
    new DirectoryLock(directory.path).release();
    hold(process.pid, '1'); // our number, but another beginning
    new DirectoryLock(directory.path).release();
  });

  test('a killed holder that nobody has reaped yet does not keep it', async () => {
    // The shell does not wait for its child, which is a zombie from its death to the shell's.
    const shell = spawn('sh', ['-c', 'sleep 60 & echo $!; exec sleep 30'], { stdio: ['ignore', 'pipe', 'ignore'] });
    const [printed] = (await once(shell.stdout, 'data')) as [Buffer];
    const pid = Number(printed.toString());
    try {
      hold(pid, startOf(pid));
      expect(() => new DirectoryLock(directory.path)).toThrow(/in use by process/);
      process.kill(pid, 'SIGKILL');
      while (!/\) Z /.test(statOf(pid))) await new Promise((resolve) => setTimeout(resolve, 5));
      new DirectoryLock(directory.path).release();
    } finally {
      shell.kill('SIGKILL');
    }
  });
});
