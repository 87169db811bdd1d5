/** What a process and all its descendants use, from /proc: for machines without delegated control groups. */
import { readdirSync, readFileSync, statfsSync } from 'node:fs';

export type TreeSample = {
  /** Of all processes; threads too, as the kernel counts them against the limit. */
  tasks: number;
  pids: number[];
  /** Resident, shared pages counted for each process that has them: never less than what is used. */
  residentBytes: number;
  /** Of those that live and those that were waited for. */
  cpuSeconds: number;
};

/** USER_HZ, which Linux shows to programs on every architecture. */
const ticksPerSecond = 100;
const mostProcesses = 100_000;

function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
}

function childrenOf(pid: number): number[] {
  const found: number[] = [];
  try {
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      const list = readProc(`/proc/${pid}/task/${task}/children`) ?? '';
      for (const child of list.split(' ')) if (child !== '') found.push(Number(child));
    }
  } catch {
    // The process has ended.
  }
  return found;
}

/** Orphans in a PID namespace become children of its first process, so that descent from `root` finds every one. */
export function sampleTree(root: number): TreeSample {
  const sample: TreeSample = { tasks: 0, pids: [root], residentBytes: 0, cpuSeconds: 0 };
  for (let at = 0; at < sample.pids.length && at < mostProcesses; at++) {
    const pid = sample.pids[at] as number;
    sample.pids.push(...childrenOf(pid));
    const stat = readProc(`/proc/${pid}/stat`);
    if (stat === undefined) continue;
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [user, system, childUser, childSystem] = fields.slice(11, 15).map(Number);
    sample.cpuSeconds += ((user ?? 0) + (system ?? 0) + (childUser ?? 0) + (childSystem ?? 0)) / ticksPerSecond;
    sample.tasks += Number(fields[17] ?? 1);
    const resident = /^VmRSS:\s+(\d+) kB/m.exec(readProc(`/proc/${pid}/status`) ?? '')?.[1];
    sample.residentBytes += Number(resident ?? 0) * 1024;
  }
  return sample;
}

/** Resident memory with shared pages counted once; slower. undefined when one of the processes cannot be looked into. */
export function proportionalBytes(pids: number[]): number | undefined {
  let sum = 0;
  for (const pid of pids) {
    const rollup = readProc(`/proc/${pid}/smaps_rollup`);
    if (rollup === undefined || rollup === '') continue;
    const pss = /^Pss:\s+(\d+) kB/m.exec(rollup)?.[1];
    if (pss === undefined) return undefined;
    sum += Number(pss) * 1024;
  }
  return sum;
}

/** Bytes in file systems that lie in memory, in the mount namespace of `pid`. 0 when it has none yet, or cannot be looked into. */
export function temporaryFileBytes(pid: number, paths: string[]): number {
  let sum = 0;
  for (const path of paths) {
    try {
      const { blocks, bfree, bsize, type } = statfsSync(`/proc/${pid}/root${path}`);
      if (type === 0x01021994) sum += (blocks - bfree) * bsize;
    } catch {
      // Ended, or not set up yet.
    }
  }
  return sum;
}
