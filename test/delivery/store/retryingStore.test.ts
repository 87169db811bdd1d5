import { describe, expect, test } from 'vitest';
import type { Clock } from '../../../src/base/clock.ts';
import type { Confirmation, ObjectHead, ObjectStore } from '../../../src/delivery/store/objectStore.ts';
import { createRetryingStore, type RetryNote } from '../../../src/delivery/store/retryingStore.ts';
import { type StoreErrorCode, storeError } from '../../../src/delivery/store/storeErrors.ts';
import { codeOf, listKeys, makeRequest, readAll } from './content.fixture.ts';

const fail = (code: StoreErrorCode) => storeError(code, 'scripted', { operation: 'test' });
const request = makeRequest('key', Buffer.from('x'));
const confirmation: Confirmation = {
  ...{ key: 'key', size: 1, sha256: request.sha256 },
  ...{ outcome: 'created', confirmedBy: 'read-back', at: 0 },
};

/** A store that fails by a script: one entry for each call, `undefined` for success. */
function scripted(script: Array<StoreErrorCode | undefined>, keys: string[] = []) {
  let calls = 0;
  const step = async (): Promise<void> => {
    const code = script[calls++];
    if (code) throw fail(code);
  };
  async function* get(): AsyncGenerator<Uint8Array> {
    await step();
    yield Buffer.from('first');
    await step();
    yield Buffer.from('second');
  }
  async function* list(): AsyncGenerator<ObjectHead> {
    for (const key of keys) {
      await step();
      yield { key, size: 1 };
    }
  }
  const store: ObjectStore = {
    name: 'scripted',
    capabilities: () => Promise.reject(new Error('not scripted')),
    put: () => step().then(() => confirmation),
    head: () => step().then(() => undefined),
    get,
    list,
    close: async () => {},
  };
  return { store, calls: () => calls };
}

function fakeClock() {
  const slept: number[] = [];
  const clock: Clock = {
    now: () => 0,
    monotonic: () => 0,
    sleep: async (ms, signal) => {
      signal?.throwIfAborted();
      slept.push(ms);
    },
  };
  return { clock, slept };
}

const policy = { attempts: 4, initialMs: 100, capMs: 250 };
const random = () => 1;

describe('retrying store', () => {
  test('tries again what may go through, with growing waits up to the cap', async () => {
    const { store, calls } = scripted(['store.unreachable', 'store.overloaded', 'store.server-error', undefined]);
    const { clock, slept } = fakeClock();
    const notes: RetryNote[] = [];
    const retrying = createRetryingStore(store, { policy, clock, random, onRetry: (note) => notes.push(note) });
    expect(await retrying.put(request)).toBe(confirmation);
    expect(calls()).toBe(4);
    expect(slept).toEqual([100, 200, 250]);
    const codes = ['store.unreachable', 'store.overloaded', 'store.server-error'];
    expect(notes.map(({ failure }) => failure.code)).toEqual(codes);
  });

  test('gives up after the last attempt with the last error', async () => {
    const { store, calls } = scripted(Array(9).fill('store.unreachable'));
    const retrying = createRetryingStore(store, { policy, ...fakeClock() });
    expect(await codeOf(retrying.head('key'))).toBe('store.unreachable');
    expect(calls()).toBe(4);
  });

  test.each<StoreErrorCode>([
    'store.conflict',
    'store.content-mismatch',
    'store.too-large',
    'store.bad-key',
    'store.refused',
    'store.wrong-credentials',
    'store.no-bucket',
    'store.full',
    'store.aborted',
  ])('%s opts out', async (code) => {
    const { store, calls } = scripted([code]);
    const { clock, slept } = fakeClock();
    expect(await codeOf(createRetryingStore(store, { policy, clock }).put(request))).toBe(code);
    expect([calls(), slept]).toEqual([1, []]);
  });

  test('a signal ends the wait', async () => {
    const { store, calls } = scripted(['store.unreachable', undefined]);
    const controller = new AbortController();
    const { clock } = fakeClock();
    const onRetry = () => controller.abort();
    const retrying = createRetryingStore(store, { policy, clock, onRetry });
    expect(await codeOf(retrying.put(request, controller.signal))).toBe('store.aborted');
    expect(calls()).toBe(1);
  });

  test('get: tried again before the first chunk, never after it', async () => {
    const before = scripted(['store.unreachable', undefined, undefined]);
    const retrying = createRetryingStore(before.store, { policy, ...fakeClock() });
    expect((await readAll(retrying.get('key'))).toString()).toBe('firstsecond');
    const after = scripted([undefined, 'store.unreachable', undefined, undefined]);
    const broken = createRetryingStore(after.store, { policy, ...fakeClock() });
    expect(await codeOf(readAll(broken.get('key')))).toBe('store.unreachable');
  });

  test('list: goes on where it broke off, without saying anything twice', async () => {
    const keys = ['a', 'b', 'c'];
    const { store } = scripted([undefined, 'store.timeout', undefined, undefined, 'store.timeout'], keys);
    const retrying = createRetryingStore(store, { policy, ...fakeClock() });
    expect(await listKeys(retrying.list(''))).toEqual(keys);
  });
});
