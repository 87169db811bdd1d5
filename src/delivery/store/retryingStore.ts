/**
 * Tries again, for a short while, what may go through: a wrapper of the same port. The queue above has the patience for
 * hours and days; this one spares it the hiccups. Permanent errors opt out, and so do those that wait for an operator.
 */
import { type BackoffPolicy, backoffDelay } from '../../base/backoff.ts';
import { type Clock, systemClock } from '../../base/clock.ts';
import type { ObjectHead, ObjectStore } from './objectStore.ts';
import { type StoreFailure, storeError, storeFailure } from './storeErrors.ts';

export type RetryPolicy = BackoffPolicy & {
  /** Tries in all, the first included. */
  attempts: number;
};

export const DEFAULT_RETRY: RetryPolicy = { attempts: 4, initialMs: 250, capMs: 5_000 };

export type RetryNote = { operation: 'put' | 'head' | 'get' | 'list' | 'capabilities'; subject: string } & {
  failure: StoreFailure;
  attempt: number;
  delayMs: number;
};

export type RetryOptions = {
  policy?: RetryPolicy;
  clock?: Clock;
  random?: () => number;
  /** Before each wait: retries must be visible. */
  onRetry?(note: RetryNote): void;
};

export function createRetryingStore(store: ObjectStore, options: RetryOptions = {}): ObjectStore {
  const { policy = DEFAULT_RETRY, clock = systemClock, random = Math.random, onRetry } = options;

  /** Waits before the next try, or throws the error when there is none. */
  const waitOrThrow = async (
    error: unknown,
    attempt: number,
    what: Pick<RetryNote, 'operation' | 'subject'>,
    signal: AbortSignal | undefined,
  ): Promise<void> => {
    const failure = storeFailure(error);
    if (!failure.retrySoon || attempt >= policy.attempts || signal?.aborted) throw error;
    const delayMs = backoffDelay(policy, attempt, random);
    onRetry?.({ ...what, failure, attempt, delayMs });
    await clock.sleep(delayMs, signal).catch((reason) => {
      throw storeError('store.aborted', 'stopped while waiting to try again', { ...what, cause: reason });
    });
  };

  const repeat = async <T>(
    what: Pick<RetryNote, 'operation' | 'subject'>,
    signal: AbortSignal | undefined,
    action: () => Promise<T>,
  ): Promise<T> => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await action();
      } catch (error) {
        await waitOrThrow(error, attempt, what, signal);
      }
    }
  };

  /** Tried again until the first chunk; after that the receiver has seen bytes, and what they were part of may change. */
  async function* get(key: string, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    const what = { operation: 'get', subject: key } as const;
    let begun = false;
    for (let attempt = 1; ; attempt++) {
      try {
        for await (const chunk of store.get(key, signal)) {
          begun = true;
          yield chunk;
        }
        return;
      } catch (error) {
        if (begun) throw error;
        await waitOrThrow(error, attempt, what, signal);
      }
    }
  }

  /** Begun anew after an error, without what was given out already: keys come in byte order. Progress resets the count. */
  async function* list(prefix: string, signal?: AbortSignal): AsyncGenerator<ObjectHead> {
    const what = { operation: 'list', subject: prefix } as const;
    let last: Buffer | undefined;
    for (let attempt = 1; ; attempt++) {
      try {
        for await (const head of store.list(prefix, signal)) {
          const key = Buffer.from(head.key);
          if (last && Buffer.compare(key, last) <= 0) continue;
          last = key;
          attempt = 1;
          yield head;
        }
        return;
      } catch (error) {
        await waitOrThrow(error, attempt, what, signal);
      }
    }
  }

  return {
    name: store.name,
    capabilities: (signal) =>
      repeat({ operation: 'capabilities', subject: store.name }, signal, () => store.capabilities(signal)),
    put: (request, signal) =>
      repeat({ operation: 'put', subject: request.key }, signal, () => store.put(request, signal)),
    head: (key, signal) => repeat({ operation: 'head', subject: key }, signal, () => store.head(key, signal)),
    get,
    list,
    close: () => store.close(),
  };
}
