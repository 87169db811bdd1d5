/**
 * The other half of those who only receive: a process of its own that brings what they have received into a store, with
 * the same store code, the same durability and the same concurrency as our courier. It stays alive, warm, between rounds.
 *
 * Standard input: one JSON request a line. Standard output, for each: `{"begun":true}` when the time starts to run, and an
 * answer when the last object is confirmed.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ObjectStore, StoreConfiguration } from '../src/delivery/store/objectStore.ts';
import { openStore } from '../src/delivery/store/openStore.ts';

export type UploadSource =
  /** Files that somebody is still writing: one is complete when it has `fileSize` bytes (known, so nobody need ask). */
  | { type: 'growing'; directory: string; fileSize: number }
  /** Files that are there; read and hashed before the time starts to run. */
  | { type: 'files'; directory: string }
  /** Instances that Orthanc announces, from sequence number `since` of its changes. */
  | { type: 'orthanc'; url: string; since: number };

export type UploadRequest = {
  store: StoreConfiguration;
  source: UploadSource;
  /** Keys begin with this; each object gets a name below it. */
  keyPrefix: string;
  count: number;
  concurrency: number;
};

export type UploadAnswer = { uploaded: number; seconds: number } | { error: string };

type Item = { name: string; read(): Promise<Buffer>; sha256?: string };

const pollMs = 10;

async function* growing(directory: string, fileSize: number, count: number): AsyncGenerator<Item> {
  const seen = new Set<string>();
  while (seen.size < count) {
    for (const name of await readdir(directory)) {
      const path = join(directory, name);
      if (seen.has(name) || (await stat(path)).size < fileSize) continue;
      seen.add(name);
      yield { name, read: () => readFile(path) };
    }
    await sleep(pollMs);
  }
}

type Changes = { Changes: Array<{ ChangeType: string; ID: string }>; Last: number };

async function* announced(url: string, since: number, count: number): AsyncGenerator<Item> {
  for (let found = 0, last = since; found < count; await sleep(pollMs)) {
    const changes = (await (await fetch(`${url}/changes?since=${last}&limit=1000`)).json()) as Changes;
    last = changes.Last;
    for (const { ChangeType, ID } of changes.Changes) {
      if (ChangeType !== 'NewInstance') continue;
      found++;
      yield {
        name: ID,
        read: async () => Buffer.from(await (await fetch(`${url}/instances/${ID}/file`)).arrayBuffer()),
      };
    }
  }
}

async function present(directory: string, count: number): Promise<Item[]> {
  const names = (await readdir(directory)).slice(0, count);
  return Promise.all(
    names.map(async (name) => {
      const content = await readFile(join(directory, name));
      const sha256 = createHash('sha256').update(content).digest('hex');
      return { name, sha256, read: () => readFile(join(directory, name)) };
    }),
  );
}

async function itemsOf(source: UploadSource, count: number): Promise<AsyncIterable<Item> | Item[]> {
  switch (source.type) {
    case 'files':
      return present(source.directory, count);
    case 'growing':
      return growing(source.directory, source.fileSize, count);
    case 'orthanc':
      return announced(source.url, source.since, count);
  }
}

async function uploadOne(store: ObjectStore, keyPrefix: string, item: Item): Promise<void> {
  const content = await item.read();
  await store.put({
    key: `${keyPrefix}/${item.name}.dcm`,
    size: content.length,
    sha256: item.sha256 ?? createHash('sha256').update(content).digest('hex'),
    ifAbsent: true,
    contentType: 'application/dicom',
    open: async function* (range) {
      yield range ? content.subarray(range.start, range.end) : content;
    },
  });
}

async function upload(store: ObjectStore, request: UploadRequest): Promise<UploadAnswer> {
  const { source, count, keyPrefix, concurrency } = request;
  const items = await itemsOf(source, count);
  process.stdout.write('{"begun":true}\n');
  const start = performance.now();
  const underWay = new Set<Promise<void>>();
  let uploaded = 0;
  for await (const item of items) {
    if (underWay.size >= concurrency) await Promise.race(underWay);
    const task = uploadOne(store, keyPrefix, item).then(() => {
      uploaded++;
      underWay.delete(task);
    });
    underWay.add(task);
  }
  await Promise.all(underWay);
  return { uploaded, seconds: (performance.now() - start) / 1000 };
}

const stores = new Map<string, ObjectStore>();

async function answer(line: string): Promise<UploadAnswer> {
  const request = JSON.parse(line) as UploadRequest;
  const name = JSON.stringify(request.store);
  const store = stores.get(name) ?? openStore(request.store);
  stores.set(name, store);
  await store.capabilities();
  return upload(store, request);
}

for await (const line of createInterface({ input: process.stdin })) {
  const result = await answer(line).catch((error: unknown): UploadAnswer => ({ error: String(error) }));
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
for (const store of stores.values()) await store.close();
