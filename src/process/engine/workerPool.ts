/**
 * Worker threads that carry out the work of runs, an item at a time in each. An item that ends its thread, or takes longer than
 * it may, is answered with a refusal of its own; all others go on in another thread. Every item gets exactly one answer.
 */
import { GatewayError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { BatchQueue, deathsOfPoison, type Pending } from './batchQueue.ts';
import type { RunSetup, WorkAnswer, WorkItem } from './protocol.ts';
import { WorkerThread } from './workerThread.ts';

export type WorkerPoolOptions = {
  /** Threads. They are started when there is work. */
  workers: number;
  /** Bytes that the work on one instance may take. */
  memoryPerInstance: number;
  /** Milliseconds that one instance may take. */
  wallPerInstance: number;
  log: Log;
  /** Another table of steps, for tests. */
  stepsModule?: string;
  /** Module of the conformance gate. */
  gateModule?: string | undefined;
};

export type PoolRun = {
  /**
   * Calls `onAnswer` for each item, in any order. Rejects when the threads cannot be had, or the run was ended, and with what
   * `onAnswer` throws: the rest is not done then.
   */
  do(items: WorkItem[], onAnswer: (answer: WorkAnswer, index: number) => void): Promise<void>;
  /** Tells the threads more before their next items. */
  update(change: Partial<RunSetup>): void;
  readonly cpuSeconds: number;
  readonly peakMemory: number;
  /** Gives everything of the run back; what was not answered is not. */
  end(): void;
};

type Job = {
  left: number;
  onAnswer(answer: WorkAnswer, index: number): void;
  resolve(): void;
  reject(why: unknown): void;
};
type Run = { setup: RunSetup; priority: number; job: Job | undefined; cpuSeconds: number; peakMemory: number };
type Slot = { thread: WorkerThread; work: Work | undefined; answered: number };
type Work = { run: Run; batch: Pending<WorkItem>[]; seen: number; seenAt: number; hung: boolean };

const batchBounds = { items: 32, weight: 32 * 1024 * 1024 };
const startsBeforeGivingUp = 3;
let threadsMade = 0;
let runsMade = 0;

export class WorkerPool {
  readonly options: WorkerPoolOptions;
  readonly #queue = new BatchQueue<Run, WorkItem>(batchBounds);
  readonly #runs = new Set<Run>();
  readonly #slots = new Set<Slot>();
  /** Threads that ended before they took anything on, one after the other. */
  #failedStarts = 0;
  #watch: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: WorkerPoolOptions) {
    this.options = options;
  }

  get hasGate(): boolean {
    return this.options.gateModule !== undefined;
  }

  open(setup: Omit<RunSetup, 'run' | 'memoryPerInstance'>, priority: number): PoolRun {
    runsMade += 1;
    const run: Run = {
      setup: { ...setup, run: runsMade, memoryPerInstance: this.options.memoryPerInstance },
      ...{ priority, job: undefined, cpuSeconds: 0, peakMemory: 0 },
    };
    this.#runs.add(run);
    return {
      do: (items, onAnswer) => this.#do(run, items, onAnswer),
      update: (change) => {
        run.setup = { ...run.setup, ...change };
      },
      get cpuSeconds() {
        return run.cpuSeconds;
      },
      get peakMemory() {
        return run.peakMemory;
      },
      end: () => this.#end(run),
    };
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#watch);
    this.#watch = undefined;
    for (const run of this.#runs) this.#end(run);
    await Promise.all([...this.#slots].map(({ thread }) => thread.terminate('stopping')));
  }

  /** Ids of threads that are there; for status and tests. */
  get threads(): number {
    return this.#slots.size;
  }

  async #do(run: Run, items: WorkItem[], onAnswer: Job['onAnswer']): Promise<void> {
    if (this.#stopped || !this.#runs.has(run)) throw ended();
    if (items.length === 0) return;
    await new Promise<void>((resolve, reject) => {
      run.job = { left: items.length, onAnswer, resolve, reject };
      const pending = items.map((item, index) => ({ item, index, weight: weightOf(item), deaths: 0 }));
      this.#queue.add(run, run.priority, pending);
      this.#dispatch();
    });
  }

  #end(run: Run): void {
    if (!this.#runs.delete(run)) return;
    this.#queue.drop(run);
    run.job?.reject(ended());
    run.job = undefined;
    for (const { thread } of this.#slots) thread.end(run.setup.run);
  }

  #dispatch(): void {
    if (this.#stopped) return;
    for (const slot of this.#slots) {
      if (slot.work !== undefined || !slot.thread.isReady) continue;
      const next = this.#queue.next();
      if (next === undefined) break;
      slot.work = { ...next, seen: 0, seenAt: performance.now(), hung: false };
      slot.thread.give(
        next.run.setup,
        next.batch.map(({ item }) => item),
      );
    }
    if (!this.#queue.isEmpty && this.#slots.size < this.options.workers) this.#start();
    this.#watch ??= setInterval(() => this.#lookForHung(), Math.min(1000, this.options.wallPerInstance / 4)).unref();
  }

  #start(): void {
    threadsMade += 1;
    const { memoryPerInstance, stepsModule, gateModule } = this.options;
    const slot: Slot = {
      work: undefined,
      answered: 0,
      thread: new WorkerThread({
        thread: `thread-${threadsMade}`,
        memoryPerInstance,
        stepsModule: stepsModule ?? new URL('./stepTable.ts', import.meta.url).href,
        gateModule,
        onReady: () => this.#dispatch(),
        onAnswers: ({ answers, cpuSeconds, peakMemory }) => {
          const { work } = slot;
          slot.work = undefined;
          slot.answered += 1;
          this.#failedStarts = 0;
          if (work === undefined) return;
          work.run.cpuSeconds += cpuSeconds;
          work.run.peakMemory = Math.max(work.run.peakMemory, peakMemory);
          for (const [at, one] of work.batch.entries()) this.#answer(work.run, one, answers[at]);
          this.#dispatch();
        },
        onExit: (reason) => this.#died(slot, reason),
      }),
    };
    this.#slots.add(slot);
  }

  #answer(run: Run, { index }: Pending<WorkItem>, answer: WorkAnswer | undefined): void {
    const { job } = run;
    if (job === undefined || answer === undefined) return;
    try {
      job.onAnswer(answer, index);
    } catch (error) {
      this.#queue.drop(run);
      run.job = undefined;
      job.reject(error);
      return;
    }
    job.left -= 1;
    if (job.left > 0) return;
    run.job = undefined;
    job.resolve();
  }

  /** The item it was at is to blame: once it may try again, alone. What was done but not answered is done again. */
  #died(slot: Slot, reason: string): void {
    this.#slots.delete(slot);
    if (this.#stopped) return;
    const { work, thread } = slot;
    const at = work === undefined ? -1 : thread.begunInBatch - 1;
    if (work === undefined || at < 0) this.#failedToStart(reason);
    if (work !== undefined) {
      const blamed = work.batch[at];
      const again = work.batch.filter((one) => one !== blamed);
      if (blamed !== undefined) again.push(...this.#blame(work, blamed, reason));
      this.#queue.putBack(work.run, again);
    }
    this.#dispatch();
  }

  #blame(work: Work, blamed: Pending<WorkItem>, reason: string): Pending<WorkItem>[] {
    const fields = { ...subjectOf(blamed.item), reason };
    const deaths = blamed.deaths + 1;
    if (!work.hung && deaths < deathsOfPoison) {
      this.options.log.warn('engine.worker-died', 'a worker thread died; what it was at is tried once more', fields);
      return [{ ...blamed, deaths }];
    }
    const code = work.hung ? 'instance.time-limit' : 'instance.kills-worker';
    const why = work.hung
      ? `it took longer than processing.wallPerInstance (${this.options.wallPerInstance} ms)`
      : `the worker thread died on it twice (${reason})`;
    this.options.log.error('engine.poison', 'an instance is given up: it ends the threads that work on it', fields);
    this.#answer(work.run, blamed, { kind: 'refused', code, reason: why });
    return [];
  }

  #failedToStart(reason: string): void {
    this.#failedStarts += 1;
    this.options.log.error('engine.worker-failed', 'a worker thread ended before it began its work', { reason });
    if (this.#failedStarts < startsBeforeGivingUp) return;
    this.#failedStarts = 0;
    for (const run of this.#runs) {
      this.#queue.drop(run);
      const failure = new GatewayError(`worker threads do not start (${reason})`, {
        ...{ code: 'engine.no-workers', operation: 'start worker thread', retryable: true },
        hint: 'is there memory left? See the log (event engine.worker-failed); it is tried again',
      });
      run.job?.reject(failure);
      run.job = undefined;
    }
  }

  #lookForHung(): void {
    const now = performance.now();
    for (const { work, thread } of this.#slots) {
      if (work === undefined) continue;
      const seen = thread.begunInBatch;
      if (seen !== work.seen) {
        work.seen = seen;
        work.seenAt = now;
      } else if (now - work.seenAt > this.options.wallPerInstance && !work.hung) {
        work.hung = true;
        void thread.terminate('too slow');
      }
    }
  }
}

const ended = () =>
  new GatewayError('the run was ended', { code: 'engine.ended', operation: 'run application', retryable: true });

function weightOf(item: WorkItem): number {
  if (item.do === 'steps') return item.input.size;
  return item.do === 'collect' ? 0 : item.result.size;
}

/** For the log: UIDs as received. */
function subjectOf(item: WorkItem): { sopInstanceUid?: string; at: string } {
  return item.do === 'steps' ? { sopInstanceUid: item.input.sopInstanceUid, at: 'steps' } : { at: item.do };
}
