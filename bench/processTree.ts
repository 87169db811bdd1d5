/** What a server's processes take: memory and disk writes, from /proc. */
import { readdirSync, readFileSync } from 'node:fs';

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // the process has ended between two looks
  }
}

/** The process and all its descendants, as far as they live. */
export function processTree(pid: number): number[] {
  const tree = [pid];
  for (const member of tree) {
    let threads: string[] = [];
    try {
      threads = readdirSync(`/proc/${member}/task`);
    } catch {
      continue;
    }
    for (const thread of threads) {
      const children = read(`/proc/${member}/task/${thread}/children`).trim();
      if (children !== '') tree.push(...children.split(' ').map(Number));
    }
  }
  return tree;
}

function kilobytes(pid: number, field: string): number {
  const match = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(read(`/proc/${pid}/status`));
  return match ? Number(match[1]) : 0;
}

const sum = (numbers: number[]) => numbers.reduce((total, n) => total + n, 0);
const membersOf = (pids: readonly number[]) => pids.flatMap(processTree);

/** Bytes resident now. Pages that processes share count in each of them. */
export function residentBytes(pids: readonly number[]): number {
  return sum(membersOf(pids).map((pid) => kilobytes(pid, 'VmRSS') * 1024));
}

/** The most that each living process ever had, added up: never less than the real peak of the processes seen. */
export function peakResidentBytes(pids: readonly number[]): number {
  return sum(membersOf(pids).map((pid) => kilobytes(pid, 'VmHWM') * 1024));
}

/** A number that stands still while the processes neither compute nor write. */
export function activity(pids: readonly number[]): number {
  return sum(
    membersOf(pids).map((pid) => {
      const times = read(`/proc/${pid}/stat`)
        .replace(/^.*\) /, '')
        .split(' ');
      const written = /^write_bytes: (\d+)$/m.exec(read(`/proc/${pid}/io`));
      return Number(times[11] ?? 0) + Number(times[12] ?? 0) + Math.round(Number(written?.[1] ?? 0) / 65536);
    }),
  );
}
