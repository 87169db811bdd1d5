/**
 * Calls `work` for each item, at most `count` at a time, and takes the next item only when there is a place: memory is
 * bounded by `count`. Rejects with the first error, after the calls under way have ended; no further item is taken.
 */
export async function forEachBounded<T>(
  items: Iterable<T> | AsyncIterable<T>,
  count: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const running = new Set<Promise<void>>();
  const failures: unknown[] = [];
  try {
    for await (const item of items) {
      if (failures.length > 0) break;
      const call = work(item)
        .catch((error: unknown) => void failures.push(error))
        .finally(() => running.delete(call));
      running.add(call);
      if (running.size >= count) await Promise.race(running);
    }
  } finally {
    await Promise.all(running);
  }
  if (failures.length > 0) throw failures[0];
}
