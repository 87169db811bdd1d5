/** What must not be given up: data in quarantine, data that no store holds, data that wait for a wrong clock. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, describe as suite, test } from 'vitest';
import type { Spool } from '../../../src/spool/spool.ts';
import { content, temporaryDirectory } from '../support.ts';
import { applicationTarget, deliverAll, openWork, quietMs, receive, run, stateOf, TestClock } from './support.ts';

const keepDeliveredMs = 1_000;

suite('nothing is given up', () => {
  let directory: { path: string; remove(): void };
  let spool: Spool;
  let clock: TestClock;

  beforeEach(() => {
    directory = temporaryDirectory();
    clock = new TestClock();
    spool = openWork(directory.path, clock, { keepDeliveredMs }).spool;
  });
  afterEach(async () => {
    await spool.close();
    directory.remove();
  });

  const claimOne = () => {
    clock.time += quietMs;
    const [task, ...more] = spool.tasks.claim(10, clock.now());
    expect(more).toEqual([]);
    if (task === undefined) throw new Error('nothing is due');
    return task;
  };
  const reopen = async () => {
    await spool.close();
    spool = openWork(directory.path, clock, { keepDeliveredMs }).spool;
  };

  test('a later revision that is skipped leaves what is in quarantine there', async () => {
    await receive(spool, '1.2.1', content(500));
    const first = claimOne();
    spool.tasks.quarantine(first.id, { now: clock.now(), code: 'application.exit', message: 'm' });
    await receive(spool, '1.2.2', content(500));
    spool.tasks.skip(claimOne().id, [], 'more than maxInstances');
    expect(spool.tasks.get(first.id)?.state).toBe('quarantined');
    expect(stateOf(spool, '1.2.1')).toBe('quarantined');
    expect(spool.tasks.release(first.id), 'and it can be tried again').toBe(true);
    expect(claimOne()).toMatchObject({ revision: 3, instances: 2 });
  });

  test('a file with the name of a run does not keep the spool from opening', async () => {
    writeFileSync(join(directory.path, 'runs', 'a'.repeat(40)), 'no run');
    await reopen();
    expect(spool.results.names).toEqual([]);
  });

  test('what was skipped, pruned and is sent again is taken anew, and joins its unit', async () => {
    const bytes = content(500);
    await receive(spool, '1.2.1', bytes);
    spool.tasks.skip(claimOne().id, [], 'fewer than 20');
    clock.time += 2 * keepDeliveredMs;
    await spool.reclaim();
    expect(stateOf(spool, '1.2.1')).toBe('pruned');
    expect((await receive(spool, '1.2.1', bytes)).kind).toBe('duplicate');
    expect(stateOf(spool, '1.2.1')).toBe('ready');
    expect(spool.tasks.claim(10, clock.now()), 'more may come with it').toEqual([]);
    await reopen();
    expect(stateOf(spool, '1.2.1')).toBe('ready');
    await receive(spool, '1.2.2', content(600));
    const task = claimOne();
    expect(task).toMatchObject({ revision: 2, instances: 2, bytes: 1_100 });
    await run(spool, task);
    expect(deliverAll(spool, clock.now())).toHaveLength(2);
    clock.time += 2 * keepDeliveredMs;
    await spool.reclaim();
    expect(stateOf(spool, '1.2.1')).toBe('pruned');
    await receive(spool, '1.2.1', bytes);
    expect(stateOf(spool, '1.2.1'), 'its result is in the store: it is a duplicate').toBe('pruned');
  });

  test('an instance is confirmed by its results, not by being skipped or left out', async () => {
    const confirmed = (uid: string) => spool.holdings(uid).map(({ isConfirmed }) => isConfirmed);
    await receive(spool, '1.2.1', content(500));
    await receive(spool, '1.2.2', content(500));
    await run(spool, claimOne(), { outcome: (uid) => (uid === '1.2.1' ? 'used' : 'not-selected') });
    expect(confirmed('1.2.1'), 'not delivered yet').toEqual([false]);
    deliverAll(spool, clock.now());
    expect([confirmed('1.2.1'), confirmed('1.2.2')]).toEqual([[true], [false]]);
    await receive(spool, '1.3.1', content(500), { studyInstanceUid: '1.3' });
    spool.tasks.skip(claimOne().id, [], 'no');
    expect(confirmed('1.3.1')).toEqual([false]);
    await receive(spool, '1.4.1', content(500), { studyInstanceUid: '1.4' });
    await run(spool, claimOne(), { pass: () => false });
    expect(confirmed('1.4.1'), 'a run without results proves nothing').toEqual([false]);
  });

  test('what a clock that was ahead has put off is due after a start with the right time', async () => {
    const right = clock.time;
    clock.time += 10 * 365 * 86_400_000;
    await receive(spool, '1.2.1', content(500));
    clock.time = right;
    await reopen();
    expect(claimOne()).toMatchObject({ instances: 1 });
  });

  test('an operator need not wait for the next attempt', async () => {
    await receive(spool, '1.2.1', content(500));
    const { id } = claimOne();
    const failure = { code: 'sandbox.unavailable', message: 'm' };
    spool.tasks.retryLater(id, { at: clock.now() + 3_600_000, now: clock.now(), ...failure });
    expect(spool.tasks.claim(10, clock.now())).toEqual([]);
    expect(spool.tasks.release(id)).toBe(true);
    expect(spool.tasks.claim(10, clock.now())).toMatchObject([{ id }]);
  });

  suite('another version of the application', () => {
    let targets = [applicationTarget()];
    beforeEach(async () => {
      targets = [applicationTarget()];
      await spool.close();
      spool = openWork(directory.path, clock, { keepDeliveredMs, route: () => targets }).spool;
    });
    const claimed = () => {
      clock.time += quietMs;
      return spool.tasks.claim(10, clock.now());
    };

    test('takes over what gathers for the one before', async () => {
      await receive(spool, '1.2.1', content(500));
      await receive(spool, '1.2.2', content(500));
      targets = [applicationTarget({ version: '1.1.0' })];
      await receive(spool, '1.2.3', content(600));
      const [task, ...more] = claimed();
      expect(more).toEqual([]);
      expect(task).toMatchObject({ version: '1.1.0', revision: 1, instances: 3, bytes: 1_600 });
      expect(spool.tasks.get(1)).toMatchObject({ state: 'skipped', errorCode: 'work.superseded' });
      targets = [applicationTarget()];
      await receive(spool, '1.2.4', content(500));
      expect(claimed(), 'and back again').toMatchObject([{ version: '1.0.0', revision: 2, instances: 4 }]);
    });

    test('runs over the whole unit when more comes after the one before was finished', async () => {
      await receive(spool, '1.2.1', content(500));
      await run(spool, claimOne());
      targets = [applicationTarget({ version: '1.1.0' })];
      await receive(spool, '1.2.2', content(500));
      expect(claimed()).toMatchObject([{ version: '1.1.0', revision: 1, instances: 2 }]);
      expect(stateOf(spool, '1.2.1')).toBe('ready');
    });

    test('has no part in what two routes ask for at once', async () => {
      targets = [applicationTarget(), applicationTarget({ route: 's', version: '1.1.0' })];
      await receive(spool, '1.2.1', content(500));
      await receive(spool, '1.2.2', content(500));
      expect(claimed()).toMatchObject([
        { route: 'r', instances: 2 },
        { route: 's', instances: 2 },
      ]);
    });

    test('takes over from a route that has another name now', async () => {
      await receive(spool, '1.2.1', content(500));
      targets = [applicationTarget({ route: 's' })];
      await spool.close();
      spool = openWork(directory.path, clock, {
        ...{ keepDeliveredMs, route: () => targets, hasRoute: (route: string) => route === 's' },
      }).spool;
      await receive(spool, '1.2.2', content(500));
      expect(claimed()).toMatchObject([{ route: 's', instances: 2 }]);
    });
  });

  test('results of an earlier revision that no store took are withdrawn once a later one is delivered', async () => {
    await spool.close();
    const log = openWork(directory.path, clock, {
      keepDeliveredMs,
      resultKey: (record, { name }, version) => `${record.outputStudy}/${record.revision}/${name}.v${version}`,
    });
    ({ spool } = log);
    await receive(spool, '1.2.1', content(500));
    const first = claimOne();
    await run(spool, first, { file: 'one', pass: () => false });
    const [refused] = spool.queue.claim('cloud', 1, clock.now());
    spool.queue.quarantine(refused?.id ?? 0, { now: clock.now(), code: 'store.conflict', message: 'm' });
    expect(spool.tasks.release(first.id)).toBe(true);
    const second = claimOne();
    await run(spool, second, { file: 'one', pass: () => false });
    await spool.reclaim();
    expect(spool.queue.get(refused?.id ?? 0)?.state, 'the later one is not delivered yet').toBe('quarantined');
    deliverAll(spool, clock.now());
    await spool.reclaim();
    expect(spool.queue.get(refused?.id ?? 0)).toBeUndefined();
    expect(log.lines.filter(({ event }) => event === 'work.result-withdrawn')).toHaveLength(1);
    expect(stateOf(spool, '1.2.1')).toBe('delivered');
    expect(spool.queue.dueManifests('cloud', clock.now() + 1, 10)).toHaveLength(1);
    clock.time += 2 * keepDeliveredMs;
    await spool.reclaim();
    expect(stateOf(spool, '1.2.1')).toBe('pruned');
  });
});
