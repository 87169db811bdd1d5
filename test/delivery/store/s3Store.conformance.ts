/** What an S3 store must do beyond the common: refusals, restarts, and resuming what a killed process began. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import type { ObjectStore } from '../../../src/delivery/store/objectStore.ts';
import { openStore } from '../../../src/delivery/store/openStore.ts';
import type { S3Configuration } from '../../../src/delivery/store/s3Client.ts';
import { createS3Store, type S3StoreOptions } from '../../../src/delivery/store/s3Store.ts';
import { storeFailure } from '../../../src/delivery/store/storeErrors.ts';
import { startFaultyProxy } from '../../support/faultyProxy.ts';
import { type S3TestServer, waitUntil } from '../../support/serverProcess.ts';
import { createTestClient } from '../../support/testBucket.ts';
import { codeOf, listKeys, makeContent, makeRequest, readAll, sha256Of } from './content.fixture.ts';
import { startPutChild } from './putChild.fixture.ts';

const MEBIBYTE = 1024 * 1024;

export type S3ConformanceOptions = { configuration(): S3Configuration; server(): S3TestServer };

export function describeS3Conformance({ configuration, server }: S3ConformanceOptions): void {
  const directories: string[] = [];
  const newStateDirectory = (): string => {
    const directory = mkdtempSync(join(tmpdir(), 'medusa-store-state-'));
    directories.push(directory);
    return directory;
  };
  const stores: ObjectStore[] = [];
  const open = (overrides: Partial<S3Configuration> = {}, options: S3StoreOptions = {}): ObjectStore => {
    const store = createS3Store({ ...configuration(), ...overrides }, options);
    stores.push(store);
    return store;
  };
  const nameOf = (key: string) => `${configuration().prefix}/${key}`;
  const uploadsOf = async (key: string): Promise<string[]> => {
    const client = createTestClient(server());
    const command = new ListMultipartUploadsCommand({ Bucket: configuration().bucket, Prefix: nameOf(key) });
    const { Uploads = [] } = await client.send(command);
    client.destroy();
    return Uploads.flatMap(({ UploadId }) => (UploadId ? [UploadId] : []));
  };
  const partCount = async (key: string): Promise<number> => {
    const [UploadId] = await uploadsOf(key);
    if (!UploadId) return 0;
    const client = createTestClient(server());
    const { Parts = [] } = await client.send(
      new ListPartsCommand({ Bucket: configuration().bucket, Key: nameOf(key), UploadId }),
    );
    client.destroy();
    return Parts.length;
  };
  afterAll(async () => {
    for (const store of stores) await store.close();
    for (const directory of directories) rmSync(directory, { recursive: true, force: true });
  });

  describe('refusals', () => {
    test.each([
      ['a wrong secret', { secretAccessKey: 'wrong' }, 'store.wrong-credentials'],
      ['an unknown access key', { accessKeyId: 'test:NOBODY' }, 'store.wrong-credentials'],
      ['an unknown bucket', { bucket: 'no-such-bucket' }, 'store.no-bucket'],
    ])('%s: the whole store is unavailable, nothing is permanent', async (_name, overrides, code) => {
      const store = open(overrides);
      const error = await store.put(makeRequest('refused', Buffer.from('x'))).catch((reason) => reason);
      expect(storeFailure(error)).toMatchObject({ code, permanent: false, storeUnavailable: true, retrySoon: false });
      expect(storeFailure(error).hint).toBeTruthy();
    });

    test('an unknown bucket is not a missing object', async () => {
      expect(await codeOf(open({ bucket: 'no-such-bucket' }).head('some/key'))).toBe('store.no-bucket');
    });

    test('nobody listens there', async () => {
      const error = await open({ endpoint: 'http://127.0.0.1:9' })
        .head('x')
        .catch((reason) => reason);
      const expected = { code: 'store.unreachable', permanent: false, storeUnavailable: true, retrySoon: true };
      expect(storeFailure(error)).toMatchObject(expected);
    });
  });

  describe('proof', () => {
    test.each([
      ['signed payload', {}, 'store-sha256'],
      [
        'Content-MD5',
        { verifiesSha256: false, reportsSha256: false, verifiesSignedPayload: false, verifiesChecksumHeader: false },
        'store-md5',
      ],
      [
        'nothing but reading back',
        {
          verifiesSha256: false,
          reportsSha256: false,
          verifiesSignedPayload: false,
          verifiesChecksumHeader: false,
          verifiesMd5: false,
          etagIsMd5: false,
        },
        'read-back',
      ],
    ] as const)('a store that verifies by %s', async (name, capabilities, confirmedBy) => {
      const store = open({}, { capabilities });
      for (const size of [0, 100, 2 * MEBIBYTE, 11 * MEBIBYTE]) {
        const key = `proof/${confirmedBy}/${size}`;
        const request = makeRequest(key, makeContent(size, name));
        const wrong = { ...request, sha256: sha256Of(Buffer.from('wrong')) };
        expect(await codeOf(store.put(wrong))).toBe('store.content-mismatch');
        expect(await store.head(key)).toBeUndefined();
        const by = size === 0 ? 'read-back' : confirmedBy;
        expect(await store.put(request)).toMatchObject({ outcome: 'created', confirmedBy: by });
        expect(await store.put(request)).toMatchObject({ outcome: 'already-present' });
      }
    });

    test.each([
      ['signed payload', {}],
      ['checksum header or MD5', { verifiesSignedPayload: false }],
      ['MD5', { verifiesSignedPayload: false, verifiesChecksumHeader: false, reportsSha256: false }],
      [
        'reading back',
        { verifiesSignedPayload: false, verifiesChecksumHeader: false, reportsSha256: false, verifiesMd5: false },
      ],
    ])('a bit that flips on the way never becomes an object (proof by %s)', async (name, capabilities) => {
      const proxy = await startFaultyProxy(server().endpoint);
      const store = open({ endpoint: proxy.endpoint }, { capabilities });
      await store.capabilities();
      for (const size of [1000, 2 * MEBIBYTE, 11 * MEBIBYTE]) {
        const request = makeRequest(`flip/${name}/${size}`, makeContent(size, name));
        proxy.setFault({ kind: 'corruptRequest' }, { when: (method) => method === 'PUT', times: 1 });
        const error = await store.put(request).catch((reason) => reason);
        expect(storeFailure(error)).toMatchObject({ code: 'store.bad-digest', permanent: false, retrySoon: true });
        expect(await store.head(request.key)).toBeUndefined();
        expect(await store.put(request)).toMatchObject({ outcome: 'created' });
        expect(sha256Of(await readAll(store.get(request.key)))).toBe(request.sha256);
      }
      await proxy.close();
    });

    test('the digest in the metadata alone convinces nobody', async () => {
      const content = makeContent(1000, 'forged');
      const client = createTestClient(server());
      const forged = { Bucket: configuration().bucket, Key: nameOf('proof/forged'), Body: makeContent(1000, 'forger') };
      await client.send(new PutObjectCommand({ ...forged, Metadata: { sha256: sha256Of(content) } }));
      expect(await codeOf(open().put(makeRequest('proof/forged', content)))).toBe('store.conflict');
      client.destroy();
    });

    test('an object that others put there is recognised by reading it', async () => {
      const content = makeContent(1000, 'foreign');
      const client = createTestClient(server());
      const target = { Bucket: configuration().bucket, Key: nameOf('proof/foreign') };
      await client.send(new PutObjectCommand({ ...target, Body: content }));
      const confirmation = await open().put(makeRequest('proof/foreign', content));
      expect(confirmation).toMatchObject({ outcome: 'already-present', confirmedBy: 'read-back' });
      client.destroy();
    });
  });

  describe('multipart', () => {
    const size = 21 * MEBIBYTE;
    const part = 5 * MEBIBYTE;
    /** How often each part was opened: once to be hashed, once more to be sent. */
    const opens = (opened: number[]) => [0, 1, 2, 3, 4].map((n) => opened.filter((at) => at === n * part).length);

    /** Kills a writer that has sent parts 1 and 2 and waits for the bytes of part 4. */
    const killInTheMiddle = async (key: string, seed: string, stateDirectory: string): Promise<void> => {
      const blockAt = 3 * part + MEBIBYTE;
      const child = startPutChild({ configuration: configuration(), stateDirectory, key, size, seed, blockAt });
      await waitUntil('parts', async () => (await partCount(key)) >= 2);
      await child.kill();
    };

    test.each(['with', 'without'])('goes on after a kill -9, %s the local note', async (note) => {
      const key = `parts/killed-${note}`;
      const stateDirectory = newStateDirectory();
      await killInTheMiddle(key, key, stateDirectory);
      const store = open({}, note === 'with' ? { stateDirectory } : {});
      const content = makeContent(size, key);
      const request = makeRequest(key, content);
      const confirmation = await store.put(request);
      const { reportsSha256 } = await store.capabilities();
      expect(confirmation).toMatchObject({ outcome: 'created', size, sha256: sha256Of(content) });
      if (!reportsSha256) expect(confirmation.confirmedBy).toBe('store-md5');
      // What the killed writer had sent is hashed, not sent again. (Adopting looks at the first part once more.)
      const [first = 0, second, , fourth, fifth] = opens(request.opened);
      expect([first - (note === 'with' ? 0 : 1), second, fourth, fifth]).toEqual([1, 1, 2, 2]);
      expect(sha256Of(await readAll(store.get(key)))).toBe(sha256Of(content));
      expect(await uploadsOf(key)).toEqual([]);
    });

    test('what was begun with other content is aborted, not mixed in', async () => {
      const key = 'parts/other';
      const stateDirectory = newStateDirectory();
      await killInTheMiddle(key, 'old content', stateDirectory);
      const content = makeContent(size, 'new content');
      const store = open({}, { stateDirectory });
      const request = makeRequest(key, content);
      expect(await store.put(request)).toMatchObject({ outcome: 'created', confirmedBy: 'store-sha256' });
      expect(opens(request.opened)).toEqual([2, 2, 2, 2, 2]);
      expect(sha256Of(await readAll(store.get(key)))).toBe(sha256Of(content));
      expect(await uploadsOf(key)).toEqual([]);
    });

    test("another's upload to the same key, begun a moment ago, is left alone", async () => {
      const key = 'parts/foreign';
      const client = createTestClient(server());
      const target = { Bucket: configuration().bucket, Key: nameOf(key) };
      const { UploadId } = await client.send(new CreateMultipartUploadCommand(target));
      const Body = makeContent(part, 'foreign');
      await client.send(new UploadPartCommand({ ...target, UploadId, PartNumber: 1, Body }));
      const content = makeContent(size, 'ours');
      const store = open();
      await store.put(makeRequest(key, content));
      expect(sha256Of(await readAll(store.get(key)))).toBe(sha256Of(content));
      expect(await uploadsOf(key)).toEqual([UploadId]);
      // A day later nobody will come back for it.
      await client.send(new DeleteObjectCommand(target));
      const later = { ...systemClock, now: () => Date.now() + 25 * 3600 * 1000 };
      await open({}, { clock: later }).put(makeRequest(key, content));
      expect(await uploadsOf(key)).toEqual([]);
      client.destroy();
    });

    test('a part that rotted in the store is sent again', async () => {
      const key = 'parts/rotten';
      const stateDirectory = newStateDirectory();
      await killInTheMiddle(key, key, stateDirectory);
      const [UploadId] = await uploadsOf(key);
      const client = createTestClient(server());
      const target = { Bucket: configuration().bucket, Key: nameOf(key), UploadId, PartNumber: 2 };
      await client.send(new UploadPartCommand({ ...target, Body: makeContent(part, 'rot') }));
      const content = makeContent(size, key);
      const store = open({}, { stateDirectory });
      const request = makeRequest(key, content);
      await store.put(request);
      expect(opens(request.opened).slice(0, 2)).toEqual([1, 2]);
      expect(sha256Of(await readAll(store.get(key)))).toBe(sha256Of(content));
      client.destroy();
    });

    test('an object completed before the crash is recognised without reading it back', async () => {
      const key = 'parts/completed';
      const request = makeRequest(key, makeContent(size, key));
      await open().put(request);
      const again = await open().put(request);
      expect(again).toMatchObject({ outcome: 'already-present', confirmedBy: 'store-md5' });
      const client = createTestClient(server());
      const { Metadata } = await client.send(
        new GetObjectCommand({ Bucket: configuration().bucket, Key: nameOf(key), Range: 'bytes=0-0' }),
      );
      expect(Metadata).toMatchObject({ sha256: request.sha256, 'part-size': String(part) });
      client.destroy();
    });
  });

  test('a stopped server: unavailable for now, and all works after it comes back', async () => {
    const store = open();
    await store.put(makeRequest('restart/before', Buffer.from('before')));
    await server().stop();
    const error = await store.put(makeRequest('restart/during', Buffer.from('during'))).catch((reason) => reason);
    const unreachable = { code: 'store.unreachable', permanent: false, storeUnavailable: true };
    expect(storeFailure(error)).toMatchObject(unreachable);
    expect(await codeOf(listKeys(store.list('restart/')))).toBe('store.unreachable');
    // Also a store that has never seen its server up.
    const fresh = openStore(configuration(), { retry: false });
    expect(await codeOf(fresh.put(makeRequest('restart/fresh', Buffer.from('fresh'))))).toBe('store.unreachable');
    await server().start();
    expect(await store.put(makeRequest('restart/during', Buffer.from('during')))).toMatchObject({ outcome: 'created' });
    expect(await fresh.put(makeRequest('restart/fresh', Buffer.from('fresh')))).toMatchObject({ outcome: 'created' });
    expect(await readAll(store.get('restart/before'))).toEqual(Buffer.from('before'));
    await fresh.close();
  });
}
