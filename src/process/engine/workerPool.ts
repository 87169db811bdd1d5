/** Worker threads that carry out the built-in steps, one instance at a time in each. */

export type WorkerPoolOptions = {
  /** Threads. */
  workers: number;
  /** Bytes that the work on one instance may take. */
  memoryPerInstance: number;
  /** Milliseconds that one instance may take. */
  wallPerInstance: number;
};

export class WorkerPool {
  readonly options: WorkerPoolOptions;

  constructor(options: WorkerPoolOptions) {
    this.options = options;
  }

  async stop(): Promise<void> {}
}
