/** Runs on disk, through crashes, a lost index and damage. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, describe as suite, test } from 'vitest';
import type { Spool } from '../../../src/spool/spool.ts';
import type { SpoolOptions } from '../../../src/spool/spoolTypes.ts';
import { content, MiB, temporaryDirectory } from '../support.ts';
import {
  applicationTarget,
  deliverAll,
  makeRecord,
  openWork,
  quietMs,
  receive,
  run,
  stateOf,
  TestClock,
} from './support.ts';

suite('runs', () => {
  let directory: { path: string; remove(): void };
  let spool: Spool;
  let clock: TestClock;
  let lines: ReturnType<typeof openWork>['lines'];

  const reopen = (options: Partial<SpoolOptions> = {}) => {
    ({ spool, lines } = openWork(directory.path, clock, options));
  };
  /** Ends the process's hold on the spool as a kill does. */
  const crash = (options: Partial<SpoolOptions> = {}) => {
    rmSync(join(directory.path, 'lock'));
    reopen(options);
  };
  const loseIndex = async (options: Partial<SpoolOptions> = {}) => {
    await spool.close();
    for (const name of readdirSync(directory.path)) if (name.startsWith('index')) rmSync(join(directory.path, name));
    reopen(options);
  };
  const claimOne = () => {
    const [task] = spool.tasks.claim(10, clock.now());
    if (task === undefined) throw new Error('nothing is due');
    return task;
  };
  const runs = () => readdirSync(join(directory.path, 'runs'));
  const keys = () =>
    spool.queue.page({ states: ['ready'], after: 0, limit: 100, store: undefined }).map(({ key }) => key);

  beforeEach(() => {
    directory = temporaryDirectory();
    clock = new TestClock();
    reopen();
  });
  afterEach(async () => {
    await spool.close();
    directory.remove();
  });

  test('what a program left in a folder nested too deep to name does not keep the spool from opening', async () => {
    const left = join(directory.path, 'runs', `${'a'.repeat(40)}.part`);
    mkdirSync(left);
    const name = 'n'.repeat(200);
    const deep = `process.chdir(${JSON.stringify(left)}); const { mkdirSync } = require('node:fs');
      for (let i = 0; i < 60; i++) { mkdirSync('${name}'); process.chdir('${name}'); }`;
    expect(spawnSync(process.execPath, ['-e', deep]).status).toBe(0);
    crash();
    expect(runs()).toEqual([]);
  });

  test('what cannot be removed is told, and does not keep the spool from opening', () => {
    const runsDirectory = join(directory.path, 'more');
    mkdirSync(join(runsDirectory, 'x.part'), { recursive: true });
    writeFileSync(join(runsDirectory, 'x.part', 'file'), 'of another user');
    mkdirSync(join(runsDirectory, 'y.part'));
    const module = resolve(import.meta.dirname, '../../../src/spool/work/resultStore.ts');
    const code = `const { ResultStore } = await import(${JSON.stringify(module)});
      new ResultStore({ directory: ${JSON.stringify(runsDirectory)}, log: { error: (event, text, { directory }) => console.log(event, directory) } });`;
    const isRoot = process.geteuid?.() === 0;
    if (!isRoot) return; // another user is needed
    for (const path of [directory.path, runsDirectory]) chmodSync(path, 0o777);
    const user = { uid: 65534, gid: 65534 };
    const { stdout, status } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
      ...{ ...user, encoding: 'utf8', cwd: '/' },
    });
    expect(stdout).toBe(`work.leftover ${join(runsDirectory, 'x.part')}\n`);
    expect(status).toBe(0);
    expect(readdirSync(runsDirectory)).toEqual(['x.part']);
  });

  test('a run that was not committed leaves nothing, and its task is due again', async () => {
    await receive(spool, '1.2.1', content(100));
    clock.time += quietMs;
    const task = claimOne();
    const { directory: part } = await spool.results.begin(task);
    makeRecord(spool, task, part, { file: 'x' });
    crash();
    expect(runs()).toEqual([]);
    expect(claimOne().id).toBe(task.id);
  });

  test('a run that is durable is entered at start, once, and what joined meanwhile makes the next revision', async () => {
    await receive(spool, '1.2.1', content(100));
    clock.time += quietMs;
    const task = claimOne();
    const { directory: part } = await spool.results.begin(task);
    await spool.results.commit(part, makeRecord(spool, task, part, { file: 'x' }));
    crash();
    expect(spool.recovery.runs).toBe(1);
    expect(spool.tasks.get(task.id)).toMatchObject({ state: 'finished', instances: 1 });
    expect(keys()).toEqual(['results/9.1.2.3/summary.json.v1', 'results/9.1.2.3/1.2.1.dcm.v1']);
    expect(spool.tasks.nextDue()).toBeUndefined();
    crash();
    expect([spool.recovery.runs, keys().length]).toEqual([0, 2]);
  });

  test('an instance that the run did not know makes the next revision when the run is found', async () => {
    await receive(spool, '1.2.1', content(100));
    clock.time += quietMs;
    const task = claimOne();
    const { directory: part } = await spool.results.begin(task);
    const record = makeRecord(spool, task, part, { file: 'x' });
    // The index of a process that died before it heard of the claim: the second instance is in the same task.
    spool.tasks.unclaim([task.id]);
    await receive(spool, '1.2.2', content(100));
    await spool.results.commit(part, record);
    crash();
    expect(spool.tasks.get(task.id)).toMatchObject({ state: 'finished', instances: 1 });
    expect(spool.tasks.page({ states: ['due', 'gathering'], after: 0, limit: 10 })).toMatchObject([
      { revision: 2, instances: 2 },
    ]);
    expect([stateOf(spool, '1.2.1'), stateOf(spool, '1.2.2')]).toEqual(['ready', 'ready']);
  });

  test('a lost index is made again: results keep their keys, receipts settle them, nothing runs again', async () => {
    const more = content(300);
    await receive(spool, '1.2.1', content(100));
    clock.time += quietMs;
    await run(spool, claimOne(), { file: 'one' });
    await receive(spool, '1.2.2', more);
    clock.time += quietMs;
    await run(spool, claimOne(), { file: 'two' });
    const before = keys();
    expect(before).toContain('results/9.1.2.3/summary.json.v2');
    await loseIndex();
    expect(spool.recovery.runs).toBe(2);
    expect(keys()).toEqual(before);
    expect(spool.tasks.nextDue()).toBeUndefined();
    expect(spool.tasks.totals().applications).toMatchObject([{ runs: 2 }]);
    deliverAll(spool, clock.now());
    expect([stateOf(spool, '1.2.1'), stateOf(spool, '1.2.2')]).toEqual(['delivered', 'delivered']);
    await receive(spool, '1.2.2', more);
    expect(spool.tasks.nextDue(), 'a resent one is still a duplicate').toBeUndefined();
  });

  test('what was delivered and given back is not run again from its old frames after a loss of the index', async () => {
    await spool.close();
    reopen({ keepDeliveredMs: 0 });
    await receive(spool, '1.2.1', content(100));
    clock.time += quietMs;
    await run(spool, claimOne(), { file: 'one' });
    deliverAll(spool, clock.now());
    await spool.reclaim();
    expect(stateOf(spool, '1.2.1')).toBe('pruned');
    await loseIndex();
    expect(spool.tasks.nextDue()).toBeUndefined();
    expect(keys(), 'their receipts mark them').toHaveLength(2);
  });

  test('keys that only a receipt knows are not given to other bytes, and the same bytes are there already', async () => {
    const known = (key: string, bytes: string) => ({
      ...{ store: 'cloud', key, version: 1, receipt: 7, studyInstanceUid: '9.1.2.3' },
      result: { kind: 'file' as const, name: 'summary.json', contentType: 'x', size: 3, sha256: bytes },
    });
    spool.restoreResult(known('results/9.1.2.3/summary.json.v1', '0'.repeat(64)));
    await receive(spool, '1.2.1', content(100));
    clock.time += quietMs;
    await run(spool, claimOne(), { file: 'one', pass: () => false });
    expect(keys()).toEqual(['results/9.1.2.3/summary.json.v2']);
    expect(spool.resultQueue.deliveredOf('9.1.2.3', 'cloud')).toMatchObject([{ receipt: 7, run: undefined }]);
  });

  test('a damaged record is set aside and its task runs again', async () => {
    await receive(spool, '1.2.1', content(100));
    clock.time += quietMs;
    const task = claimOne();
    const { directory: part } = await spool.results.begin(task);
    await spool.results.commit(part, makeRecord(spool, task, part, { file: 'x' }));
    const [name = ''] = runs();
    const path = join(directory.path, 'runs', name, 'run.json');
    writeFileSync(path, readFileSync(path, 'utf8').replace('"cpuSeconds":0.5', '"cpuSeconds":0.6'));
    crash();
    expect(lines.map(({ event }) => event)).toContain('work.run-damaged');
    expect(runs().filter((one) => one.includes('damaged'))).toHaveLength(1);
    await run(spool, claimOne(), { file: 'x' });
    expect(keys()).toHaveLength(2);
  });

  test('a record that promises what is not there, or not its own, is refused and nothing is entered', async () => {
    await receive(spool, '1.2.1', content(100));
    await receive(spool, '1.9.1', content(100), { studyInstanceUid: '1.9' });
    clock.time += quietMs;
    const [task, other] = spool.tasks.claim(2, clock.now());
    if (!task || !other) throw new Error('two were due');
    const foreign = spool.tasks.inputs(other.id)[0]?.seq ?? 0;
    const attempt = async (spoil: (record: ReturnType<typeof makeRecord>, part: string) => void) => {
      const { directory: part } = await spool.results.begin(task);
      const record = structuredClone(makeRecord(spool, task, part, { file: 'some text' }));
      spoil(record, part);
      await spool.results.commit(part, record);
    };
    const first = (record: ReturnType<typeof makeRecord>) => {
      const [result] = record.results;
      if (result === undefined) throw new Error('no result');
      return result;
    };
    const cases: Array<Parameters<typeof attempt>[0]> = [
      (_, part) => rmSync(join(part, 'summary.json')),
      (_, part) => writeFileSync(join(part, 'summary.json'), 'short'),
      (record) => Object.assign(first(record), { size: 4 }),
      (record) => Object.assign(first(record), { pieces: [{ file: '../../index.sqlite', offset: 0, length: 9 }] }),
      (record) => Object.assign(first(record), { pieces: [{ file: 'run.json', offset: 0, length: 9 }] }),
      (record) => Object.assign(first(record), { pieces: [{ instance: foreign, offset: 0, length: 9 }] }),
      (record) => Object.assign(first(record), { pieces: [{ file: 'summary.json', offset: -1, length: 9 }] }),
      (_, part) => {
        rmSync(join(part, 'summary.json'));
        symlinkSync('/etc/passwd', join(part, 'summary.json'));
      },
    ];
    for (const [index, spoil] of cases.entries()) {
      await expect(attempt(spoil), `case ${index}`).rejects.toThrow();
    }
    const { directory: part } = await spool.results.begin(task);
    const record = makeRecord(spool, task, part, { file: 'x' });
    expect(() => spool.tasks.finish(task.id, record), 'not committed').toThrow(/not on disk/);
    mkdirSync(join(part, 'scratch'));
    writeFileSync(join(part, 'scratch', 'large'), 'x');
    await spool.results.commit(part, record);
    const silent = { ...record, inputs: [] };
    expect(() => spool.tasks.finish(task.id, silent), 'an input is forgotten').toThrow(/nothing of 1/);
    spool.tasks.finish(task.id, record);
    spool.tasks.finish(task.id, record); // once more is the same
    const [name = ''] = runs().filter((one) => !one.endsWith('.part'));
    expect(readdirSync(join(directory.path, 'runs', name)).sort(), 'scratch is gone').toEqual([
      'run.json',
      'summary.json',
    ]);
  });

  test('results of parts of an instance are read where its bytes are now', async () => {
    await spool.close();
    reopen({
      quota: 32 * MiB,
      segmentSize: 8 * MiB,
      keepDeliveredMs: 0,
      route: ({ studyInstanceUid: study }) => [
        study === '1.2.3' ? applicationTarget() : { store: 'cloud', priority: 0 },
      ],
    });
    const bytes = content(1_200_000);
    await receive(spool, '1.2.1', bytes);
    clock.time += quietMs;
    const task = claimOne();
    const { directory: part } = await spool.results.begin(task);
    const record = makeRecord(spool, task, part, { file: 'head' });
    const [file, instance] = record.results;
    if (!file || !instance) throw new Error('two results');
    instance.pieces = [
      { file: 'summary.json', offset: 0, length: 4 },
      { instance: instance.from[0] ?? 0, offset: 1_000, length: 1_150_000 },
    ];
    instance.size = 1_150_004;
    await spool.results.commit(part, record);
    spool.tasks.finish(task.id, record);
    const delivery = spool.queue.page({ states: ['ready'], after: 0, limit: 10, store: undefined })[1]?.id ?? 0;
    const read = () => {
      const { ranges, release } = spool.leaseResult(delivery);
      const parts = ranges.map(({ path, offset, length }) => readFileSync(path).subarray(offset, offset + length));
      release();
      return Buffer.concat(parts);
    };
    const expected = Buffer.concat([Buffer.from('head'), bytes.subarray(1_000, 1_151_000)]);
    expect(read().equals(expected)).toBe(true);
    const before = spool.leaseResult(delivery);
    before.release();
    // Its segment is filled with what is delivered at once, until it is copied forward.
    for (let i = 0; i < 20; i++) {
      await receive(spool, `1.5.${i}`, content(900_000), { studyInstanceUid: '1.5' });
      const direct = spool.queue.claim('cloud', 100, clock.now()).filter(({ kind }) => kind === 'instance');
      spool.queue.markDelivered(
        direct.map(({ id }, n) => ({ id, receipt: 100 + n })),
        clock.now(),
      );
      spool.queue.unclaim([delivery, delivery - 1]);
      await spool.reclaim();
    }
    const after = spool.leaseResult(delivery);
    after.release();
    expect(after.ranges, 'it was copied forward').not.toEqual(before.ranges);
    expect(read().equals(expected)).toBe(true);
  });

  test('the quota of results refuses in words, and room comes back when they are delivered', async () => {
    await spool.close();
    reopen({ resultsQuota: 1_000 });
    await receive(spool, '1.2.1', content(100));
    clock.time += quietMs;
    expect(spool.results.refusal).toBeUndefined();
    await run(spool, claimOne(), { file: 'x'.repeat(2_000) });
    expect(spool.results.refusal).toMatch(/quota is 1000 \(spool.resultsQuota\)/);
    await spool.close();
    reopen({ resultsQuota: 1_000 });
    expect(spool.results.bytesInUse).toBeGreaterThan(2_000);
    deliverAll(spool, clock.now());
    await spool.reclaim();
    expect(spool.results.bytesInUse, 'before their time, for there is no room').toBeLessThan(2_000);
  });

  test('an index of the release before is made anew from the segments', async () => {
    await receive(spool, '1.2.1', content(100));
    await spool.close();
    const { default: Database } = await import('better-sqlite3');
    const db = new Database(join(directory.path, 'index.sqlite'));
    db.pragma('user_version = 1');
    db.close();
    reopen();
    expect(lines.map(({ event }) => event)).toContain('spool.index-damaged');
    clock.time += quietMs;
    expect(claimOne().instances).toBe(1);
    expect(existsSync(join(directory.path, 'runs'))).toBe(true);
  });
});
