/** What must not be given up: data in quarantine, data that no store holds, data that wait for a wrong clock. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, describe as suite, test } from 'vitest';
import type { Spool } from '../../../src/spool/spool.ts';
import { content, temporaryDirectory } from '../support.ts';
import { openWork, quietMs, receive, stateOf, TestClock } from './support.ts';

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
});
