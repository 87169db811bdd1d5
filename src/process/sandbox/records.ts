/**
 * A record on disk of each run that is under way, so that what a killed gateway left behind is found and ended by the next one. The
 * kernel ends a sandbox with its gateway (--die-with-parent); this is for the moment in which that was not yet said.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { processStart } from '../../base/processStart.ts';

const suffix = '.run';

export type RunRecordFile = { remove(): void };

export function recordRun(workDirectory: string, name: string, pid: number): RunRecordFile {
  const path = join(workDirectory, `${name}${suffix}`);
  writeFileSync(path, JSON.stringify({ pid, start: processStart(pid) }), { mode: 0o600 });
  return { remove: () => rmSync(path, { force: true }) };
}

/** Ends what an earlier gateway left running, and forgets it. Returns how many were still there. */
export function sweepRuns(workDirectory: string): number {
  mkdirSync(workDirectory, { recursive: true, mode: 0o700 });
  let ended = 0;
  for (const name of readdirSync(workDirectory).filter((one) => one.endsWith(suffix))) {
    if (endRecorded(join(workDirectory, name))) ended++;
    rmSync(join(workDirectory, name), { force: true });
  }
  return ended;
}

function endRecorded(path: string): boolean {
  try {
    const { pid, start } = JSON.parse(readFileSync(path, 'utf8')) as { pid: number; start: string };
    // A number that means another process by now is left alone.
    if (!Number.isInteger(pid) || pid <= 1 || start === undefined || processStart(pid) !== start) return false;
    process.kill(pid, 'SIGKILL');
    return true;
  } catch {
    return false;
  }
}
