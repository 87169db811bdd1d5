/** What every object store must do, whatever is behind it. Called once for each kind of store, on the real thing. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ObjectStore, StoreConfiguration } from '../../../src/delivery/store/objectStore.ts';
import { openStore } from '../../../src/delivery/store/openStore.ts';
import { codeOf, listKeys, makeContent, makeRequest, readAll, sha256Of } from './content.fixture.ts';
import { startPutChild } from './putChild.fixture.ts';

export type ConformanceOptions = {
  /** Called when the suite begins, after whatever it needs was started. The prefix is the suite's own. */
  configuration(): StoreConfiguration;
};

const MEBIBYTE = 1024 * 1024;

/** Parts of 5 MiB, the least that S3 allows, so that 11 MiB are three of them. */
export const SMALL_PARTS = { multipartThreshold: 8 * MEBIBYTE, partSize: 5 * MEBIBYTE };

export function describeConformance({ configuration }: ConformanceOptions): void {
  let stateDirectory: string;
  let store: ObjectStore;
  const open = (overrides: Partial<StoreConfiguration> = {}): ObjectStore =>
    openStore({ ...configuration(), ...overrides } as StoreConfiguration, { stateDirectory, retry: false });
  beforeAll(() => {
    stateDirectory = mkdtempSync(join(tmpdir(), 'medusa-store-state-'));
    store = open();
  });
  afterAll(async () => {
    await store?.close();
    if (stateDirectory) rmSync(stateDirectory, { recursive: true, force: true });
  });

  describe('roundtrip', () => {
    test.each([
      ['empty', 0],
      ['one byte', 1],
      ['odd size', 5 * MEBIBYTE - 13],
      ['in parts', 11 * MEBIBYTE + 7],
    ])('%s: put, head, list, get', async (name, size) => {
      const key = `roundtrip/${name.replaceAll(' ', '-')}`;
      const content = makeContent(size, name);
      const confirmation = await store.put(makeRequest(key, content));
      expect(confirmation).toMatchObject({ key, size, sha256: sha256Of(content), outcome: 'created' });
      const head = await store.head(key);
      expect(head).toMatchObject({ key, size });
      // A digest is optional, but never a wrong one.
      expect(head?.sha256 ?? sha256Of(content)).toBe(sha256Of(content));
      expect(await listKeys(store.list(key))).toEqual([key]);
      expect(sha256Of(await readAll(store.get(key)))).toBe(sha256Of(content));
    });

    test('what is not there: head gives undefined, get throws', async () => {
      expect(await store.head('nothing/here')).toBeUndefined();
      expect(await codeOf(readAll(store.get('nothing/here')))).toBe('store.not-found');
      expect(await listKeys(store.list('nothing/'))).toEqual([]);
    });

    test('reading half of an object and leaving does no harm', async () => {
      await store.put(makeRequest('roundtrip/half', makeContent(MEBIBYTE, 'half')));
      for await (const chunk of store.get('roundtrip/half')) {
        expect(chunk.length).toBeGreaterThan(0);
        break;
      }
      expect(await store.head('roundtrip/half')).toMatchObject({ size: MEBIBYTE });
    });
  });

  describe('content that is not what was said', () => {
    test.each([
      ['small', 1000],
      ['streamed', 3 * MEBIBYTE],
      ['in parts', 11 * MEBIBYTE],
    ])('%s: a wrong digest is refused for good and leaves nothing', async (name, size) => {
      const key = `wrong/digest-${size}`;
      const request = makeRequest(key, makeContent(size, name), { sha256: sha256Of(Buffer.from('other')) });
      expect(await codeOf(store.put(request))).toBe('store.content-mismatch');
      expect(await store.head(key)).toBeUndefined();
      // The right one is not hindered by what was tried before.
      expect(await store.put(makeRequest(key, makeContent(size, name)))).toMatchObject({ outcome: 'created' });
    });

    test.each([
      ['shorter', 10],
      ['longer', -10],
      ['much shorter', 3 * MEBIBYTE],
    ])('%s than said: refused for good and leaves nothing', async (_name, more) => {
      const content = makeContent(4 * MEBIBYTE, 'size');
      const key = `wrong/size-${more}`;
      const request = makeRequest(key, content, { size: content.length + more });
      const honest: typeof request.open = () => makeRequest(key, content).open();
      expect(await codeOf(store.put({ ...request, open: honest }))).toBe('store.content-mismatch');
      expect(await store.head(key)).toBeUndefined();
    });

    test('a source that breaks is not taken for a fault of the store', async () => {
      const broken = async function* () {
        yield Buffer.alloc(2 * MEBIBYTE);
        throw Object.assign(new Error('disk trouble'), { code: 'EIO' });
      };
      const request = makeRequest('wrong/source', makeContent(3 * MEBIBYTE, 'source'), { open: broken });
      expect(await codeOf(store.put(request))).toBe('store.content-unreadable');
      expect(await store.head('wrong/source')).toBeUndefined();
    });
  });

  describe('if absent', () => {
    test.each([
      ['small', 500],
      ['streamed', 2 * MEBIBYTE],
      ['in parts', 11 * MEBIBYTE],
    ])(
      '%s: the same again is already present, other content is a conflict and overwrites nothing',
      async (name, size) => {
        const key = `absent/${name.replaceAll(' ', '-')}`;
        const content = makeContent(size, name);
        expect((await store.put(makeRequest(key, content))).outcome).toBe('created');
        const again = await store.put(makeRequest(key, content));
        expect(again).toMatchObject({ key, size, sha256: sha256Of(content), outcome: 'already-present' });
        expect(await codeOf(store.put(makeRequest(key, makeContent(size, 'other'))))).toBe('store.conflict');
        expect(await codeOf(store.put(makeRequest(key, makeContent(size + 1, name))))).toBe('store.conflict');
        expect(sha256Of(await readAll(store.get(key)))).toBe(sha256Of(content));
      },
    );

    test('when replacing is allowed, the later content stands', async () => {
      await store.put(makeRequest('absent/replaced', makeContent(100, 'first'), { ifAbsent: false }));
      const second = makeContent(90, 'second');
      const confirmation = await store.put(makeRequest('absent/replaced', second, { ifAbsent: false }));
      expect(confirmation.outcome).toBe('created');
      expect(await readAll(store.get('absent/replaced'))).toEqual(second);
    });

    test.each([
      ['small', 700],
      ['in parts', 11 * MEBIBYTE],
    ])('%s: of several writers at once one wins, and each is told the truth', async (name, size) => {
      const key = `absent/race-${size}`;
      const other = open();
      const seeds = ['a', 'b', 'c', 'a', 'b', 'c'];
      const results = await Promise.allSettled(
        seeds.map((seed, index) => (index % 2 ? store : other).put(makeRequest(key, makeContent(size, name + seed)))),
      );
      const winner = sha256Of(await readAll(store.get(key)));
      for (const [index, result] of results.entries()) {
        const isWinner = sha256Of(makeContent(size, name + seeds[index])) === winner;
        if (isWinner) expect(result).toMatchObject({ status: 'fulfilled', value: { sha256: winner } });
        else expect(result).toMatchObject({ status: 'rejected', reason: { code: 'store.conflict' } });
      }
      const created = results.filter((one) => one.status === 'fulfilled' && one.value.outcome === 'created');
      expect(created).toHaveLength(1);
      await other.close();
    });

    test('the same between processes, where the store can tell', async (context) => {
      if (!(await store.capabilities()).conditionalPut) context.skip('this store has no conditional PUT');
      const key = 'absent/race-of-processes';
      const job = { configuration: configuration(), stateDirectory, key, size: 40_000, waitForStart: true };
      const seeds = ['x', 'y'];
      const children = seeds.map((seed) => startPutChild({ ...job, seed }));
      await Promise.all(children.map((child) => child.ready));
      for (const child of children) child.go();
      const results = await Promise.all(children.map((child) => child.result));
      const winner = sha256Of(await readAll(store.get(key)));
      const expected = seeds.map((seed) =>
        sha256Of(makeContent(40_000, seed)) === winner
          ? { sha256: winner, outcome: 'created' }
          : { code: 'store.conflict' },
      );
      expect(results).toMatchObject(expected);
    });
  });

  describe('stopping', () => {
    test('a signal raised before: nothing is written', async () => {
      const request = makeRequest('abort/before', makeContent(100, 'abort'));
      expect(await codeOf(store.put(request, AbortSignal.abort()))).toBe('store.aborted');
      expect(await store.head('abort/before')).toBeUndefined();
    });

    test.each([
      ['streamed', 4 * MEBIBYTE],
      ['in parts', 16 * MEBIBYTE],
    ])('%s: a signal raised in the middle ends the put, and it can be done again', async (name, size) => {
      const controller = new AbortController();
      const content = makeContent(size, name);
      const request = makeRequest(`abort/middle-${size}`, content);
      const stopping: typeof request.open = async function* (range) {
        let at = range?.start ?? 0;
        for await (const chunk of request.open(range)) {
          at += chunk.length;
          if (at > size / 2) controller.abort();
          yield chunk;
        }
      };
      expect(await codeOf(store.put({ ...request, open: stopping }, controller.signal))).toBe('store.aborted');
      expect(await store.head(request.key)).toBeUndefined();
      expect(await store.put(request)).toMatchObject({ outcome: 'created' });
    });
  });

  describe('keys', () => {
    test.each(
      [
        ['', '/absolute', 'a//b', 'a/', '../up', 'a/../../up', 'a/./b', '..', 'nul\0', 'new\nline', '.medusa/x'],
        ['x'.repeat(256), 'y/'.repeat(600), '\ud800'],
      ].flat(),
    )('%j is refused everywhere', async (key) => {
      expect(await codeOf(store.put(makeRequest(key, Buffer.from('x'))))).toBe('store.bad-key');
      expect(await codeOf(store.head(key))).toBe('store.bad-key');
      expect(await codeOf(readAll(store.get(key)))).toBe('store.bad-key');
    });

    test.each(['UPPER and lower.txt', "it's (odd) +&=?#%20*!", 'größe/日本語', 'a/b/c/d/e/f/g', '.hidden', 'tilde~'])(
      '%j is a key like any other',
      async (key) => {
        const content = Buffer.from(`content of ${key}`);
        await store.put(makeRequest(`odd/${key}`, content));
        expect(await readAll(store.get(`odd/${key}`))).toEqual(content);
        expect(await listKeys(store.list('odd/'))).toContain(`odd/${key}`);
      },
    );

    test('a prefix is put before keys and taken off again, and hides the rest', async () => {
      const { prefix } = configuration();
      const inner = open({ prefix: `${prefix}/prefixed/deep` });
      await inner.put(makeRequest('k/1', Buffer.from('inner')));
      await store.put(makeRequest('prefixed/other', Buffer.from('outer')));
      expect(await listKeys(inner.list(''))).toEqual(['k/1']);
      expect(await listKeys(store.list('prefixed/'))).toEqual(['prefixed/deep/k/1', 'prefixed/other']);
      expect(await readAll(store.get('prefixed/deep/k/1'))).toEqual(Buffer.from('inner'));
      await inner.close();
    });

    test('a list is in byte order, by any prefix, also one that ends within a name', async () => {
      const keys = ['order/a', 'order/a-b', 'order/a/b', 'order/a0', 'order/ab', 'order/b'];
      const store2 = open({ prefix: `${configuration().prefix}/listed` });
      // A name cannot be an object and a folder in a directory: without order/a there.
      const possible = configuration().type === 'directory' ? keys.slice(1) : keys;
      for (const key of possible.toReversed()) await store2.put(makeRequest(key, Buffer.from(key)));
      expect(await listKeys(store2.list('order/'))).toEqual(possible);
      expect(await listKeys(store2.list('order/a'))).toEqual(possible.slice(0, -1));
      expect(await listKeys(store2.list('order/a/'))).toEqual(['order/a/b']);
      await store2.close();
    });
  });

  test('capabilities leave nothing behind', async () => {
    await store.capabilities();
    expect((await listKeys(store.list(''))).filter((key) => key.includes('.medusa'))).toEqual([]);
  });
}

/** Lists more than one page of S3, which is 1,000 keys. */
export function describePaging({ configuration }: ConformanceOptions): void {
  test('lists 1,050 keys, each once and in order', async () => {
    const store = openStore({ ...configuration(), prefix: 'paging' }, { retry: false });
    const keys = Array.from({ length: 1050 }, (_, index) => `page/${String(index).padStart(5, '0')}`);
    const waiting = [...keys];
    const worker = async () => {
      for (let key = waiting.pop(); key !== undefined; key = waiting.pop()) {
        await store.put(makeRequest(key, Buffer.from(key)));
      }
    };
    await Promise.all(Array.from({ length: 16 }, worker));
    expect(await listKeys(store.list('page/'))).toEqual(keys);
    await store.close();
  });
}
