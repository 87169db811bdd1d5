/** Programs held to one core each, and what they take of it: others' time on this machine is not counted. */
import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Seconds by the clock, and of processors (user and system, of all that the program started). */
export type Time = { wall: number; cpu: number };
export type AppRuns = { instances: number; bytesIn: number; bytesOut: number; cold: Time; warm: Time[] };

const child = new URL('./deidentifyProcess.ts', import.meta.url).pathname;

/** The last core that this process may use; taskset(1) has to be there. */
export function lastCore(): string {
  const allowed = execFileSync('taskset', ['-cp', String(process.pid)], { encoding: 'utf8' });
  return /(\d+)\s*$/.exec(allowed)?.[1] ?? '0';
}

/** Runs a shell command on one core. Throws Error with what it said last when it fails. */
export async function timed(core: string, command: string, args: readonly string[]): Promise<Time> {
  const script = `TIMEFORMAT='took %R %U %S'; time { ${command} >/dev/null; }`;
  const output = await run('taskset', ['-c', core, 'bash', '-ec', script, 'bash', ...args], {
    env: { ...process.env, LC_ALL: 'C' },
    maxBuffer: 2 ** 26,
  });
  const [, wall, user, system] = /took ([\d.]+) ([\d.]+) ([\d.]+)\s*$/.exec(output.stderr) ?? [];
  if (system === undefined) throw new Error(`no time in: ${output.stderr.slice(-200)}`);
  return { wall: Number(wall), cpu: Number(user) + Number(system) };
}

export type AppOnCore = { core: string; manifest: string; folder: string; work: string; warmRuns: number };

/** Our engine over a folder, in a process of its own on one core. Throws Error when a run does not finish. */
export async function appOnCore({ core, manifest, folder, work, warmRuns }: AppOnCore): Promise<AppRuns> {
  const args = ['-c', core, process.execPath, child, manifest, folder, work, String(warmRuns)];
  const { stdout } = await run('taskset', args).catch((error: { stderr?: string }) => {
    const said = /^Error: (.*)$/m.exec(error.stderr ?? '')?.[1];
    throw new Error(said ?? String(error));
  });
  return JSON.parse(stdout) as AppRuns;
}
