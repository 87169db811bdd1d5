/** Starting and stopping the foreign servers that tests run against: on loopback, on free ports, ended by process id. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Ports that were free a moment ago, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports: number[] = [];
  for (const server of servers) {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    const address = server.address();
    if (typeof address === 'object' && address) ports.push(address.port);
  }
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** Resolves when `ready` answers true; throws after `limitMs`, with what `explain` has to say. */
export async function waitUntil(
  what: string,
  ready: () => Promise<boolean>,
  options: { limitMs?: number; explain?: () => string } = {},
): Promise<void> {
  const { limitMs = 60_000, explain = () => '' } = options;
  const end = performance.now() + limitMs;
  while (!(await ready().catch(() => false))) {
    if (performance.now() > end) throw new Error(`${what}: not ready after ${limitMs} ms\n${explain()}`);
    await sleep(50);
  }
}

export async function answersHttp(url: string): Promise<boolean> {
  const response = await fetch(url, { signal: AbortSignal.timeout(2000) });
  await response.arrayBuffer();
  return response.status < 500;
}

export type ServerProcess = {
  readonly pid: number;
  readonly running: boolean;
  /** SIGTERM, and SIGKILL when that does not end it within `graceMs`. Resolves when the process has ended. */
  stop(options?: { signal?: NodeJS.Signals; graceMs?: number }): Promise<void>;
  /** The last lines it printed. */
  output(): string;
};

/** Everything started here that still runs; ended when this process exits in whatever way it can notice. */
const alive = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});

export function startServer(
  program: string,
  args: string[],
  options: { logFile: string; env?: Record<string, string | undefined> },
): ServerProcess {
  const log = openSync(options.logFile, 'a');
  const child = spawn(program, args, { stdio: ['ignore', log, log], env: { ...process.env, ...options.env } });
  closeSync(log);
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  }).then(() => void alive.delete(child));
  alive.add(child);
  const isRunning = () => child.pid !== undefined && child.exitCode === null && child.signalCode === null;
  return {
    pid: child.pid ?? -1,
    get running() {
      return isRunning();
    },
    stop: async ({ signal = 'SIGTERM', graceMs = 8000 } = {}) => {
      if (!isRunning()) return;
      child.kill(signal);
      const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
      await ended;
      clearTimeout(timer);
    },
    output: () => readFileSync(options.logFile, 'utf8').split('\n').slice(-20).join('\n'),
  };
}

/** Runs a program to its end; throws with what it printed when it fails. */
export function runProgram(
  program: string,
  args: string[],
  options: { env?: Record<string, string | undefined>; timeoutMs?: number } = {},
): Promise<string> {
  const { env, timeoutMs = 60_000 } = options;
  return new Promise((resolve, reject) => {
    execFile(program, args, { env: { ...process.env, ...env }, timeout: timeoutMs }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${program} ${args.join(' ')}: ${error.message}\n${stderr}`));
      else resolve(stdout);
    });
  });
}

/** What a store under test has in common, whichever program it is. */
export type S3TestServer = {
  readonly endpoint: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Where its data, configuration and logs lie; removed by `remove`. */
  readonly directory: string;
  createBucket(name: string): Promise<void>;
  /** Ends all its processes, in the order that keeps its data whole. */
  stop(): Promise<void>;
  /** Starts again on the same data and the same port. */
  start(): Promise<void>;
  /** `stop`, and its directory is gone. */
  remove(): Promise<void>;
};
