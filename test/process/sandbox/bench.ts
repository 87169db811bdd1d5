/** A sandbox in a temporary folder, with one staged instance, for programs written in a test. */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMemoryLog } from '../../../src/base/log.ts';
import { openSandbox } from '../../../src/process/sandbox/openSandbox.ts';
import type {
  Sandbox,
  SandboxedApplication,
  SandboxOptions,
  SandboxOutcome,
} from '../../../src/process/sandbox/sandboxTypes.ts';
import { missingPackages } from '../../support/debianPackages.ts';

export const skip = missingPackages([
  { program: 'bwrap', package: 'bubblewrap' },
  { program: 'python3', package: 'python3' },
  { program: 'gcc', package: 'gcc' },
]);

export const instance = '000001.dcm';
export const limits = { memory: 128 * 2 ** 20, cpu: 1, wall: 20_000, output: 2 ** 20, processes: 16 };

export type RunSettings = {
  limits?: Partial<SandboxedApplication['limits']>;
  signal?: AbortSignal;
  onProgress?: (percent: number) => void;
};

export type Ran = { outcome: SandboxOutcome; words: string; output: string };

export type Bench = {
  root: string;
  sandbox: Sandbox;
  /** Runs `command` in a folder of its own with the files of `application`. */
  run(command: string[], settings?: RunSettings): Promise<Ran>;
  python(source: string, settings?: RunSettings): Promise<Ran>;
  shell(source: string, settings?: RunSettings): Promise<Ran>;
  close(): Promise<void>;
};

export async function openBench(options: Partial<SandboxOptions> = {}): Promise<Bench> {
  const root = mkdtempSync(join(tmpdir(), 'medusa-sandbox-test-'));
  // Closed to everybody, as a state directory is.
  chmodSync(root, 0o700);
  mkdirSync(join(root, 'state'));
  const opened = await openSandbox({
    ...{ workDirectory: join(root, 'state', 'sandbox'), hidden: [join(root, 'state')], log: createMemoryLog().log },
    ...options,
  });
  if (!opened.available) {
    rmSync(root, { recursive: true, force: true });
    throw opened.error;
  }
  let count = 0;
  const application = join(root, 'application');
  mkdirSync(application);
  const run: Bench['run'] = async (command, settings = {}) => {
    const folder = join(root, 'state', `run-${++count}`);
    const [inputDirectory, output] = [join(folder, 'input'), join(folder, 'output')];
    for (const path of [inputDirectory, output]) mkdirSync(path, { recursive: true });
    writeFileSync(join(inputDirectory, instance), 'an instance');
    writeFileSync(join(inputDirectory, 'study.json'), '{"format":"medusa.study/1"}');
    const stderrFile = join(folder, 'stderr.txt');
    const outcome = await opened.run({
      application: {
        ...{ name: 'hostile', version: '1.0.0', scope: 'study', directory: application, command },
        limits: { ...limits, ...settings.limits },
      },
      ...{ inputDirectory, outputDirectory: output, stderrFile },
      signal: settings.signal ?? new AbortController().signal,
      ...(settings.onProgress === undefined ? {} : { onProgress: settings.onProgress }),
    });
    return { outcome, words: existsSync(stderrFile) ? readFileSync(stderrFile, 'utf8') : '', output };
  };
  return {
    root,
    sandbox: opened,
    run,
    python: (source, settings) => run(['/usr/bin/python3', '-c', source], settings),
    shell: (source, settings) => run(['/bin/sh', '-c', source], settings),
    close: async () => {
      await opened.close();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** A whole, empty result: what a program writes that has done its work. */
export const emptyResult = 'echo \'{"format":"medusa.result/1","files":[]}\' > /output/result.json';

/** Compiles a C program into the folder of the application. */
export function compile(bench: Bench, name: string, source: string): void {
  const file = join(bench.root, `${name}.c`);
  writeFileSync(file, source);
  const made = spawnSync('gcc', ['-O1', '-o', join(bench.root, 'application', name), file], { encoding: 'utf8' });
  if (made.status !== 0) throw new Error(made.stderr);
}

export function causeOf({ outcome }: Ran): string {
  return outcome.kind === 'failed' ? outcome.cause : 'finished';
}

/** Processes of this machine whose command line holds `marker`. */
export function processesWith(marker: string): string[] {
  const listed = spawnSync('ps', ['-eo', 'pid=,args='], { encoding: 'utf8' }).stdout;
  return listed.split('\n').filter((line) => line.includes(marker) && !line.includes('ps -eo'));
}
