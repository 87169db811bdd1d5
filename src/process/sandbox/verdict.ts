/** What a run came to, from what was seen of it. Pure: the order of the questions is the whole of it. */
import { constants } from 'node:os';
import { cpuBudgetSeconds } from './bubblewrapArguments.ts';
import { mostDepth, mostEntries, type OutputSize } from './outputFolder.ts';
import type { FailureCause, SandboxedApplication, SandboxFigures } from './sandboxTypes.ts';

/** Why the gateway itself ended it. */
export type Stop = Extract<
  FailureCause,
  'wall-time' | 'cpu-time' | 'memory' | 'output-size' | 'processes' | 'cancelled'
>;

export type Seen = {
  stop: Stop | undefined;
  /** As a shell says it: 128 + number for a signal. undefined: the program never began. */
  status: number | undefined;
  wasOutOfMemory: boolean;
  refusedTasks: number;
  output: OutputSize;
  figures: SandboxFigures;
  /** The last line of bubblewrap or its helpers, when the program never began. */
  setupError: string;
};

const signalNames = new Map(Object.entries(constants.signals).map(([name, number]) => [number, name]));
const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

function isOutputOver(output: OutputSize, limit: number): boolean {
  return output.over !== undefined || output.bytes > limit;
}

/** Signals and exit statuses by which the kernel's own limits show. */
function kernelLimit(status: number | undefined): 'cpu-time' | 'output-size' | undefined {
  if (status === 128 + constants.signals.SIGXCPU) return 'cpu-time';
  if (status === 128 + constants.signals.SIGXFSZ) return 'output-size';
  return undefined;
}

/** The cause of a failure; undefined when it has ended well, and `result.json` decides. */
export function causeOf(seen: Seen, application: SandboxedApplication): FailureCause | undefined {
  if (seen.stop !== undefined) return seen.stop;
  if (seen.wasOutOfMemory) return 'memory';
  if (seen.refusedTasks > 0) return 'processes';
  const byKernel = kernelLimit(seen.status);
  if (byKernel !== undefined) return byKernel;
  if (isOutputOver(seen.output, application.limits.output)) return 'output-size';
  if (seen.status === undefined) return 'unavailable';
  if (seen.status > 128) return 'signal';
  return seen.status === 0 ? undefined : 'exit';
}

function outputMessage(output: OutputSize, limit: number): string {
  if (output.over === 'entries') return `made more than ${mostEntries} files in its output folder`;
  if (output.over === 'depth') return `made folders more than ${mostDepth} deep in its output folder`;
  if (output.over === 'unreadable') return 'made a folder that cannot be read in its output folder';
  return `wrote more than the ${mebibytes(limit)} of output that its manifest allows (limits.output)`;
}

function exitMessage(status: number): string {
  if (status === 127) return 'could not be started: the program or its interpreter is not there (exit status 127)';
  if (status === 126) return 'could not be started: it is not executable, or not by this user (exit status 126)';
  return `ended with exit status ${status}`;
}

function what(cause: FailureCause, seen: Seen, application: SandboxedApplication): string {
  const { limits } = application;
  const { figures } = seen;
  switch (cause) {
    case 'wall-time':
      return `was still running after the ${seconds(limits.wall)} that its manifest allows (limits.wall) and was ended`;
    case 'cpu-time':
      return `used up the ${cpuBudgetSeconds(limits).toFixed(1)} s of processor time that its manifest allows (limits.cpu x limits.wall)`;
    case 'memory':
      return `needed more than the ${mebibytes(limits.memory)} of memory that its manifest allows (limits.memory)`;
    case 'processes':
      return `started more than the ${limits.processes} processes and threads that its manifest allows (limits.processes)`;
    case 'output-size':
      return outputMessage(seen.output, limits.output);
    case 'signal': {
      const number = (seen.status ?? 128) - 128;
      return `was ended by signal ${signalNames.get(number) ?? number}, which the gateway did not send`;
    }
    case 'exit':
      return exitMessage(seen.status ?? 0);
    case 'cancelled':
      return `was ended because the gateway stops or the task was withdrawn, after ${seconds(figures.wallMs)}`;
    case 'unavailable':
      return `has not been run: the sandbox could not be set up (${seen.setupError || 'no reason was given'})`;
    case 'bad-result':
      return 'left a result that cannot be used';
  }
}

const next: Partial<Record<FailureCause, string>> = {
  'wall-time': 'raise the limit if the input is larger than usual, or run `app run` on it to see where it stays',
  'cpu-time': 'raise limits.cpu or limits.wall, or run `app run` on it to see what it does',
  memory: 'raise the limit in the manifest, or let it work on fewer instances at a time',
  processes: 'raise the limit in the manifest, or let it use fewer threads (OMP_NUM_THREADS)',
  'output-size': 'raise the limit in the manifest, or let it write less',
  unavailable: '`medusa-gateway check` says what the sandbox needs',
};

/** What became of it, beginning with a verb: whoever says it puts the name of the application in front. */
export function messageOf(
  cause: FailureCause,
  seen: Seen,
  application: SandboxedApplication,
  problem?: string,
): string {
  const because = problem === undefined ? '' : `: ${problem}`;
  const advice = next[cause] === undefined ? '' : `; ${next[cause]}`;
  return `${what(cause, seen, application)}${because}${advice}`;
}
