/**
 * kill -9 in the middle of split applications: while instances gather, a run is begun, made durable, entered, delivered,
 * receipted and given back. At the end what was acknowledged is in the store, once and whole.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export type WorkVerdict = {
  points: number;
  acknowledged: number;
  /** Runs that a start found durable and entered: kills between commit and finish. */
  recovered: number;
  lost: string[];
  doubled: string[];
  problems: string[];
};

const program = fileURLToPath(new URL('./workChild.ts', import.meta.url));
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function start(directory: string, mode: string): ChildProcess {
  return spawn(process.execPath, [program, directory, mode], { stdio: ['ignore', 'pipe', 'inherit'] });
}

export async function crashWork(options: { directory: string; points: number }): Promise<WorkVerdict> {
  const { directory, points } = options;
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(join(directory, 'store'), { recursive: true });
  const problems: string[] = [];
  for (let point = 0; point < points; point++) {
    const child = start(directory, 'load');
    const exited = once(child, 'exit');
    await Promise.race([child.stdout ? once(child.stdout, 'data') : exited, exited]);
    await pause(50 + Math.random() * 500);
    if (child.exitCode !== null) problems.push(`life ${point} ended by itself with ${child.exitCode}`);
    child.kill('SIGKILL');
    await exited;
  }
  const last = start(directory, 'drain');
  const timer = setTimeout(() => last.kill('SIGKILL'), 120_000);
  const [code] = (await once(last, 'exit')) as [number | null];
  clearTimeout(timer);
  if (code !== 0) problems.push(`the last life ended with ${code}`);
  return judgeWork(directory, points, problems);
}

function judgeWork(directory: string, points: number, problems: string[]): WorkVerdict {
  const lines = (name: string) => {
    const path = join(directory, name);
    return existsSync(path)
      ? readFileSync(path, 'utf8')
          .split('\n')
          .filter((line) => line !== '')
      : [];
  };
  const store = join(directory, 'store');
  const copies = new Map<string, number>();
  for (const name of readdirSync(store).filter((one) => one.includes('.dcm'))) {
    const sha256 = createHash('sha256')
      .update(readFileSync(join(store, name)))
      .digest('hex');
    copies.set(sha256, (copies.get(sha256) ?? 0) + 1);
  }
  const receipts = lines('receipts');
  const acknowledged = lines('acknowledged').map((line) => line.split(' ')[1] ?? '');
  return {
    points,
    acknowledged: acknowledged.length,
    recovered: lines('recovered').reduce((sum, line) => sum + Number(line), 0),
    lost: acknowledged.filter((sha256) => !copies.has(sha256)),
    doubled: [
      ...[...copies].filter(([, count]) => count > 1).map(([sha256]) => sha256),
      ...receipts.filter((line, i) => receipts.indexOf(line) !== i).map((line) => `receipt of ${line}`),
    ],
    problems: [...problems, ...lines('problems')],
  };
}
