import type { FromCourier, JobFailure } from './courierProtocol.ts';
import type { Confirmation } from './store/objectStore.ts';

const MAX_BATCH = 256;

/**
 * What the courier has to say, gathered while the message before is on its way: at a slow pace each word goes at once, at
 * a high pace hundreds share one message. It holds at most one word for each job that was sent to us.
 */
export class Outbox {
  readonly #send: (message: FromCourier) => Promise<void>;
  readonly #confirmations: Array<{ id: number; confirmation: Confirmation }> = [];
  readonly #failures: JobFailure[] = [];
  #flushing: Promise<void> | undefined;

  constructor(send: (message: FromCourier) => Promise<void>) {
    this.#send = send;
  }

  confirmed(id: number, confirmation: Confirmation): void {
    this.#confirmations.push({ id, confirmation });
    void this.flush();
  }

  failed(failure: JobFailure): void {
    this.#failures.push(failure);
    void this.flush();
  }

  /** Resolves when all is said, or the gateway is gone and nobody listens. */
  flush(): Promise<void> {
    this.#flushing ??= this.#flushAll();
    return this.#flushing;
  }

  /** Never rejects. Ends in the same step in which it finds nothing more to say, so that no word is left between two. */
  async #flushAll(): Promise<void> {
    // One turn later: what finishes in this turn goes together.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#confirmations.length > 0 || this.#failures.length > 0) {
      const confirmations = this.#confirmations.splice(0, MAX_BATCH);
      const failures = this.#failures.splice(0, MAX_BATCH);
      try {
        if (confirmations.length > 0) await this.#send({ type: 'confirmed', confirmations });
        if (failures.length > 0) await this.#send({ type: 'failed', failures });
      } catch {
        // The gateway is gone; its queue still has these jobs.
      }
    }
    this.#flushing = undefined;
  }
}
