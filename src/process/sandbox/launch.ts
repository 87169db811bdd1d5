/** Starts bubblewrap, held back until its control group and its record are there, and hears what it says of itself. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import {
  asUser,
  bubblewrapArguments,
  descriptors,
  readCeilings,
  type Sources,
  stagedSources,
  waiting,
} from './bubblewrapArguments.ts';
import type { SandboxedApplication } from './sandboxTypes.ts';
import { insideFiles } from './view.ts';

export type Launchable = {
  bubblewrap: string;
  machine: string[];
  /** Set when the gateway is root: whom the program runs as. */
  user: { uid: number; gid: number } | undefined;
  /** Folder with `filter` and the files of insideFiles. */
  filesDirectory: string;
  memoryIsCounted: boolean;
};

export type Ended = { code: number | null; signal: NodeJS.Signals | null };

export type Launched = {
  /** Of the outermost process; it becomes bubblewrap. */
  pid: number;
  stdout: Readable;
  stderr: Readable;
  /** Lets it begin. */
  go(): void;
  /** The first process inside, once there is one, as the machine numbers it. When that ends the kernel ends all others inside. */
  insidePid(): number | undefined;
  /** The status that the program ended with; undefined when it never began. */
  programStatus(): number | undefined;
  hasEnded(): boolean;
  ended: Promise<Ended>;
};

export const filterFile = 'filter';
const mostStatusText = 16 * 1024;

export function launch(
  with_: Launchable,
  application: SandboxedApplication,
  command: string[],
  sources: Sources,
): Launched {
  const inner = bubblewrapArguments({
    machine: with_.machine,
    application,
    command,
    sources: with_.user === undefined ? sources : stagedSources,
    memoryIsCounted: with_.memoryIsCounted,
    ceilings: readCeilings(readFileSync('/proc/self/limits', 'utf8')),
  });
  const become = with_.user === undefined ? [] : asUser(with_.user, sources);
  const [program, args] = waiting([...become, with_.bubblewrap, ...inner]);
  const files = [filterFile, ...Object.keys(insideFiles)].map((name) =>
    openSync(`${with_.filesDirectory}/${name}`, 'r'),
  );
  try {
    const stdio = ['ignore', 'pipe', 'pipe', 'pipe', 'pipe', ...files] as const;
    return watch(spawn(program, args, { cwd: '/', env: {}, stdio: [...stdio] }));
  } finally {
    for (const fd of files) closeSync(fd);
  }
}

function watch(child: ChildProcess): Launched {
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  // Heard by whoever waits; a failed start must not end the gateway in between.
  ended.catch(() => undefined);
  if (child.pid === undefined) throw new Error(`${child.spawnfile} cannot be started`);
  let said = '';
  const status = child.stdio[descriptors.status] as Readable;
  status.on('data', (data: Buffer) => {
    if (said.length < mostStatusText) said += data.toString('latin1');
  });
  status.on('error', () => undefined);
  const door = child.stdio[descriptors.go] as Writable;
  door.on('error', () => undefined);
  const figure = (name: string) => {
    const found = new RegExp(`"${name}":\\s*(\\d+)`).exec(said)?.[1];
    return found === undefined ? undefined : Number(found);
  };
  return {
    pid: child.pid,
    stdout: child.stdout as Readable,
    stderr: child.stderr as Readable,
    go: () => door.end('go\n'),
    insidePid: () => figure('child-pid'),
    programStatus: () => figure('exit-code'),
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
    ended,
  };
}
