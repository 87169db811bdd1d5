/**
 * One at a time for each name, in order of asking, within this process. It makes "look, then write" safe among our own
 * writers on stores that cannot do it in one step.
 */
export type KeyedLock = <T>(name: string, action: () => Promise<T>) => Promise<T>;

export function createKeyedLock(): KeyedLock {
  const tails = new Map<string, Promise<void>>();
  return async (name, action) => {
    const before = tails.get(name);
    const { promise: tail, resolve: release } = Promise.withResolvers<void>();
    tails.set(name, tail);
    await before;
    try {
      return await action();
    } finally {
      release();
      if (tails.get(name) === tail) tails.delete(name);
    }
  };
}
