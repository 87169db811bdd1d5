import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, describe as suite, test } from 'vitest';
import type { Spool } from '../../src/spool/spool.ts';
import { content, describe, MiB, open, put, readBack, temporaryDirectory } from './support.ts';

suite('spool', () => {
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

  /** Ends the process's hold on the spool without any of the flushing that `close` does. */
  function abandon(): void {
    rmSync(join(directory.path, 'lock'));
  }

  test.for([1, 4096, 65_536, 200_001, MiB - 1, MiB, 5 * MiB + 3, 17 * MiB])(
    'keeps %i bytes as they came',
    async (size) => {
      const bytes = content(size);
      expect(await put(spool, '1.2.3.4.5', bytes)).toEqual({ kind: 'stored' });
      expect((await readBack(spool, '1.2.3.4.5')).equals(bytes)).toBe(true);
    },
  );

  test('many instances at once are each kept whole', async () => {
    const sent = Array.from({ length: 40 }, (_, i) => ({ uid: `1.2.${i}`, bytes: content(10_000 + i * 30_000) }));
    const outcomes = await Promise.all(sent.map(({ uid, bytes }) => put(spool, uid, bytes)));
    expect(outcomes.every((outcome) => outcome.kind === 'stored')).toBe(true);
    for (const { uid, bytes } of sent) expect((await readBack(spool, uid)).equals(bytes), uid).toBe(true);
  });

  test('the same bytes again are a duplicate, other bytes a new version, and neither overwrites', async () => {
    const first = content(50_000);
    const second = content(50_000);
    expect(await put(spool, '1.2.3', first)).toEqual({ kind: 'stored' });
    expect(await put(spool, '1.2.3', first)).toEqual({ kind: 'duplicate' });
    expect(await put(spool, '1.2.3', second)).toEqual({ kind: 'new-version', version: 2 });
    spool.flushIndex();
    expect(await put(spool, '1.2.3', first)).toEqual({ kind: 'duplicate' });
    expect(await put(spool, '1.2.3', second)).toEqual({ kind: 'duplicate' });
    expect((await readBack(spool, '1.2.3', 1)).equals(first)).toBe(true);
    expect((await readBack(spool, '1.2.3', 2)).equals(second)).toBe(true);
    expect(spool.index.versionsOf('1.2.3').map((record) => record.flags)).toEqual([[], ['newVersion']]);
  });

  test('the same instance on two associations at once is stored once', async () => {
    const bytes = content(300_000);
    const outcomes = await Promise.all([
      put(spool, '1.2.3', bytes),
      put(spool, '1.2.3', bytes),
      put(spool, '1.2.3', bytes),
    ]);
    expect(outcomes.map((outcome) => outcome.kind).sort()).toEqual(['duplicate', 'duplicate', 'stored']);
    spool.flushIndex();
    expect(spool.index.versionsOf('1.2.3')).toHaveLength(1);
  });

  test('an abandoned instance leaves nothing', async () => {
    const incoming = spool.receive();
    if ('refused' in incoming) throw new Error(incoming.refused);
    incoming.write(content(3 * MiB));
    incoming.discard();
    await put(spool, '1.2.9', content(100));
    spool.flushIndex();
    expect([...spool.index.all()].map((record) => record.sopInstanceUid)).toEqual(['1.2.9']);
    expect(spool.status.bufferedBytes).toBe(0);
  });

  test('what was acknowledged is there after a crash that flushed no index', async () => {
    const sent = Array.from({ length: 12 }, (_, i) => ({ uid: `1.2.${i}`, bytes: content(1_000 + i * 200_000) }));
    await Promise.all(sent.map(({ uid, bytes }) => put(spool, uid, bytes)));
    abandon();
    const crashed = spool;
    spool = open(directory.path).spool;
    for (const { uid, bytes } of sent) expect((await readBack(spool, uid)).equals(bytes), uid).toBe(true);
    expect(spool.queue.counts()).toEqual([{ store: 'cloud', kind: 'instance', state: 'ready', n: 12 }]);
    // The first process is still there in this test: keep it from writing over the second one's files when it is collected.
    void crashed;
  });

  test('the index is rebuilt from the segments when it is lost, and when it is damaged', async () => {
    const bytes = content(2 * MiB + 17);
    await put(spool, '1.2.3', bytes);
    await put(spool, '1.2.3', content(99));
    await spool.close();
    for (const name of readdirSync(directory.path)) if (name.startsWith('index')) rmSync(join(directory.path, name));
    spool = open(directory.path).spool;
    expect(spool.index.versionsOf('1.2.3')).toHaveLength(2);
    await spool.close();
    writeFileSync(
      join(directory.path, 'index.sqlite'),
      'this is not a database, and it is long enough to be looked at',
    );
    const reopened = open(directory.path);
    spool = reopened.spool;
    expect(reopened.lines.map((line) => line.event)).toContain('spool.index-damaged');
    expect((await readBack(spool, '1.2.3')).equals(bytes)).toBe(true);
    expect(readdirSync(directory.path).some((name) => name.includes('damaged'))).toBe(true);
  });

  test('a second process is refused', () => {
    expect(() => open(directory.path)).toThrow(/in use by process/);
    expect(existsSync(join(directory.path, 'lock'))).toBe(true);
  });

  test('the quota refuses new instances, loses none, and delivering makes room again', async () => {
    await spool.close();
    spool = open(directory.path, { quota: 12 * MiB, keepDeliveredMs: 3_600_000 }).spool;
    const stored: string[] = [];
    let refused: string | undefined;
    for (let i = 0; i < 40 && refused === undefined; i++) {
      const outcome = await put(spool, `1.2.${i}`, content(700_000));
      if (outcome.kind === 'refused') refused = outcome.reason;
      else stored.push(`1.2.${i}`);
    }
    expect(refused).toMatch(/quota/);
    expect(stored.length).toBeGreaterThan(8);
    spool.flushIndex();
    for (const uid of stored) expect(await readBack(spool, uid)).toHaveLength(700_000);
    const claimed = spool.queue.claim('cloud', 100, Date.now());
    expect(claimed).toHaveLength(stored.length);
    spool.queue.markDelivered(
      claimed.map(({ id }, i) => ({ id, receipt: i + 1 })),
      Date.now(),
    );
    await spool.reclaim();
    expect(await put(spool, '1.3.1', content(700_000))).toEqual({ kind: 'stored' });
    expect(await put(spool, stored[0] as string, content(1)), 'a pruned instance is still known').toMatchObject({
      kind: 'new-version',
    });
  });

  test('segments are recycled and old frames in them are never taken for new ones', async () => {
    await spool.close();
    spool = open(directory.path, { quota: 16 * MiB, keepDeliveredMs: 0 }).spool;
    for (let round = 0; round < 12; round++) {
      for (let i = 0; i < 4; i++)
        expect(await put(spool, `1.${round}.${i}`, content(900_000))).toEqual({ kind: 'stored' });
      spool.flushIndex();
      const claimed = spool.queue.claim('cloud', 100, Date.now());
      spool.queue.markDelivered(
        claimed.map(({ id }) => ({ id, receipt: 1 })),
        Date.now() - 10,
      );
      await spool.reclaim();
    }
    expect(spool.status.segments).toBeLessThanOrEqual(4);
    const last = content(123_456);
    await put(spool, '1.99', last);
    await spool.close();
    for (const name of readdirSync(directory.path)) if (name.startsWith('index')) rmSync(join(directory.path, name));
    spool = open(directory.path).spool;
    const found = [...spool.index.all()].map((record) => record.sopInstanceUid);
    expect(found).toContain('1.99');
    expect(found.length).toBeLessThan(17);
    expect((await readBack(spool, '1.99')).equals(last)).toBe(true);
  });

  test('stragglers are copied forward, so that a few undelivered instances do not hold whole segments', async () => {
    await spool.close();
    const options = { quota: 24 * MiB, keepDeliveredMs: 0, preallocate: 1 };
    spool = open(directory.path, options).spool;
    const stragglers = new Map<string, Buffer>();
    for (let round = 0; round < 16; round++) {
      const straggler = content(100_000);
      for (let i = 0; i < 5; i++) {
        const uid = `1.${round}.${i}`;
        const bytes = i === 0 ? straggler : content(700_000);
        expect(await put(spool, uid, bytes), `round ${round}`).toEqual({ kind: 'stored' });
        if (i === 0) stragglers.set(uid, straggler);
      }
      spool.flushIndex();
      for (const delivery of spool.queue.claim('cloud', 100, Date.now())) {
        const isStraggler = spool.index.get(delivery.instance ?? 0)?.size === 100_000;
        if (isStraggler) spool.queue.quarantine(delivery.id, { now: 0, code: 'test', message: 'poison' });
        else spool.queue.markDelivered([{ id: delivery.id, receipt: 1 }], Date.now() - 10);
      }
      await spool.reclaim();
    }
    // 16 stragglers in what were 16 segments; the quota has 6.
    for (const [uid, bytes] of stragglers) expect((await readBack(spool, uid)).equals(bytes), uid).toBe(true);
    await spool.close();
    for (const name of readdirSync(directory.path)) if (name.startsWith('index')) rmSync(join(directory.path, name));
    spool = open(directory.path, options).spool;
    for (const [uid, bytes] of stragglers) expect((await readBack(spool, uid)).equals(bytes), uid).toBe(true);
  });

  test('a leased instance keeps its bytes in place, even when it is pruned meanwhile', async () => {
    await spool.close();
    spool = open(directory.path, { quota: 8 * MiB, keepDeliveredMs: 0, preallocate: 1 }).spool;
    const bytes = content(500_000);
    await put(spool, '1.2.3', bytes);
    spool.flushIndex();
    const record = spool.index.versionsOf('1.2.3')[0];
    if (record === undefined) throw new Error('not indexed');
    const { ranges, release } = spool.lease(record);
    spool.queue.markDelivered(
      [{ id: spool.queue.claim('cloud', 1, Date.now())[0]?.id ?? 0, receipt: 1 }],
      Date.now() - 10,
    );
    let stored = 0;
    for (let i = 0; i < 40; i++) {
      if ((await put(spool, `1.3.${i}`, content(900_000))).kind === 'stored') stored++;
      await spool.reclaim();
    }
    expect(stored).toBeLessThan(40);
    const [range] = ranges;
    const onDisk = readFileSync(range?.path ?? '').subarray(range?.offset, (range?.offset ?? 0) + (range?.length ?? 0));
    expect(onDisk.equals(bytes)).toBe(true);
    spool.flushIndex();
    const rest = spool.queue.claim('cloud', 100, Date.now()).map(({ id }) => ({ id, receipt: 2 }));
    spool.queue.markDelivered(rest, Date.now() - 10);
    await spool.reclaim();
    const freeWhileLeased = spool.status.freeSegments;
    release();
    await spool.reclaim();
    expect(spool.status.freeSegments).toBe(freeWhileLeased + 1);
    expect((await put(spool, '1.4', content(900_000))).kind).toBe('stored');
  });

  test('memory stays within the pool whatever the size of an instance, and slow senders do not block fast ones', async () => {
    await spool.close();
    spool = open(directory.path, { quota: 256 * MiB, bufferMemory: 2 * MiB }).spool;
    const slow = Array.from({ length: 30 }, () => {
      const incoming = spool.receive();
      if ('refused' in incoming) throw new Error(incoming.refused);
      incoming.write(content(100_000));
      return incoming;
    });
    const bytes = content(20 * MiB);
    expect(await put(spool, '1.2.3', bytes)).toEqual({ kind: 'stored' });
    expect(spool.status.bufferedBytes).toBeLessThan(4 * MiB);
    const outcomes = await Promise.all(slow.map((incoming, i) => incoming.commit(describe(`1.5.${i}`))));
    expect(outcomes.every((outcome) => outcome.kind === 'stored')).toBe(true);
    expect((await readBack(spool, '1.2.3')).equals(bytes)).toBe(true);
  });
});
