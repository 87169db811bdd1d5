import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { createDirectoryStore } from '../../../src/delivery/store/directoryStore.ts';
import type { StoreConfiguration } from '../../../src/delivery/store/objectStore.ts';
import { storeFailure } from '../../../src/delivery/store/storeErrors.ts';
import { waitUntil } from '../../support/serverProcess.ts';
import { codeOf, listKeys, makeContent, makeRequest, readAll } from './content.fixture.ts';
import { describeConformance, describePaging } from './objectStore.conformance.ts';
import { startPutChild } from './putChild.fixture.ts';

const MEBIBYTE = 1024 * 1024;
const base = mkdtempSync(join(tmpdir(), 'medusa-directory-store-'));
let counter = 0;
const newDirectory = () => join(base, `store-${++counter}`);
const configurationOf = (path: string, prefix = '') => ({
  name: 'directory',
  type: 'directory' as const,
  path,
  prefix,
});
const temporaryFiles = (root: string) => readdirSync(join(root, '.medusa', 'temporary'));
afterAll(() => rmSync(base, { recursive: true, force: true }));

describe('directory store', { timeout: 60_000 }, () => {
  const root = newDirectory();
  const configuration = (): StoreConfiguration => configurationOf(root, 'conformance');
  describeConformance({ configuration });
  describePaging({ configuration });

  test('all of it left no temporary file behind', () => {
    expect(temporaryFiles(root)).toEqual([]);
  });
});

describe('what only a directory can do wrong', () => {
  test('objects are plain files under their keys', async () => {
    const root = newDirectory();
    const store = createDirectoryStore(configurationOf(root, '/some/prefix/'));
    const content = makeContent(1000, 'plain');
    const confirmation = await store.put(makeRequest('a/b.dcm', content));
    expect(confirmation.confirmedBy).toBe('synced-write');
    expect(readFileSync(join(root, 'some/prefix/a/b.dcm'))).toEqual(content);
  });

  test('a writer killed in the middle leaves no object, and its rubbish is removed at the next opening', async () => {
    const root = newDirectory();
    const configuration = configurationOf(root);
    const size = 4 * MEBIBYTE;
    const blockAt = 2 * MEBIBYTE;
    const child = startPutChild({ configuration, stateDirectory: base, key: 'k', size, seed: 'killed', blockAt });
    const hasBegun = async () => existsSync(join(root, '.medusa', 'temporary')) && temporaryFiles(root).length === 1;
    await waitUntil('a temporary file', hasBegun);
    // While it lives, another store on the same directory leaves its file alone.
    await createDirectoryStore(configuration).capabilities();
    expect(temporaryFiles(root)).toHaveLength(1);
    await child.kill();
    const store = createDirectoryStore(configuration);
    expect(await store.head('k')).toBeUndefined();
    expect(temporaryFiles(root)).toEqual([]);
    expect(await store.put(makeRequest('k', makeContent(size, 'killed')))).toMatchObject({ outcome: 'created' });
  });

  test('a key below an object, or that is a folder, is refused for good', async () => {
    const store = createDirectoryStore(configurationOf(newDirectory()));
    await store.put(makeRequest('folder/object', Buffer.from('x')));
    for (const ifAbsent of [true, false]) {
      expect(await codeOf(store.put(makeRequest('folder/object/below', Buffer.from('x'), { ifAbsent })))).toBe(
        'store.bad-key',
      );
      expect(await codeOf(store.put(makeRequest('folder', Buffer.from('x'), { ifAbsent })))).toBe('store.bad-key');
    }
    expect(await store.head('folder')).toBeUndefined();
    expect(await codeOf(readAll(store.get('folder')))).toBe('store.not-found');
    expect(await codeOf(readAll(store.get('folder/object/below')))).toBe('store.not-found');
  });

  test('folders removed by hand while it runs come back', async () => {
    const root = newDirectory();
    const store = createDirectoryStore(configurationOf(root));
    await store.put(makeRequest('a/b/one', Buffer.from('1')));
    rmSync(join(root, 'a'), { recursive: true });
    // The first put after that may fail, and says that it can be tried again.
    const failure = await store.put(makeRequest('a/b/two', Buffer.from('2'))).then(() => undefined, storeFailure);
    if (failure) expect(failure).toMatchObject({ permanent: false, retrySoon: true });
    expect(await store.put(makeRequest('a/b/two', Buffer.from('2')))).toMatchObject({ key: 'a/b/two' });
    expect(readFileSync(join(root, 'a/b/two'), 'utf8')).toBe('2');
  });

  test('a file system that is not mounted is noticed, by a new process and by a running one', async () => {
    const root = newDirectory();
    const stateDirectory = newDirectory();
    const open = () => createDirectoryStore(configurationOf(root), { stateDirectory });
    const running = open();
    await running.put(makeRequest('k/1', Buffer.from('x')));
    // As an unmount leaves it: the mount point is there, and empty.
    rmSync(root, { recursive: true });
    mkdirSync(root);
    const error = await open()
      .put(makeRequest('k/2', Buffer.from('x')))
      .catch((reason) => reason);
    const expected = { code: 'store.not-mounted', permanent: false, storeUnavailable: true, retrySoon: false };
    expect(storeFailure(error)).toMatchObject(expected);
    const first = await codeOf(running.put(makeRequest('k/2', Buffer.from('x'))));
    expect(['store.unreachable', 'store.not-mounted']).toContain(first);
    expect(await codeOf(running.put(makeRequest('k/2', Buffer.from('x'))))).toBe('store.not-mounted');
    expect(readdirSync(root)).toEqual([]);
  });

  test('a file in the place of its folder is the store that is unavailable, not a fault of the object', async () => {
    const root = newDirectory();
    writeFileSync(root, '');
    const store = createDirectoryStore(configurationOf(root), {});
    const error = await store.put(makeRequest('k/1', Buffer.from('x'))).catch((reason) => reason);
    expect(storeFailure(error)).toMatchObject({ code: 'store.unreachable', permanent: false, storeUnavailable: true });
    rmSync(root);
    expect(await store.put(makeRequest('k/1', Buffer.from('x')))).toMatchObject({ key: 'k/1' });
  });

  test('without link(2) an object still appears whole and replaces no other; it does not claim more', async () => {
    const store = createDirectoryStore(configurationOf(newDirectory()), { useLinks: false });
    expect(await store.capabilities()).toMatchObject({ conditionalPut: false, conditionalMultipart: false });
    const contents = ['a', 'b', 'a', 'b'].map((seed) => makeContent(2 * MEBIBYTE, seed));
    const results = await Promise.allSettled(contents.map((content) => store.put(makeRequest('k', content))));
    const winner = await readAll(store.get('k'));
    const expected = contents.map((content) => (content.equals(winner) ? 'fulfilled' : 'rejected'));
    expect(results.map(({ status }) => status)).toEqual(expected);
    expect(expected).toContain('rejected');
    expect(await codeOf(store.put(makeRequest('k', Buffer.from('other'))))).toBe('store.conflict');
  });

  test('many writers at once into few folders: all are there afterwards', async () => {
    const root = newDirectory();
    const store = createDirectoryStore(configurationOf(root));
    const keys = Array.from({ length: 200 }, (_, index) => `study-${index % 3}/series-${index % 7}/${index}`);
    await Promise.all(keys.map((key) => store.put(makeRequest(key, Buffer.from(key)))));
    expect((await listKeys(store.list(''))).toSorted()).toEqual(keys.toSorted());
    expect(temporaryFiles(root)).toEqual([]);
  });

  test('what others put there under our reserved name is not listed', async () => {
    const root = newDirectory();
    const store = createDirectoryStore(configurationOf(root));
    await store.put(makeRequest('k', Buffer.from('x')));
    writeFileSync(join(root, '.medusa', 'note'), 'x');
    symlinkSync('/nonexistent', join(root, 'dangling'));
    expect(await listKeys(store.list(''))).toEqual(['k']);
  });
});

describe.skipIf(process.getuid?.() !== 0)('out of space (a small tmpfs; needs root)', () => {
  test('is retryable, leaves nothing, and passes when space returns', async (context) => {
    const root = newDirectory();
    mkdirSync(root);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', root], { stdio: 'pipe' });
    } catch {
      context.skip('this machine does not let us mount a tmpfs');
    }
    try {
      const store = createDirectoryStore(configurationOf(root));
      const filler = join(root, 'filler');
      await store.capabilities();
      writeFileSync(filler, Buffer.alloc(2 * MEBIBYTE));
      const request = makeRequest('k', makeContent(2 * MEBIBYTE, 'full'));
      const error = await store.put(request).catch((reason) => reason);
      const expected = { code: 'store.full', permanent: false, storeUnavailable: true, retrySoon: false };
      expect(storeFailure(error)).toMatchObject(expected);
      expect(await store.head('k')).toBeUndefined();
      expect(temporaryFiles(root)).toEqual([]);
      rmSync(filler);
      expect(await store.put(request)).toMatchObject({ outcome: 'created' });
    } finally {
      execFileSync('umount', [root]);
    }
  });
});
