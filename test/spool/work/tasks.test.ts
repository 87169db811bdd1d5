import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, describe as suite, test } from 'vitest';
import type { Spool } from '../../../src/spool/spool.ts';
import { content, temporaryDirectory } from '../support.ts';
import { applicationTarget, deliverAll, openWork, quietMs, receive, run, stateOf, TestClock } from './support.ts';

suite('tasks', () => {
  let directory: { path: string; remove(): void };
  let spool: Spool;
  let clock: TestClock;

  beforeEach(() => {
    directory = temporaryDirectory();
    clock = new TestClock();
    spool = openWork(directory.path, clock).spool;
  });
  afterEach(async () => {
    await spool.close();
    directory.remove();
  });

  const claimOne = () => {
    const [task, ...more] = spool.tasks.claim(10, clock.now());
    expect(more).toEqual([]);
    if (task === undefined) throw new Error('nothing is due');
    return task;
  };

  test('a study is gathered, run, delivered, and then its instances may go', async () => {
    const a = content(5_000);
    await receive(spool, '1.2.1', a);
    await receive(spool, '1.2.2', content(6_000));
    expect(spool.queue.counts(), 'nothing of it goes as it is').toEqual([]);
    expect(spool.tasks.claim(10, clock.now())).toEqual([]);
    expect(spool.tasks.nextDue()).toBe(clock.now() + quietMs);
    clock.time += quietMs;
    const task = claimOne();
    expect(task).toMatchObject({
      state: 'due',
      study: '1.2.3',
      unit: '1.2.3',
      revision: 1,
      instances: 2,
      bytes: 11_000,
    });
    expect(spool.tasks.claim(10, clock.now()), 'it is not given out twice').toEqual([]);
    await run(spool, task, { file: '{"a":1}' });
    expect(spool.tasks.get(task.id)).toMatchObject({ state: 'finished' });
    expect(stateOf(spool, '1.2.1')).toBe('ready');
    const claimed = spool.queue.claim('cloud', 10, clock.now());
    expect(claimed.map(({ kind, key }) => [kind, key])).toEqual([
      ['result', 'results/9.1.2.3/summary.json.v1'],
      ['result', 'results/9.1.2.3/1.2.1.dcm.v1'],
      ['result', 'results/9.1.2.3/1.2.2.dcm.v1'],
    ]);
    const detail = spool.resultOf(claimed[1]?.id ?? 0);
    expect(detail).toMatchObject({
      version: 1,
      run: { outputStudy: '9.1.2.3' },
      inputs: [{ size: 5_000, peer: 'TEST' }],
    });
    const lease = spool.leaseResult(claimed[1]?.id ?? 0);
    const [range] = lease.ranges;
    if (range === undefined) throw new Error('no range');
    expect(
      readFileSync(range.path)
        .subarray(range.offset, range.offset + range.length)
        .equals(a),
    ).toBe(true);
    lease.release();
    spool.queue.unclaim(claimed.map(({ id }) => id));
    deliverAll(spool, clock.now());
    expect([stateOf(spool, '1.2.1'), stateOf(spool, '1.2.2')]).toEqual(['delivered', 'delivered']);
    expect(spool.queue.dueManifests('cloud', clock.now(), 10)).toEqual([{ study: '9.1.2.3', revision: 0 }]);
    expect(spool.resultQueue.deliveredOf('9.1.2.3', 'cloud').map(({ key }) => key)).toHaveLength(3);
    expect(spool.tasks.totals().applications).toMatchObject([
      { application: 'app', runs: 1, instancesIn: 2, files: 1 },
    ]);
    const [finished] = spool.tasks.page({ states: ['finished'], after: 0, limit: 1 });
    expect(spool.tasks.figures(finished?.id ?? 0)).toMatchObject({ instancesIn: 2, files: 1 });
    expect(spool.tasks.figures(999)).toBeUndefined();
  });

  test('what comes late makes another revision over everything; a duplicate makes nothing', async () => {
    const a = content(100);
    await receive(spool, '1.2.1', a);
    clock.time += quietMs;
    const first = claimOne();
    await receive(spool, '1.2.2', content(100));
    await receive(spool, '1.2.1', a);
    expect(spool.tasks.page({ states: ['gathering'], after: 0, limit: 10 })).toMatchObject([
      { revision: 2, instances: 2 },
    ]);
    clock.time += quietMs;
    expect(spool.tasks.claim(10, clock.now()), 'one revision at a time').toEqual([]);
    await run(spool, first, { file: 'one' });
    const second = claimOne();
    expect(second.revision).toBe(2);
    await run(spool, second, { file: 'two' });
    expect(deliverAll(spool, clock.now()).sort()).toEqual([
      'results/9.1.2.3/1.2.1.dcm.v1',
      'results/9.1.2.3/1.2.2.dcm.v1',
      'results/9.1.2.3/summary.json.v1',
      'results/9.1.2.3/summary.json.v2',
    ]);
    expect(stateOf(spool, '1.2.1')).toBe('delivered');
    await receive(spool, '1.2.1', a);
    expect(spool.tasks.nextDue()).toBeUndefined();
    await receive(spool, '1.2.1', content(100));
    expect(
      spool.tasks.page({ states: ['gathering'], after: 0, limit: 10 }),
      'a new version is a late arrival',
    ).toMatchObject([{ revision: 3, instances: 3 }]);
    expect(stateOf(spool, '1.2.1'), 'what the next revision needs stays').toBe('ready');
  });

  test('quarantine holds the instances until it is released, or a later revision succeeds', async () => {
    await receive(spool, '1.2.1', content(100));
    clock.time += quietMs;
    const task = claimOne();
    spool.tasks.quarantine(task.id, { now: clock.now(), code: 'x', message: 'y' });
    expect(stateOf(spool, '1.2.1')).toBe('quarantined');
    expect(spool.tasks.release(task.id)).toBe(true);
    expect(stateOf(spool, '1.2.1')).toBe('ready');
    spool.tasks.quarantine(claimOne().id, { now: clock.now(), code: 'x', message: 'y' });
    await receive(spool, '1.2.2', content(100));
    clock.time += quietMs;
    await run(spool, claimOne());
    expect(spool.tasks.get(task.id)).toMatchObject({ state: 'skipped', errorCode: 'work.superseded' });
    deliverAll(spool, clock.now());
    expect([stateOf(spool, '1.2.1'), stateOf(spool, '1.2.2')]).toEqual(['delivered', 'delivered']);
  });

  test('an input that is set aside is held; trying again runs the unit anew', async () => {
    await receive(spool, '1.2.1', content(100));
    await receive(spool, '1.2.2', content(100));
    await receive(spool, '1.2.3', content(100));
    clock.time += quietMs;
    const task = claimOne();
    const outcomes = { '1.2.1': 'used', '1.2.2': 'not-selected', '1.2.3': 'quarantined' } as const;
    await run(spool, task, { outcome: (uid) => outcomes[uid as keyof typeof outcomes] });
    deliverAll(spool, clock.now());
    expect(['1.2.1', '1.2.2', '1.2.3'].map((uid) => stateOf(spool, uid))).toEqual([
      'delivered',
      'delivered',
      'quarantined',
    ]);
    expect(spool.tasks.outcomes(task.id).map(({ outcome }) => outcome)).toEqual([
      'used',
      'not-selected',
      'quarantined',
    ]);
    expect(spool.tasks.release(task.id)).toBe(true);
    const again = claimOne();
    expect(again).toMatchObject({ revision: 2, instances: 3 });
    await run(spool, again);
    expect(deliverAll(spool, clock.now()), 'the same bytes are not delivered twice').toHaveLength(2);
    expect(stateOf(spool, '1.2.3')).toBe('delivered');
    expect(spool.tasks.release(again.id)).toBe(false);
  });

  test('tried again under a newer version, that one has the inputs, and the older owes nothing', async () => {
    await receive(spool, '1.2.1', content(100));
    await receive(spool, '1.2.2', content(100));
    clock.time += quietMs;
    const broken = claimOne();
    spool.tasks.quarantine(broken.id, { now: clock.now(), code: 'x', message: 'y' });
    expect(spool.tasks.releaseAll(() => '1.1.0')).toBe(1);
    expect(spool.tasks.get(broken.id)).toMatchObject({
      state: 'skipped',
      errorMessage: 'version 1.1.0 has taken its place',
    });
    expect(
      spool.tasks.release(broken.id, () => '1.1.0'),
      'once',
    ).toBe(false);
    const mended = claimOne();
    expect(mended).toMatchObject({ version: '1.1.0', revision: 1, instances: 2, bytes: 200 });
    await run(spool, mended, { outcome: (uid) => (uid === '1.2.1' ? 'used' : 'quarantined') });
    deliverAll(spool, clock.now());
    expect([stateOf(spool, '1.2.1'), stateOf(spool, '1.2.2')]).toEqual(['delivered', 'quarantined']);

    expect(
      spool.tasks.release(mended.id, () => '1.2.0'),
      'instances that it set aside',
    ).toBe(true);
    expect(stateOf(spool, '1.2.1'), 'needed again').toBe('ready');
    const best = claimOne();
    expect(best).toMatchObject({ version: '1.2.0', revision: 1, instances: 2 });
    await run(spool, best);
    deliverAll(spool, clock.now());
    expect([stateOf(spool, '1.2.1'), stateOf(spool, '1.2.2')]).toEqual(['delivered', 'delivered']);
    expect(spool.tasks.get(mended.id)).toMatchObject({ state: 'finished' });
    expect(
      spool.tasks.release(best.id, () => '1.3.0'),
      'there is nothing to be mended',
    ).toBe(false);
  });

  test('a task that is with the engine is not handed over to another version', async () => {
    await receive(spool, '1.2.1', content(100));
    clock.time += quietMs;
    const task = claimOne();
    expect(spool.tasks.release(task.id, () => '1.1.0')).toBe(false);
    await run(spool, task);
    expect(spool.tasks.get(task.id)).toMatchObject({ state: 'finished' });
  });

  test('an instance stays while a result of an earlier revision still needs its bytes', async () => {
    await receive(spool, '1.2.1', content(100));
    clock.time += quietMs;
    await run(spool, claimOne());
    await receive(spool, '1.2.2', content(100));
    clock.time += quietMs;
    await run(spool, claimOne(), { outcome: (uid) => (uid === '1.2.1' ? 'not-selected' : 'used') });
    expect(stateOf(spool, '1.2.1')).toBe('ready');
    deliverAll(spool, clock.now());
    expect(stateOf(spool, '1.2.1')).toBe('delivered');
  });

  test('what is skipped owes nothing', async () => {
    await receive(spool, '1.2.1', content(100));
    clock.time += quietMs;
    const task = claimOne();
    const [input] = spool.tasks.inputs(task.id);
    spool.tasks.skip(task.id, [{ instance: input?.seq ?? 0, outcome: 'not-selected' }], 'too few instances');
    expect(stateOf(spool, '1.2.1')).toBe('delivered');
    expect(spool.tasks.get(task.id)).toMatchObject({ state: 'skipped', errorMessage: 'too few instances' });
  });

  test('a failure waits for its time; a restart finds it, and what was claimed, due again', async () => {
    await receive(spool, '1.2.1', content(100));
    await receive(spool, '1.3.1', content(100), { studyInstanceUid: '1.3' });
    clock.time += quietMs;
    const [one, two] = spool.tasks.claim(10, clock.now());
    if (!one || !two) throw new Error('two were due');
    spool.tasks.retryLater(one.id, { at: clock.now() + 500, now: clock.now(), code: 'x', message: 'y' });
    expect(spool.tasks.claim(10, clock.now())).toEqual([]);
    await spool.close();
    spool = openWork(directory.path, clock).spool;
    expect(spool.tasks.claim(10, clock.now()).map(({ id }) => id)).toEqual([two.id]);
    clock.time += 500;
    expect(spool.tasks.claim(10, clock.now())).toMatchObject([{ id: one.id, attempts: 1, errorCode: 'x' }]);
  });

  test('the end of an association, and the number that its sender announced, make a study due', async () => {
    await receive(spool, '1.2.1', content(100));
    await receive(spool, '1.3.1', content(100), { studyInstanceUid: '1.3', peer: 'OTHER' });
    expect(spool.tasks.hasten({ studies: ['1.2.3'], at: clock.now() + 5 })).toBe(1);
    expect(spool.tasks.hasten({ peer: 'OTHER', at: clock.now() + 7 })).toBe(1);
    expect(spool.tasks.nextDue()).toBe(clock.now() + 5);
    clock.time += 7;
    expect(spool.tasks.claim(10, clock.now())).toHaveLength(2);
    await spool.close();
    spool = openWork(directory.path, clock, { route: () => [applicationTarget({ expected: 2 })] }).spool;
    await receive(spool, '1.4.1', content(100), { studyInstanceUid: '1.4' });
    expect(spool.tasks.claim(10, clock.now()).map(({ study }) => study)).toEqual(['1.2.3', '1.3']);
    await receive(spool, '1.4.2', content(100), { studyInstanceUid: '1.4' });
    expect(claimOne().study).toBe('1.4');
  });

  test('urgent tasks go first', async () => {
    await spool.close();
    spool = openWork(directory.path, clock, {
      route: ({ peer }) => [{ ...applicationTarget(), priority: peer === 'ER' ? 2 : 0 }],
    }).spool;
    await receive(spool, '1.2.1', content(100));
    clock.time++;
    await receive(spool, '1.3.1', content(100), { studyInstanceUid: '1.3', peer: 'ER' });
    clock.time += quietMs;
    expect(spool.tasks.claim(1, clock.now())).toMatchObject([{ study: '1.3' }]);
  });

  test('a result that cannot be delivered holds its instances; made anew it takes the place of the old', async () => {
    await receive(spool, '1.2.1', content(100));
    clock.time += quietMs;
    const task = claimOne();
    await run(spool, task, { file: 'x', pass: () => false });
    const [delivery] = spool.queue.claim('cloud', 10, clock.now());
    if (!delivery) throw new Error('nothing to deliver');
    spool.queue.quarantine(delivery.id, { now: clock.now(), code: 'delivery.source-corrupt', message: 'm' });
    expect(stateOf(spool, '1.2.1')).toBe('quarantined');
    expect(spool.queue.release(delivery.id)).toBe(true);
    expect(stateOf(spool, '1.2.1')).toBe('ready');
    spool.queue.quarantine(delivery.id, { now: clock.now(), code: 'delivery.source-corrupt', message: 'm' });
    expect(spool.tasks.release(task.id)).toBe(true);
    await run(spool, claimOne(), { file: 'x', pass: () => false });
    expect(spool.leaseResult(delivery.id).ranges[0]?.path).not.toContain('.part');
    expect(deliverAll(spool, clock.now())).toEqual(['results/9.1.2.3/summary.json.v1']);
    expect(stateOf(spool, '1.2.1')).toBe('delivered');
  });

  test('runs give their space back when their time is over, their record when the segments forget', async () => {
    await spool.close();
    spool = openWork(directory.path, clock, { keepDeliveredMs: 1_000 }).spool;
    await receive(spool, '1.2.1', content(100));
    clock.time += quietMs;
    await run(spool, claimOne(), { file: 'some text' });
    deliverAll(spool, clock.now());
    await spool.reclaim();
    const runs = join(directory.path, 'runs');
    const [name = ''] = readdirSync(runs);
    expect(readdirSync(join(runs, name)).sort()).toEqual(['run.json', 'summary.json']);
    clock.time += 1_000;
    await spool.reclaim();
    expect(readdirSync(join(runs, name)), 'its segment still has the frames').toEqual(['run.json']);
    expect(stateOf(spool, '1.2.1')).toBe('pruned');
    await spool.close();
    spool = openWork(directory.path, clock, { keepDeliveredMs: 1_000 }).spool;
    await spool.reclaim();
    await spool.reclaim();
    expect(existsSync(join(runs, name)), 'the segment is free').toBe(false);
    expect(spool.results.bytesInUse).toBe(0);
    rmSync(runs, { recursive: true });
  });
});
