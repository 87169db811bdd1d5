/** One run, from folders to outcome. Whatever happens: nothing of it runs on, and nothing but its outcome stays. */
import { chmodSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeError, systemCode } from '../../base/errors.ts';
import { processStart } from '../../base/processStart.ts';
import { RunGroup } from './cgroup.ts';
import { LastWords } from './lastWords.ts';
import { type Launchable, type Launched, launch } from './launch.ts';
import { Monitor } from './monitor.ts';
import { emptyFolder, measureOutput, removeHidden } from './outputFolder.ts';
import { type Prepared, prepareFolders } from './prepare.ts';
import { recordRun } from './records.ts';
import { readResult } from './resultFile.ts';
import type { FailureCause, SandboxFigures, SandboxOutcome, SandboxRun } from './sandboxTypes.ts';
import { causeOf, messageOf, type Seen, type Stop } from './verdict.ts';

export type Machine = Launchable & {
  workDirectory: string;
  hidden: string[];
  /** Delegated control group, if there is one. */
  groupDirectory: string | undefined;
};

const niceness = 10;
const pipesMs = 2000;
const goneTries = 250;
const noFigures: SandboxFigures = { cpuSeconds: 0, peakMemoryBytes: 0, wallMs: 0, outputBytes: 0 };

export async function runInSandbox(machine: Machine, name: string, run: SandboxRun): Promise<SandboxOutcome> {
  const command = run.application.command;
  if (run.signal.aborted) return refused(run, 'cancelled', '');
  let group: RunGroup | undefined;
  try {
    if (command === undefined || command.length === 0) throw new Error('the application names no command');
    const folders = prepareFolders(run, machine.hidden, machine.user);
    if (machine.groupDirectory !== undefined)
      group = new RunGroup(machine.groupDirectory, name, run.application.limits);
    const started = launch(machine, run.application, command, { ...folders, node: process.execPath });
    const ended = await supervise(machine, name, run, { folders, group, started });
    return await conclude(run, folders, ended);
  } catch (error) {
    return refused(run, 'unavailable', describeError(error));
  } finally {
    await group?.remove();
  }
}

type Parts = { folders: Prepared; group: RunGroup | undefined; started: Launched };
type Ended = { seen: Seen; words: LastWords };

async function supervise(machine: Machine, name: string, run: SandboxRun, parts: Parts): Promise<Ended> {
  const { group, started, folders } = parts;
  const begun = performance.now();
  const kill = () => killAll(started, group);
  let stopped: Stop | undefined;
  const stop = (cause: Stop) => {
    stopped ??= cause;
    kill();
  };
  const words = new LastWords(started.stdout, started.stderr, run.onProgress);
  const record = recordRun(machine.workDirectory, name, started.pid);
  const onAbort = () => stop('cancelled');
  run.signal.addEventListener('abort', onAbort, { once: true });
  const { application, outputDirectory } = run;
  const watched = { application, group, outputDirectory, pid: started.pid, insidePid: started.insidePid };
  const monitor = new Monitor(watched, stop, () => words.breathe());
  const wall = setTimeout(() => stop('wall-time'), application.limits.wall);
  try {
    if (run.signal.aborted) stop('cancelled');
    yieldTo(started.pid);
    group?.add(started.pid);
    started.go();
    await started.ended;
  } finally {
    clearTimeout(wall);
    run.signal.removeEventListener('abort', onAbort);
    kill();
    await waitUntilGone(started);
    record.remove();
  }
  const wallMs = performance.now() - begun;
  await words.finish(pipesMs);
  const { cpuSeconds, peakMemoryBytes, wasOutOfMemory, refusedTasks } = await monitor.end();
  restoreRights(folders.output);
  const output = await measureOutput(folders.output, application.limits.output);
  const figures = { cpuSeconds, peakMemoryBytes, wallMs, outputBytes: output.bytes };
  const status = started.programStatus();
  const setupError = lastLine(words.error);
  const seen: Seen = { stop: stopped, status, wasOutOfMemory, refusedTasks, output, figures, setupError };
  return { seen, words };
}

/** The program may have closed its own output folder; what it has closed below is its fault to the reader. */
function restoreRights(output: string): void {
  try {
    chmodSync(output, 0o700);
  } catch {
    // Measuring says what is wrong.
  }
}

/** The program has run: what cannot be read of its output is its own doing, and would be so again. */
async function conclude(run: SandboxRun, folders: Prepared, { words, seen }: Ended): Promise<SandboxOutcome> {
  const cause = causeOf(seen, run.application);
  if (cause !== undefined) return fail(run, seen, { cause, words: words.all });
  const checked = safelyRead(folders);
  if (checked.kind === 'problem') {
    const detail = Buffer.from(
      checked.detail === '' ? '' : `--- what the result is refused for ---\n${checked.detail}\n`,
    );
    return fail(run, seen, {
      cause: 'bad-result',
      words: Buffer.concat([words.all, detail]),
      problem: checked.message,
    });
  }
  try {
    await removeHidden(folders.output);
  } catch (error) {
    const problem = `what is hidden in the output folder cannot be removed (${systemCode(error) ?? 'no reason given'})`;
    return fail(run, seen, { cause: 'bad-result', words: words.all, problem });
  }
  return { kind: 'finished', exitCode: 0, result: checked.result, files: checked.files, figures: seen.figures };
}

function safelyRead(folders: Prepared): ReturnType<typeof readResult> {
  try {
    return readResult(folders.output, folders.inputNames);
  } catch (error) {
    return { kind: 'problem', message: 'the output folder cannot be read', detail: describeError(error) };
  }
}

type Failure = { cause: FailureCause; words: Buffer; problem?: string };

async function fail(run: SandboxRun, seen: Seen, { cause, words, problem }: Failure): Promise<SandboxOutcome> {
  // Whoever made the folder removes it; what the program did is told all the same.
  await emptyFolder(run.outputDirectory).catch(() => undefined);
  const areKept = words.length > 0 && keepWords(run.stderrFile, words);
  return {
    kind: 'failed',
    cause,
    message: messageOf(cause, seen, run.application, problem),
    exitCode: seen.status,
    figures: seen.figures,
    stderrFile: areKept ? run.stderrFile : undefined,
  };
}

function keepWords(file: string, words: Buffer): boolean {
  try {
    writeFileSync(file, words, { mode: 0o600 });
    return true;
  } catch {
    return false;
  }
}

/** The program has not begun. */
function refused(run: SandboxRun, cause: 'unavailable' | 'cancelled', setupError: string): SandboxOutcome {
  const seen: Seen = {
    ...{ stop: undefined, status: undefined, wasOutOfMemory: false, refusedTasks: 0, figures: noFigures, setupError },
    output: { bytes: 0, entries: 0, over: undefined },
  };
  const message = messageOf(cause, seen, run.application);
  return { kind: 'failed', cause, message, exitCode: undefined, figures: noFigures, stderrFile: undefined };
}

/** Receiving goes first: less of the processors, and the first to go when the machine has no memory left. */
function yieldTo(pid: number): void {
  try {
    setPriority(pid, niceness);
    writeFileSync(`/proc/${pid}/oom_score_adj`, '1000');
  } catch {
    // A supervisor may not allow it; limits hold all the same.
  }
}

/** The end of the first process inside is the end of all inside: the kernel does it, whatever they ignore or have become. */
function killAll(started: Launched, group: RunGroup | undefined): void {
  group?.kill();
  for (const pid of [started.insidePid(), started.pid]) {
    if (pid === undefined || started.hasEnded()) continue;
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended.
    }
  }
}

async function waitUntilGone(started: Launched): Promise<void> {
  await started.ended.catch(() => undefined);
  const inside = started.insidePid();
  if (inside === undefined) return;
  const start = processStart(inside);
  for (let round = 0; round < goneTries && start !== undefined && processStart(inside) === start; round++)
    await sleep(20);
}

function lastLine(text: Buffer): string {
  const lines = text
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '');
  return (lines.at(-1) ?? '').replace(/[^\x20-\x7e]/g, '?').slice(0, 300);
}
