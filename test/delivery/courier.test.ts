import { describe, expect, it } from 'vitest';
import type { Clock } from '../../src/base/clock.ts';
import { createMemoryLog } from '../../src/base/log.ts';
import { Courier } from '../../src/delivery/courier.ts';
import type { FromCourier, JobFailure } from '../../src/delivery/courierProtocol.ts';
import type { ObjectStore, PutRequest, StoreConfiguration } from '../../src/delivery/store/objectStore.ts';
import { storeError } from '../../src/delivery/store/storeErrors.ts';
import { job } from '../support/jobs.ts';
import { acceptPut, storeThat } from '../support/stores.ts';

const directoryStore = (name: string, path = `/${name}`): StoreConfiguration => ({
  name,
  type: 'directory',
  path,
  prefix: '',
});
const never = () => new Promise<never>(() => {});

/** A courier whose stores are what `stores` says by name; time stands still unless the test moves it. */
function start(stores: Record<string, ObjectStore | Error>, concurrency = 2) {
  const confirmed: number[] = [];
  const failed: JobFailure[] = [];
  const messages: FromCourier[] = [];
  let wake = () => {};
  let now = 0;
  const clock: Clock = {
    now: () => now,
    monotonic: () => now,
    sleep: (_ms, signal) =>
      new Promise((_, reject) => signal?.addEventListener('abort', () => reject(new Error('aborted')))),
  };
  const { log, lines } = createMemoryLog();
  const opened: string[] = [];
  const courier = new Courier({
    openStore: ({ name }) => {
      opened.push(name);
      const store = stores[name];
      if (store instanceof Error) throw store;
      if (!store) throw new Error(`no ${name} in this test`);
      return store;
    },
    send: async (message) => {
      messages.push(message);
      if (message.type === 'confirmed') confirmed.push(...message.confirmations.map(({ id }) => id));
      if (message.type === 'failed') failed.push(...message.failures);
      wake();
    },
    log,
    clock,
  });
  const configure = (names: StoreConfiguration[]) =>
    courier.configure({ stores: names, concurrency, stateDirectory: '/state' });
  configure(Object.keys(stores).map((name) => directoryStore(name)));
  const until = async (condition: () => boolean) => {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  const advance = (ms: number) => {
    now += ms;
    courier.sweep();
  };
  return { courier, configure, confirmed, failed, messages, until, advance, opened, lines };
}

describe('courier', () => {
  it('confirms what the store confirmed, many in one message', async () => {
    const { courier, confirmed, messages, until } = start({ cloud: storeThat(acceptPut) }, 8);
    courier.accept(Array.from({ length: 500 }, (_, i) => job(i + 1, `content ${i}`)));
    await until(() => confirmed.length === 500);
    expect(confirmed.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 500 }, (_, i) => i + 1));
    expect(messages.length).toBeLessThan(250);
  });

  it('does a job once that comes twice, and again when it comes after its answer', async () => {
    let puts = 0;
    const store = storeThat((request) => {
      puts++;
      return acceptPut(request);
    });
    const { courier, confirmed, until } = start({ cloud: store });
    courier.accept([job(1, 'x'), job(1, 'x')]);
    await until(() => confirmed.length === 1);
    expect(puts).toBe(1);
    courier.accept([job(1, 'x')]);
    await until(() => confirmed.length === 2);
    expect(puts).toBe(2);
  });

  it('lets no store delay another, whether it hangs, refuses or cannot be opened', async () => {
    const { courier, confirmed, failed, until } = start({
      hanging: storeThat(never, 'hanging'),
      refusing: storeThat(async () => {
        throw storeError('store.refused', '403', { operation: 'put' });
      }, 'refusing'),
      unusable: storeError('store.certificate', 'no such file', { operation: 'open store' }),
      cloud: storeThat(acceptPut),
    });
    const names = ['hanging', 'refusing', 'unusable', 'nowhere', 'cloud'];
    courier.accept(Array.from({ length: 100 }, (_, i) => job(i, 'x', { store: names[i % 5] ?? '' })));
    await until(() => confirmed.length === 20 && failed.length === 60);
    const codes = (rest: number) => new Set(failed.filter(({ id }) => id % 5 === rest).map(({ code }) => code));
    expect(codes(1)).toEqual(new Set(['store.refused']));
    expect(codes(2)).toEqual(new Set(['store.certificate']));
    expect(codes(3)).toEqual(new Set(['delivery.unknown-store']));
    expect(failed.every(({ storeUnavailable, permanent }) => storeUnavailable && !permanent)).toBe(true);
  });

  it('gives back what waits for a store that is unavailable, untried', async () => {
    let puts = 0;
    const store = storeThat(async () => {
      puts++;
      throw storeError('store.unreachable', 'ECONNREFUSED', { operation: 'put' });
    });
    const { courier, failed, until } = start({ cloud: store }, 1);
    courier.accept(Array.from({ length: 10 }, (_, i) => job(i, 'x')));
    await until(() => failed.length === 10);
    expect(puts).toBe(1);
    expect(failed[9]).toMatchObject({ code: 'store.unreachable', message: expect.stringContaining('not tried') });
  });

  it('tells what is wrong with one job from what is wrong with the store', async () => {
    const errors: Record<string, Error> = {
      conflict: storeError('store.conflict', 'other content', { operation: 'put' }),
      trouble: storeError('store.server-error', '500', { operation: 'put' }),
      strange: new Error('surprise'),
    };
    const store = storeThat(async (request) => {
      throw errors[request.key] ?? new Error('no');
    });
    const { courier, failed, until } = start({ cloud: store }, 1);
    courier.accept(Object.keys(errors).map((key, id) => job(id, 'x', { key })));
    await until(() => failed.length === 3);
    expect(failed.map(({ code, permanent, storeUnavailable }) => [code, permanent, storeUnavailable])).toEqual([
      ['store.conflict', true, false],
      ['store.server-error', false, false],
      ['store.unknown', false, false],
    ]);
    expect(failed[0]?.hint).toContain('other content under this key');
  });

  it('blames itself, not the store, for bytes that are not what the job says, even when the store is content', async () => {
    const wrapping = storeThat(async (request) => {
      try {
        return await acceptPut(request);
      } catch (cause) {
        throw storeError('store.unreachable', 'stream broke', { operation: 'put', cause });
      }
    });
    const credulous = storeThat((request) => acceptPut(request).catch(() => acceptPut({ ...request, open: empty })));
    const noticing = storeThat(async () => {
      throw storeError('store.content-mismatch', 'too long', { operation: 'read content' });
    });
    const { courier, failed, until } = start({ wrapping, credulous, noticing });
    for (const [id, store] of ['wrapping', 'credulous', 'noticing'].entries()) {
      courier.accept([job(id, 'x', { store, sha256: 'ab'.repeat(32) })]);
    }
    await until(() => failed.length === 3);
    for (const failure of failed) {
      expect(failure).toMatchObject({ code: 'delivery.source-corrupt', permanent: true, storeUnavailable: false });
    }
  });

  it('does not believe a store that confirms something else', async () => {
    const others: Array<Partial<PutRequest>> = [{ key: 'other' }, { size: 7 }, { sha256: 'cd'.repeat(32) }];
    let turn = 0;
    const store = storeThat(async (request) => ({ ...(await acceptPut(request)), ...others[turn++] }));
    const { courier, failed, until } = start({ cloud: store }, 1);
    courier.accept([job(1, 'x'), job(2, 'x'), job(3, 'x')]);
    await until(() => failed.length === 3);
    for (const failure of failed)
      expect(failure).toMatchObject({ code: 'delivery.wrong-confirmation', permanent: true });
  });
});

describe('courier and a store that hangs', () => {
  it('gives jobs back after a time without progress, keeps their places, and goes on when the store lets go', async () => {
    const release: Array<() => void> = [];
    const aborted: unknown[] = [];
    const store = storeThat(async (request, signal) => {
      signal?.addEventListener('abort', () => aborted.push(signal.reason));
      await new Promise<void>((resolve) => release.push(resolve));
      return acceptPut(request);
    });
    const { courier, confirmed, failed, until, advance } = start({ cloud: store }, 2);
    courier.accept([job(1, 'x'), job(2, 'x'), job(3, 'x')]);
    advance(119_000);
    advance(2_000);
    await until(() => failed.length === 3);
    expect(failed.map(({ id, code }) => [id, code])).toEqual([
      [1, 'delivery.stalled'],
      [3, 'delivery.stalled'],
      [2, 'delivery.stalled'],
    ]);
    expect(failed.every(({ storeUnavailable, permanent }) => storeUnavailable && !permanent)).toBe(true);
    expect(aborted).toHaveLength(2);
    // Both places are taken by operations that hang: no third one is begun.
    courier.accept([job(4, 'x')]);
    await until(() => failed.length === 4);
    expect(release).toHaveLength(2);
    // The store comes back: what was given back is not confirmed too, and its place is free again.
    for (const let_go of release.splice(0)) let_go();
    await new Promise((resolve) => setImmediate(resolve));
    courier.accept([job(5, 'x')]);
    release.pop()?.();
    await until(() => confirmed.length === 1);
    expect(confirmed).toEqual([5]);
  });

  it('allows time for the size of an object, and counts from the last progress', async () => {
    const { courier, failed, until, advance } = start({ cloud: storeThat(never) }, 2);
    const content = Buffer.alloc(32 * 1000);
    courier.accept([job(1, content), job(2, 'x')]);
    advance(120_500);
    await until(() => failed.length === 1);
    expect(failed[0]?.id).toBe(2);
    advance(1_000);
    await until(() => failed.length === 2);
    expect(failed[1]?.id).toBe(1);
  });
});

describe('courier that is configured again', () => {
  it('leaves stores alone that have not changed, and moves what waits when one has', async () => {
    const release: Array<() => void> = [];
    const old = storeThat(async (request) => {
      await new Promise<void>((resolve) => release.push(resolve));
      return acceptPut(request);
    });
    const stores: Record<string, ObjectStore> = { cloud: old, other: storeThat(acceptPut, 'other') };
    const { courier, configure, confirmed, opened, until } = start(stores, 1);
    courier.accept([job(1, 'x'), job(2, 'x')]);
    configure([directoryStore('cloud'), directoryStore('other')]);
    expect(opened).toEqual(['cloud', 'other']);
    stores.cloud = storeThat(acceptPut);
    configure([directoryStore('cloud', '/elsewhere'), directoryStore('other')]);
    expect(opened).toEqual(['cloud', 'other', 'cloud']);
    await until(() => confirmed.includes(2));
    expect(old.closed).toBe(false);
    release[0]?.();
    await until(() => confirmed.includes(1));
    await new Promise((resolve) => setImmediate(resolve));
    expect(old.closed).toBe(true);
  });

  it('gives back what waits for a store that is there no more, and opens one that could not be opened', async () => {
    const stores: Record<string, ObjectStore | Error> = { cloud: new Error('bad'), gone: storeThat(never, 'gone') };
    const { courier, configure, confirmed, failed, until, lines } = start(stores, 1);
    courier.accept([job(1, 'x'), job(2, 'x', { store: 'gone' }), job(3, 'x', { store: 'gone' })]);
    await until(() => failed.length === 1);
    expect(lines[0]).toMatchObject({ event: 'courier.store-unusable', level: 'error', store: 'cloud' });
    stores.cloud = storeThat(acceptPut);
    configure([directoryStore('cloud')]);
    await until(() => failed.length === 2);
    expect(failed[1]).toMatchObject({ id: 3, code: 'delivery.unknown-store', permanent: false });
    courier.accept([job(1, 'x')]);
    await until(() => confirmed.length === 1);
  });
});

describe('courier that stops', () => {
  it('finishes what is under way, begins nothing, and closes its stores', async () => {
    const release: Array<() => void> = [];
    const store = storeThat(async (request) => {
      await new Promise<void>((resolve) => release.push(resolve));
      return acceptPut(request);
    });
    const { courier, confirmed, failed } = start({ cloud: store }, 1);
    courier.accept([job(1, 'x'), job(2, 'x')]);
    const stopped = courier.stop(1000);
    courier.accept([job(3, 'x')]);
    release[0]?.();
    await stopped;
    expect(confirmed).toEqual([1]);
    expect(failed).toEqual([]);
    expect(release).toHaveLength(1);
    expect(store.closed).toBe(true);
  });

  it('aborts what does not end by itself, and does not call that a failure of the job', async () => {
    const reasons: unknown[] = [];
    const store = storeThat(
      (_request, signal) =>
        new Promise((_, reject) =>
          signal?.addEventListener('abort', () => {
            reasons.push(signal.reason);
            reject(storeError('store.aborted', 'stopped', { operation: 'put' }));
          }),
        ),
    );
    const { courier, failed } = start({ cloud: store }, 1);
    courier.accept([job(1, 'x'), job(2, 'x')]);
    await courier.abort();
    expect(reasons).toMatchObject([{ code: 'delivery.stopping' }]);
    expect(failed).toEqual([]);
  });
});

async function* empty(): AsyncGenerator<Uint8Array> {}
