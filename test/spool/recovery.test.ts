import { closeSync, cpSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Spool } from '../../src/spool/spool.ts';
import { content, MiB, open, put, readBack, temporaryDirectory } from './support.ts';

describe('recovery', () => {
  let directory: { path: string; remove(): void };
  let spool: Spool;

  beforeEach(() => {
    directory = temporaryDirectory();
    spool = open(directory.path).spool;
  });
  afterEach(async () => {
    await spool.close();
    directory.remove();
  });

  const segmentFile = (id: number) => join(directory.path, 'segments', `segment-${String(id).padStart(6, '0')}.seg`);
  const dropIndex = () => {
    for (const name of readdirSync(directory.path)) if (name.startsWith('index')) rmSync(join(directory.path, name));
  };
  /** As after kill -9: what the process had in memory, the index's last rows among it, is gone. */
  const crash = (options: Parameters<typeof open>[1] = {}) => {
    rmSync(join(directory.path, 'lock'));
    const opened = open(directory.path, options);
    spool = opened.spool;
    return opened;
  };
  const poke = (path: string, offset: number, bytes: number[]) => {
    const fd = openSync(path, 'r+');
    writeSync(fd, Buffer.from(bytes), 0, bytes.length, offset);
    closeSync(fd);
  };
  const deliverAll = () => {
    spool.flushIndex();
    const claimed = spool.queue.claim('cloud', 1_000, Date.now());
    const settled = claimed.map(({ id }) => ({ id, receipt: 1 }));
    spool.queue.markDelivered(settled, Date.now() - 10);
  };

  test('a segment that the index takes for free is read when a crash came before its first row', async () => {
    await put(spool, '1.1', content(100));
    await spool.close();
    spool = open(directory.path).spool; // its spares are rows of state free now
    const bytes = content(70_000);
    expect(await put(spool, '1.2', bytes)).toEqual({ kind: 'stored' });
    crash();
    expect((await readBack(spool, '1.2')).equals(bytes)).toBe(true);
  });

  test('what completed around a change of segments is there after a crash', async () => {
    // Groups of the last moment in one segment, and the first frame of the next: no flush of the index in between.
    const sent = Array.from({ length: 9 }, (_, i) => ({ uid: `1.9.${i}`, bytes: content(900_000) }));
    const outcomes = await Promise.all(sent.map(({ uid, bytes }) => put(spool, uid, bytes, 900_000)));
    expect(outcomes.map((outcome) => outcome.kind)).toEqual(sent.map(() => 'stored'));
    crash();
    for (const { uid, bytes } of sent) expect((await readBack(spool, uid)).equals(bytes), uid).toBe(true);
  });

  test('crash after crash, with segments recycled in between, loses nothing', async () => {
    const options = { quota: 24 * MiB, keepDeliveredMs: 0, preallocate: 1 };
    for (let life = 0; life < 12; life++) {
      crash(options);
      const sent = Array.from({ length: 7 }, (_, i) => `1.${life}.${i}`);
      const bytes = content(400_000 + life);
      await Promise.all(sent.map((uid) => put(spool, uid, bytes)));
      crash(options);
      for (const uid of sent) expect((await readBack(spool, uid)).equals(bytes), uid).toBe(true);
      deliverAll();
      await spool.reclaim();
    }
  });

  test('an index that went back in time (a power cut) is put right from the segments', async () => {
    const straggler = content(500_000);
    await put(spool, '1.7', straggler);
    for (let i = 0; i < 5; i++) await put(spool, `1.8.${i}`, content(700_000));
    spool.flushIndex();
    for (const delivery of spool.queue.claim('cloud', 100, Date.now())) {
      const isStraggler = spool.index.get(delivery.instance ?? 0)?.sopInstanceUid === '1.7';
      if (!isStraggler) spool.queue.markDelivered([{ id: delivery.id, receipt: 1 }], 1);
    }
    await spool.close();
    const earlier = join(directory.path, 'earlier');
    cpSync(join(directory.path, 'index.sqlite'), earlier);
    const options = { quota: 24 * MiB, keepDeliveredMs: 0, preallocate: 1 };
    spool = open(directory.path, options).spool;
    await spool.reclaim();
    await put(spool, '1.9', content(3_000_000)); // over what was there
    await spool.close();
    dropIndex();
    cpSync(earlier, join(directory.path, 'index.sqlite'));
    rmSync(earlier);
    spool = open(directory.path, options).spool;
    expect((await readBack(spool, '1.7')).equals(straggler)).toBe(true);
    expect(await readBack(spool, '1.9')).toHaveLength(3_000_000);
    await spool.reclaim();
    expect((await readBack(spool, '1.7')).equals(straggler)).toBe(true);
  });

  test('a damaged segment header loses nothing; a segment of another release stops the start', async () => {
    const bytes = content(50_000);
    await put(spool, '1.2.3', bytes);
    await spool.close();
    const whole = readFileSync(segmentFile(1)).subarray(0, 32);
    poke(segmentFile(1), 17, [0xff]);
    const opened = open(directory.path);
    spool = opened.spool;
    expect(opened.lines.map((line) => line.event)).toContain('spool.segment-header');
    expect((await readBack(spool, '1.2.3')).equals(bytes)).toBe(true);
    await spool.close();
    // Version 2, with a checksum that fits.
    const { crc32 } = await import('node:zlib');
    const header = Buffer.from(whole);
    header.writeUInt32LE(2, 8);
    header.writeUInt32LE(crc32(header.subarray(0, 24)), 24);
    poke(segmentFile(1), 0, [...header]);
    expect(() => open(directory.path)).toThrow(/form 2/);
    poke(segmentFile(1), 0, [...whole]);
    spool = open(directory.path).spool;
    expect((await readBack(spool, '1.2.3')).equals(bytes)).toBe(true);
  });

  test('segments of another size are read whole, and not used again', async () => {
    const sent = Array.from({ length: 7 }, (_, i) => ({ uid: `1.2.${i}`, bytes: content(900_000) }));
    await spool.close();
    dropIndex();
    rmSync(join(directory.path, 'segments'), { recursive: true });
    spool = open(directory.path, { segmentSize: 8 * MiB }).spool;
    for (const { uid, bytes } of sent) await put(spool, uid, bytes);
    await spool.close();
    dropIndex();
    spool = open(directory.path, { segmentSize: 4 * MiB, keepDeliveredMs: 0 }).spool;
    for (const { uid, bytes } of sent) expect((await readBack(spool, uid)).equals(bytes), uid).toBe(true);
    deliverAll();
    await spool.reclaim();
    for (let i = 0; i < 10; i++) expect((await put(spool, `1.3.${i}`, content(900_000))).kind).toBe('stored');
  });

  test('a resend heals an instance whose bytes went bad; until then it is in quarantine, not gone', async () => {
    const bytes = content(80_000);
    await put(spool, '1.2.3', bytes);
    await spool.close();
    poke(segmentFile(1), 4096 + 20_000, [1, 2, 3, 4]);
    dropIndex(); // a rebuild finds the damage
    const opened = open(directory.path, { keepDeliveredMs: 0 });
    spool = opened.spool;
    expect(spool.index.versionsOf('1.2.3').map(({ state, flags }) => ({ state, flags }))).toEqual([
      { state: 'quarantined', flags: ['damaged'] },
    ]);
    await spool.reclaim();
    expect(spool.index.versionsOf('1.2.3')[0]?.extents).toHaveLength(1);
    expect(await put(spool, '1.2.3', bytes)).toEqual({ kind: 'duplicate' });
    spool.flushIndex();
    expect((await readBack(spool, '1.2.3')).equals(bytes)).toBe(true);
    expect(spool.queue.claim('cloud', 10, Date.now())).toHaveLength(1);
    expect(await put(spool, '1.2.3', bytes)).toEqual({ kind: 'duplicate' });
  });

  test('the same where no route claims it; a route that comes later finds it', async () => {
    await spool.close();
    const unrouted = { route: () => [], keepDeliveredMs: 0 };
    spool = open(directory.path, unrouted).spool;
    const bytes = content(80_000);
    await put(spool, '1.2.3', bytes);
    spool.flushIndex();
    const [{ extents: [extent] = [] } = {}] = spool.index.versionsOf('1.2.3');
    await spool.close();
    poke(segmentFile(extent?.segment ?? 0), (extent?.offset ?? 0) + 20_000, [1, 2, 3, 4]);
    dropIndex();
    spool = open(directory.path, unrouted).spool;
    expect(spool.holdings('1.2.3')).toMatchObject([{ state: 'quarantined', isIntact: false }]);
    expect(await put(spool, '1.2.3', bytes)).toEqual({ kind: 'duplicate' });
    expect((await readBack(spool, '1.2.3')).equals(bytes)).toBe(true);
    expect(spool.holdings('1.2.3')).toMatchObject([{ state: 'received', isIntact: true }]);
    expect(spool.index.versionsOf('1.2.3')[0]?.flags).toEqual([]);
    expect(spool.index.routeUnclaimed(() => [{ store: 'cloud', priority: 0 }])).toBe(1);
    expect(spool.queue.claim('cloud', 10, Date.now())).toHaveLength(1);
  });

  test('bytes that healed an instance are kept in its place by a crash, and by a rebuild', async () => {
    const bytes = content(80_000);
    await put(spool, '1.2.3', bytes);
    await spool.close();
    poke(segmentFile(1), 4096 + 20_000, [1, 2, 3, 4]);
    dropIndex();
    spool = open(directory.path).spool;
    expect(await put(spool, '1.2.3', bytes)).toEqual({ kind: 'duplicate' });
    crash(); // before the index has heard of it
    expect((await readBack(spool, '1.2.3')).equals(bytes)).toBe(true);
    expect(spool.holdings('1.2.3')).toMatchObject([{ state: 'ready', isIntact: true }]);
    await spool.close();
    dropIndex();
    spool = open(directory.path).spool;
    expect((await readBack(spool, '1.2.3')).equals(bytes)).toBe(true);
    expect(spool.holdings('1.2.3')).toMatchObject([{ state: 'ready', isIntact: true }]);
  });

  test('what recovery finds never makes it throw: numbers and versions that are taken are given anew', async () => {
    const first = content(1_000);
    await put(spool, '1.2.3', first);
    spool.flushIndex();
    const [record] = spool.index.versionsOf('1.2.3');
    if (record === undefined) throw new Error('not indexed');
    const { state: _state, extents, ...meta } = record;
    const found = (changes: object) => ({ meta: { ...meta, parts: [], ...changes }, extents });
    const route = () => [{ store: 'cloud', priority: 0 }];
    // The same again; other bytes under the same version and number; another instance under the same number.
    spool.index.addRecovered(found({}), route, 9);
    spool.index.addRecovered(found({ sha256: 'ab'.repeat(32) }), route, 9);
    spool.index.addRecovered(found({ sopInstanceUid: '1.2.4', sha256: 'cd'.repeat(32) }), route, 9);
    const versions = spool.index.versionsOf('1.2.3');
    expect(versions.map(({ version, seq, flags }) => ({ version, seq, flags }))).toEqual([
      { version: 1, seq: meta.seq, flags: [] },
      { version: 2, seq: 10, flags: ['newVersion'] },
    ]);
    expect(spool.index.versionsOf('1.2.4').map(({ version, seq }) => ({ version, seq }))).toEqual([
      { version: 1, seq: 11 },
    ]);
  });

  test('a large instance is pinned piece by piece until it is indexed', async () => {
    await spool.close();
    spool = open(directory.path, { quota: 32 * MiB, keepDeliveredMs: 0, preallocate: 1 }).spool;
    const bytes = content(11 * MiB);
    const stored = put(spool, '1.2.3', bytes, 1_000_000);
    let done = false;
    void stored.then(() => {
      done = true;
    });
    while (!done) {
      await spool.reclaim();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await stored).toEqual({ kind: 'stored' });
    await spool.reclaim();
    expect((await readBack(spool, '1.2.3')).equals(bytes)).toBe(true);
  });
});
