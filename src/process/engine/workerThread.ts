/** One worker thread as the pool sees it: its batch, which item of it was begun last, and since when. */
import { Worker } from 'node:worker_threads';
import type { FromWorker, RunSetup, ToWorker, WorkerData, WorkItem } from './protocol.ts';

export type ThreadOptions = Omit<WorkerData, 'begun'> & {
  onReady(): void;
  onAnswers(message: Extract<FromWorker, { kind: 'answers' }>): void;
  /** Once, whatever ended it. */
  onExit(reason: string): void;
};

const mebibyte = 1024 * 1024;
/** The program itself, beside the objects that it works on. */
const ownHeapMiB = 96;

export class WorkerThread {
  readonly #worker: Worker;
  readonly #begun: Int32Array;
  /** Runs that it knows, and in which version of their setup. */
  readonly #known = new Map<number, RunSetup>();
  #begunBefore = 0;
  #reason: string | undefined;
  isReady = false;

  constructor(options: ThreadOptions) {
    const { onReady, onAnswers, onExit, ...data } = options;
    const begun = new SharedArrayBuffer(4);
    this.#begun = new Int32Array(begun);
    this.#worker = new Worker(new URL('./worker.ts', import.meta.url), {
      workerData: { ...data, begun } satisfies WorkerData,
      resourceLimits: { maxOldGenerationSizeMb: ownHeapMiB + Math.ceil(options.memoryPerInstance / mebibyte) },
      stdin: false,
    });
    this.#worker.on('message', (message: FromWorker) => {
      if (message.kind === 'ready') {
        this.isReady = true;
        onReady();
      } else onAnswers(message);
    });
    // Only what kind of error: its message may hold values of a data set.
    this.#worker.on('error', (error: NodeJS.ErrnoException) => {
      this.#reason ??= error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? 'out of memory' : (error.code ?? error.name);
    });
    this.#worker.on('exit', (code) => onExit(this.#reason ?? `exit status ${code}`));
  }

  give(setup: RunSetup, items: WorkItem[]): void {
    this.#begunBefore = Atomics.load(this.#begun, 0);
    if (this.#known.get(setup.run) !== setup) {
      this.#known.set(setup.run, setup);
      this.#post({ kind: 'setup', setup });
    }
    this.#post({ kind: 'work', run: setup.run, items });
  }

  end(run: number): void {
    if (this.#known.delete(run)) this.#post({ kind: 'end', run });
  }

  /** Items of the batch that have been begun: the last of them is the one that it is at, or died on. */
  get begunInBatch(): number {
    return Atomics.load(this.#begun, 0) - this.#begunBefore;
  }

  async terminate(reason: string): Promise<void> {
    this.#reason ??= reason;
    await this.#worker.terminate();
  }

  #post(message: ToWorker): void {
    this.#worker.postMessage(message);
  }
}
