/** Faults that a real server cannot be asked for, injected by a proxy before a real one. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ObjectStore } from '../../../src/delivery/store/objectStore.ts';
import { createRetryingStore, type RetryNote } from '../../../src/delivery/store/retryingStore.ts';
import { createS3Store, type S3StoreOptions } from '../../../src/delivery/store/s3Store.ts';
import { storeFailure } from '../../../src/delivery/store/storeErrors.ts';
import { type FaultyProxy, startFaultyProxy } from '../../support/faultyProxy.ts';
import type { S3TestServer } from '../../support/serverProcess.ts';
import { startSwift, swiftMissing } from '../../support/swiftServer.ts';
import { codeOf, makeContent, makeRequest, readAll, sha256Of } from './content.fixture.ts';
import { SMALL_PARTS } from './objectStore.conformance.ts';

const MEBIBYTE = 1024 * 1024;
const missing = swiftMissing();
const isPut = (method: string) => method === 'PUT';

describe.skipIf(missing)(`S3 behind a faulty proxy ${missing ?? ''}`, { timeout: 60_000 }, () => {
  let swift: S3TestServer;
  let proxy: FaultyProxy;
  let store: ObjectStore;
  const open = (options: S3StoreOptions = {}): ObjectStore => {
    const { region, accessKeyId, secretAccessKey } = swift;
    const access = { endpoint: proxy.endpoint, region, accessKeyId, secretAccessKey, pathStyle: true };
    const configuration = {
      name: 'faulty',
      type: 's3',
      bucket: 'medusa',
      prefix: 'f',
      ...access,
      ...SMALL_PARTS,
    } as const;
    return createS3Store(configuration, options);
  };
  beforeAll(async () => {
    swift = await startSwift();
    await swift.createBucket('medusa');
    proxy = await startFaultyProxy(swift.endpoint);
    store = open({ timeouts: { idleMs: 1500 } });
    await store.capabilities();
  }, 60_000);
  afterEach(() => proxy?.setFault({ kind: 'pass' }));
  afterAll(async () => {
    await store?.close();
    await proxy?.close();
    await swift?.remove();
  });

  test.each([
    [503, 'SlowDown', 'store.overloaded', true],
    [503, undefined, 'store.overloaded', true],
    [429, undefined, 'store.overloaded', true],
    [502, undefined, 'store.overloaded', true],
    [500, 'InternalError', 'store.server-error', false],
    [403, 'AccessDenied', 'store.refused', true],
    [403, undefined, 'store.refused', true],
    [403, 'RequestTimeTooSkewed', 'store.clock-skew', true],
    [403, 'QuotaExceeded', 'store.full', true],
    [507, undefined, 'store.full', true],
    [400, 'BadDigest', 'store.bad-digest', false],
    [404, undefined, 'store.changed', false],
    [301, 'PermanentRedirect', 'store.wrong-address', true],
    [400, 'SomethingNew', 'store.bad-request', false],
  ])('%i %s is %s and nothing permanent', async (status, code, expected, storeUnavailable) => {
    proxy.setFault({ kind: 'answer', status, ...(code ? { code } : {}) }, { when: isPut });
    for (const size of [100, 3 * MEBIBYTE]) {
      const error = await store.put(makeRequest('answers', makeContent(size, 'a'))).catch((reason) => reason);
      expect(storeFailure(error)).toMatchObject({ code: expected, permanent: false, storeUnavailable });
    }
  });

  test('too large is permanent', async () => {
    proxy.setFault({ kind: 'answer', status: 400, code: 'EntityTooLarge' }, { when: isPut });
    const error = await store.put(makeRequest('large', Buffer.from('x'))).catch((reason) => reason);
    expect(storeFailure(error)).toMatchObject({ code: 'store.too-large', permanent: true, storeUnavailable: false });
  });

  test('a refusal of HEAD, which has no body, is understood by its status', async () => {
    proxy.setFault({ kind: 'answer', status: 403 });
    expect(await codeOf(store.head('x'))).toBe('store.refused');
    proxy.setFault({ kind: 'answer', status: 503 });
    expect(await codeOf(store.head('x'))).toBe('store.overloaded');
  });

  test('a store that is ill during detection is not taken for one that can do little', async () => {
    const fresh = open();
    proxy.setFault({ kind: 'answer', status: 503 }, { when: (_, url) => url.includes('wrong-md5') });
    expect(await codeOf(fresh.capabilities())).toBe('store.overloaded');
    proxy.setFault({ kind: 'pass' });
    expect(await fresh.capabilities()).toEqual(await store.capabilities());
    await fresh.close();
  });

  test('a store that is ill is asked once for all who wait to know what it can do', async () => {
    const fresh = open();
    proxy.setFault({ kind: 'answer', status: 503 });
    const before = proxy.seen.length;
    const leaving = new AbortController();
    const left = codeOf(fresh.put(makeRequest('many/left', Buffer.from('x')), leaving.signal));
    const puts = [1, 2, 3, 4, 5].map((n) => codeOf(fresh.put(makeRequest(`many/${n}`, Buffer.from('x')))));
    leaving.abort();
    expect(await left).toBe('store.aborted');
    expect(await Promise.all(puts)).toEqual(Array(5).fill('store.overloaded'));
    expect(proxy.seen.slice(before).filter((one) => isPut(one.split(' ')[0] ?? ''))).toHaveLength(1);
    await fresh.close();
  });

  test('the bandwidth limit is asked for every byte that is sent, and for none that is only hashed', async () => {
    let asked = 0;
    const limited = open({
      pace: async (bytes, signal) => {
        signal.throwIfAborted();
        asked += bytes;
      },
    });
    await limited.capabilities();
    for (const size of [1000, 3 * MEBIBYTE, 11 * MEBIBYTE]) {
      asked = 0;
      await limited.put(makeRequest(`paced/${size}`, makeContent(size, 'paced')));
      expect(asked).toBe(size);
    }
    await limited.close();
  });

  test('whoever waits for the bandwidth limit can be stopped', async () => {
    const waits = Promise.withResolvers<void>();
    const limited = open({
      pace: (_bytes, signal) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason));
          waits.resolve();
        }),
    });
    for (const size of [1000, 3 * MEBIBYTE]) {
      const controller = new AbortController();
      const put = codeOf(limited.put(makeRequest(`waiting/${size}`, makeContent(size, 'w')), controller.signal));
      await waits.promise;
      controller.abort();
      expect(await put).toBe('store.aborted');
      expect(await store.head(`waiting/${size}`)).toBeUndefined();
    }
    await limited.close();
  });

  test('a server that hangs times out; a signal ends the wait before that', async () => {
    proxy.setFault({ kind: 'hang' });
    expect(await codeOf(store.put(makeRequest('hang', makeContent(100, 'h'))))).toBe('store.timeout');
    const patient = open({ capabilities: await store.capabilities() });
    const controller = new AbortController();
    const aborted = codeOf(patient.head('hang', controller.signal));
    controller.abort();
    expect(await aborted).toBe('store.aborted');
    await patient.close();
  });

  test.each([
    ['streamed', 4 * MEBIBYTE],
    ['in parts', 11 * MEBIBYTE],
  ])(
    '%s: a connection that breaks in the middle is retryable, leaves no object, and is mended by retrying',
    async (name, size) => {
      const request = makeRequest(`cut/${size}`, makeContent(size, name));
      proxy.setFault({ kind: 'cutRequest', afterBytes: MEBIBYTE }, { when: isPut });
      const error = await store.put(request).catch((reason) => reason);
      expect(storeFailure(error)).toMatchObject({
        code: 'store.unreachable',
        permanent: false,
        storeUnavailable: true,
      });
      expect(await store.head(request.key)).toBeUndefined();
      proxy.setFault({ kind: 'cutRequest', afterBytes: MEBIBYTE }, { when: isPut, times: 2 });
      const notes: RetryNote[] = [];
      const policy = { attempts: 4, initialMs: 1, capMs: 1 };
      const retrying = createRetryingStore(store, { policy, onRetry: (note) => notes.push(note) });
      expect(await retrying.put(request)).toMatchObject({ outcome: 'created' });
      expect(notes.length).toBeGreaterThan(0);
      expect(notes[0]).toMatchObject({ operation: 'put', attempt: 1, failure: { code: 'store.unreachable' } });
      expect(sha256Of(await readAll(store.get(request.key)))).toBe(request.sha256);
    },
  );

  test.each([
    ['small', 1000],
    ['in parts', 11 * MEBIBYTE],
  ])('%s: an answer that gets lost: the retry finds its own object and does not write a second', async (name, size) => {
    const request = makeRequest(`lost/${size}`, makeContent(size, name));
    // The last request of a put: the PUT itself, or the completion of its parts.
    const isLast = (method: string, url: string) =>
      size > SMALL_PARTS.multipartThreshold ? method === 'POST' && url.includes('uploadId=') : isPut(method);
    proxy.setFault({ kind: 'loseAnswer' }, { when: isLast, times: 1 });
    const policy = { attempts: 2, initialMs: 1, capMs: 1 };
    const retrying = createRetryingStore(store, { policy });
    const before = proxy.seen.length;
    expect(await retrying.put(request)).toMatchObject({ outcome: 'already-present', sha256: request.sha256 });
    const sent = proxy.seen.slice(before).filter((one) => isLast(...(one.split(' ') as [string, string])));
    expect(sent).toHaveLength(1);
  });

  test('an answer that breaks off in the middle of a get is an error, not a short object', async () => {
    await store.put(makeRequest('get/cut', makeContent(2 * MEBIBYTE, 'get')));
    proxy.setFault({ kind: 'cutResponse', afterBytes: MEBIBYTE }, { when: (method) => method === 'GET' });
    expect(await codeOf(readAll(store.get('get/cut')))).toBe('store.unreachable');
  });
});
