/** Looks at a run ten times a second: what it uses, and whether it has passed a limit. */

import { cpuBudgetSeconds } from './bubblewrapArguments.ts';
import type { RunGroup } from './cgroup.ts';
import { measureOutput, type OutputSize } from './outputFolder.ts';
import { proportionalBytes, sampleTree, temporaryFileBytes } from './processTree.ts';
import type { SandboxedApplication } from './sandboxTypes.ts';
import type { Stop } from './verdict.ts';

const intervalMs = 100;
/** Two of bubblewrap: the one outside, and the first process inside. */
const bubblewrapTasks = 2;

export type Usage = {
  cpuSeconds: number;
  peakMemoryBytes: number;
  wasOutOfMemory: boolean;
  refusedTasks: number;
};

export type Watched = {
  application: SandboxedApplication;
  group: RunGroup | undefined;
  outputDirectory: string;
  pid: number;
  insidePid(): number | undefined;
};

export class Monitor {
  readonly #run: Watched;
  readonly #stop: (cause: Stop) => void;
  readonly #onLook: () => void;
  readonly #usage: Usage = { cpuSeconds: 0, peakMemoryBytes: 0, wasOutOfMemory: false, refusedTasks: 0 };
  readonly #timer: NodeJS.Timeout;
  #measuring: Promise<void> | undefined;

  constructor(run: Watched, stop: (cause: Stop) => void, onLook: () => void) {
    this.#run = run;
    this.#stop = stop;
    this.#onLook = onLook;
    this.#timer = setInterval(() => this.#look(), intervalMs);
  }

  /** Ends looking; what was used in all. */
  async end(): Promise<Usage> {
    clearInterval(this.#timer);
    await this.#measuring;
    if (this.#run.group !== undefined) this.#sampleGroup(this.#run.group);
    return this.#usage;
  }

  #look(): void {
    this.#onLook();
    const { limits } = this.#run.application;
    if (this.#run.group === undefined) this.#sampleProcesses();
    else this.#sampleGroup(this.#run.group);
    if (this.#usage.wasOutOfMemory || this.#usage.peakMemoryBytes > limits.memory) this.#stopForMemory();
    if (this.#usage.refusedTasks > 0) this.#stop('processes');
    // In a control group it never gets more than its share: the wall limit ends it.
    const isShareKept = this.#run.group !== undefined;
    if (!isShareKept && this.#usage.cpuSeconds > cpuBudgetSeconds(limits)) this.#stop('cpu-time');
    this.#measuring ??= this.#measure().finally(() => {
      this.#measuring = undefined;
    });
  }

  /** In a control group the kernel keeps the limit; being at it is no fault, as memory is given back for file contents. */
  #stopForMemory(): void {
    if (this.#run.group === undefined || this.#usage.wasOutOfMemory) this.#stop('memory');
  }

  #sampleGroup(group: RunGroup): void {
    const { memoryBytes, cpuSeconds, wasOutOfMemory, refusedTasks } = group.sample();
    this.#usage.peakMemoryBytes = Math.max(this.#usage.peakMemoryBytes, memoryBytes);
    this.#usage.cpuSeconds = Math.max(this.#usage.cpuSeconds, cpuSeconds);
    this.#usage.wasOutOfMemory ||= wasOutOfMemory;
    this.#usage.refusedTasks = Math.max(this.#usage.refusedTasks, refusedTasks);
  }

  #sampleProcesses(): void {
    const { limits } = this.#run.application;
    const sample = sampleTree(this.#run.pid);
    const inside = this.#run.insidePid();
    const temporary = inside === undefined ? 0 : temporaryFileBytes(inside, ['/tmp', '/dev/shm']);
    let memory = sample.residentBytes + temporary;
    // Forked processes share pages, which were counted for each: looked at closely only when it matters.
    if (memory > limits.memory) memory = (proportionalBytes(sample.pids) ?? sample.residentBytes) + temporary;
    this.#usage.peakMemoryBytes = Math.max(this.#usage.peakMemoryBytes, memory);
    this.#usage.cpuSeconds = Math.max(this.#usage.cpuSeconds, sample.cpuSeconds);
    if (sample.tasks - bubblewrapTasks > limits.processes) this.#usage.refusedTasks = 1;
  }

  async #measure(): Promise<void> {
    const size = await measureOutput(this.#run.outputDirectory, this.#run.application.limits.output);
    if (isOver(size)) this.#stop('output-size');
  }
}

function isOver(size: OutputSize): boolean {
  return size.over !== undefined;
}
