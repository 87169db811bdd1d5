/**
 * Control groups, version 2, below the one that was delegated to this gateway (systemd: Delegate=yes). Only a group that belongs to the
 * gateway's own user is taken for delegated: root could write to any, and would be in somebody else's way.
 *
 *   <unit>/            no processes, as the kernel asks of a group that gives controllers to those below
 *   <unit>/gateway     the gateway and its courier
 *   <unit>/sandbox-N   one run of a data part
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeError } from '../../base/errors.ts';
import type { DataPartLimits } from '../application.ts';

const own = 'gateway';
const prefix = 'sandbox-';
const needed = ['memory', 'pids', 'cpu'];
const removalTries = 100;

export type Delegation = { directory: string } | { reason: string };

/** The delegated group, with this process moved aside and controllers switched on; or why there is none. */
export function prepareDelegation(): Delegation {
  const directory = delegatedDirectory();
  if (typeof directory !== 'string') return directory;
  try {
    mkdirSync(join(directory, own), { recursive: true });
    moveAside(directory);
    for (const controller of needed) writeFileSync(join(directory, 'cgroup.subtree_control'), `+${controller}`);
    return { directory };
  } catch (error) {
    return { reason: `the control group cannot be prepared: ${describeError(error)}` };
  }
}

function delegatedDirectory(): string | { reason: string } {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  const mount = mounts.find((line) => / - cgroup2 /.test(line))?.split(' ');
  if (mount === undefined) return { reason: 'no control groups of version 2 are mounted' };
  const path = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1] ?? '/';
  let directory = join(mount[4] ?? '', path);
  if (basename(directory) === own) directory = dirname(directory);
  if (path === '/') return { reason: 'this process is in the root control group' };
  try {
    if (process.geteuid?.() === 0) return { reason: 'the gateway is root: it cannot tell a delegated group' };
    if (statSync(directory).uid !== process.geteuid?.()) {
      return { reason: 'no control group is delegated to this user (systemd: Delegate=yes)' };
    }
    const has = readFileSync(join(directory, 'cgroup.controllers'), 'utf8').trim().split(' ');
    const missing = needed.filter((one) => !has.includes(one));
    return missing.length === 0
      ? directory
      : { reason: `the control group has no controller for ${missing.join(', ')}` };
  } catch (error) {
    return { reason: `the control group cannot be looked at: ${describeError(error)}` };
  }
}

/** All processes of the unit go to a group of their own; some may be born meanwhile. */
function moveAside(directory: string): void {
  for (let round = 0; round < removalTries; round++) {
    const pids = readFileSync(join(directory, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean);
    if (pids.length === 0) return;
    for (const pid of pids) {
      try {
        writeFileSync(join(directory, own, 'cgroup.procs'), pid);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
    }
  }
}

export type GroupSample = {
  memoryBytes: number;
  cpuSeconds: number;
  /** The kernel has ended a process as the memory limit was reached. */
  wasOutOfMemory: boolean;
  /** Processes or threads that were not allowed to begin. */
  refusedTasks: number;
};

/** The group of one run. */
export class RunGroup {
  readonly directory: string;
  #peak = 0;

  constructor(parent: string, name: string, limits: DataPartLimits) {
    this.directory = join(parent, `${prefix}${name}`);
    mkdirSync(this.directory);
    this.#write('memory.max', limits.memory);
    this.#writeIfThere('memory.swap.max', 0);
    this.#writeIfThere('memory.oom.group', 1);
    // bubblewrap outside and inside are two more.
    this.#write('pids.max', limits.processes + 2);
    const period = 100_000;
    this.#write('cpu.max', `${Math.max(1000, Math.round(limits.cpu * period))} ${period}`);
    // Receiving goes first when the processors are wanted by both.
    this.#writeIfThere('cpu.weight', 20);
  }

  add(pid: number): void {
    this.#write('cgroup.procs', pid);
  }

  sample(): GroupSample {
    const number = (file: string, key: string) =>
      Number(new RegExp(`^${key} (\\d+)$`, 'm').exec(this.#read(file) ?? '')?.[1] ?? 0);
    const now = Number(this.#read('memory.current') ?? 0);
    const peak = Number(this.#read('memory.peak') ?? 0);
    this.#peak = Math.max(this.#peak, now, peak);
    return {
      memoryBytes: this.#peak,
      cpuSeconds: number('cpu.stat', 'usage_usec') / 1e6,
      wasOutOfMemory: number('memory.events', 'oom_kill') > 0,
      refusedTasks: number('pids.events', 'max'),
    };
  }

  kill(): void {
    killGroup(this.directory);
  }

  async remove(): Promise<void> {
    await removeGroup(this.directory);
  }

  #read(file: string): string | undefined {
    try {
      return readFileSync(join(this.directory, file), 'utf8');
    } catch {
      return undefined;
    }
  }

  #write(file: string, value: number | string): void {
    writeFileSync(join(this.directory, file), String(value));
  }

  #writeIfThere(file: string, value: number): void {
    if (existsSync(join(this.directory, file))) this.#write(file, value);
  }
}

/** cgroup.kill is there since Linux 5.14; before, one after another until none is left. */
function killGroup(directory: string): void {
  try {
    writeFileSync(join(directory, 'cgroup.kill'), '1');
  } catch {
    for (const pid of groupPids(directory)) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended.
      }
    }
  }
}

function groupPids(directory: string): number[] {
  try {
    return readFileSync(join(directory, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

async function removeGroup(directory: string): Promise<void> {
  for (let round = 0; round < removalTries && existsSync(directory); round++) {
    killGroup(directory);
    try {
      rmdirSync(directory);
    } catch {
      await sleep(20);
    }
  }
}

/** Groups of runs that an earlier gateway did not end. */
export async function sweepGroups(directory: string): Promise<number> {
  const left = readdirSync(directory).filter((name) => name.startsWith(prefix));
  for (const name of left) await removeGroup(join(directory, name));
  return left.length;
}
