/** One command at a time changes a file: the others wait for it. */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { GatewayError, systemCode } from '../../base/errors.ts';
import { processStart } from '../../base/processStart.ts';

const sleep = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

const ownerText = (pid: number) => `${pid} ${processStart(pid) ?? ''}\n`;

function isAlive(owner: string): boolean {
  const pid = Number(owner.split(' ')[0]);
  return pid > 0 && processStart(pid) !== undefined && ownerText(pid) === owner;
}

function ownerOf(lock: string): string | undefined {
  try {
    return readFileSync(lock, 'latin1');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Comes into being with its content, or not at all. */
function take(lock: string, own: string): boolean {
  try {
    linkSync(own, lock);
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Moves the lock of a dead process away; one that somebody living took meanwhile is put back. */
function breakStale(lock: string, stale: string): void {
  const aside = `${lock}.${process.pid}.stale`;
  try {
    renameSync(lock, aside);
    if (ownerOf(aside) !== stale) take(lock, aside);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error; // another one was quicker
  } finally {
    rmSync(aside, { force: true });
  }
}

const busy = (file: string, owner: string | undefined) =>
  new GatewayError('another command changes the configuration at this moment; nothing was written', {
    code: 'config.busy',
    operation: 'write configuration',
    subject: file,
    hint: `try again${owner === undefined ? '' : `; it is process ${owner.split(' ')[0]}`}`,
    retryable: true,
  });

/**
 * Runs `work` while `<file>.lock` is ours; `isOurs` says whether it still is. Waits at most `waitMs` for another process, then
 * throws `config.busy`. A lock that a dead process left behind does not count.
 */
export function withFileLock<T>(file: string, waitMs: number, work: (isOurs: () => boolean) => T): T {
  const lock = `${file}.lock`;
  const own = `${lock}.${process.pid}`;
  const mine = ownerText(process.pid);
  writeFileSync(own, mine, { mode: 0o644 });
  try {
    const deadline = performance.now() + waitMs;
    while (!take(lock, own)) {
      const owner = ownerOf(lock);
      if (owner !== undefined && !isAlive(owner)) breakStale(lock, owner);
      else if (performance.now() > deadline) throw busy(file, owner);
      else sleep(10);
    }
  } finally {
    rmSync(own, { force: true });
  }
  const isOurs = () => ownerOf(lock) === mine;
  try {
    return work(isOurs);
  } finally {
    if (isOurs()) rmSync(lock, { force: true });
  }
}
