/** The engine over a real spool, with runs that a test decides about. */
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { createMemoryLog } from '../../../src/base/log.ts';
import type { Application } from '../../../src/process/application.ts';
import { Engine, type EngineOptions } from '../../../src/process/engine/engine.ts';
import type { RunEnding, RunRequest } from '../../../src/process/engine/runTypes.ts';
import type { Spool } from '../../../src/spool/spool.ts';
import type { SpoolOptions } from '../../../src/spool/spoolTypes.ts';
import type { TaskQueue } from '../../../src/spool/work/taskQueue.ts';
import { content, temporaryDirectory } from '../../spool/support.ts';
import { applicationTarget, makeRecord, openWork, receive } from '../../spool/work/support.ts';

let directory: ReturnType<typeof temporaryDirectory>;
let spool: Spool;
let engine: Engine | undefined;
let memory: ReturnType<typeof createMemoryLog>;

beforeEach(() => {
  directory = temporaryDirectory();
  memory = createMemoryLog();
});
afterEach(async () => {
  await engine?.stop();
  engine = undefined;
  await spool.close();
  directory.remove();
});

const open = (route: SpoolOptions['route'] = () => [applicationTarget({ quietMs: 0 })]) => {
  ({ spool } = openWork(directory.path, systemClock, { route }));
};

/** `broken`: methods of the task queue that fail as on a full disk, for as long as their count is above 0. */
function start(
  run: (request: RunRequest) => Promise<RunEnding>,
  more: Partial<EngineOptions> = {},
  broken: Partial<Record<keyof TaskQueue, number>> = {},
) {
  const tasks = new Proxy(spool.tasks, {
    get: (target, key: keyof TaskQueue) => {
      const left = broken[key] ?? 0;
      if (left > 0) {
        return () => {
          broken[key] = left - 1;
          throw Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' });
        };
      }
      const value = target[key] as unknown;
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  engine = new Engine({
    spool: { tasks, results: spool.results, lease: (record) => spool.lease(record) },
    find: (reference) => ({ name: reference.split('@')[0], version: '1.0.0' }) as Application,
    run,
    keys: () => undefined,
    remember: async () => {},
    concurrency: 1,
    retry: { initialMs: 20, capMs: 50 },
    quarantineAfter: 3,
    lastWords: join(directory.path, 'words'),
    onInfected: () => {},
    onResults: () => {},
    clock: systemClock,
    log: memory.log,
    ...more,
  });
  engine.start();
}

const skipped: RunEnding = { kind: 'skipped', reason: 'not wanted', inputs: [], infected: [] };
const failing: RunEnding = { kind: 'failed', code: 'x', message: 'broken', hint: '', retryable: true, infected: [] };
const told = (event: string) => memory.lines.filter((line) => line.event === event).length;
const patience = { timeout: 15_000, interval: 50 };

test('an index that cannot be written while a task is settled costs no attempt and ends nothing', async () => {
  open();
  await receive(spool, '1.2.1', content(1000));
  start(async () => skipped, { quarantineAfter: 1 }, { skip: 1, retryLater: 1 });
  await vi.waitFor(() => expect(spool.tasks.get(1)?.state).toBe('skipped'), patience);
  expect(told('app.index-failed')).toBe(1);
});

test('a run that is durable is entered again, not made again', async () => {
  open();
  await receive(spool, '1.2.1', content(1000));
  let runs = 0;
  start(
    async ({ directory: folder }) => {
      runs++;
      const task = spool.tasks.get(1);
      if (task === undefined) throw new Error('no task');
      return {
        kind: 'finished',
        record: makeRecord(spool, task, folder, { file: 'x' }),
        identities: [],
        infected: [],
        unscanned: 0,
      };
    },
    {},
    { finish: 2 },
  );
  await vi.waitFor(() => expect(spool.tasks.get(1)?.state).toBe('finished'), patience);
  expect(runs).toBe(1);
  expect(told('app.index-failed')).toBe(2);
});

const twoApplications: SpoolOptions['route'] = ({ sopInstanceUid }) => [
  applicationTarget({ quietMs: 0, scope: 'instance', name: sopInstanceUid.startsWith('1.2.') ? 'hanging' : 'quick' }),
];

test('an application that hangs leaves a slot to the others, and has all while they have nothing to do', async () => {
  open(twoApplications);
  for (const n of [1, 2, 3, 4]) await receive(spool, `1.2.${n}`, content(1000));
  const hang = ({ signal }: RunRequest) =>
    new Promise<RunEnding>((resolve) => signal?.addEventListener('abort', () => resolve({ kind: 'cancelled' })));
  await receive(spool, '1.3.1', content(1000));
  await receive(spool, '1.3.2', content(1000));
  const run = (request: RunRequest) =>
    request.application.name === 'hanging' ? hang(request) : Promise.resolve(skipped);
  start(run, { concurrency: 2 });
  const skips = () =>
    spool.tasks.counts().find(({ application, state }) => application === 'quick' && state === 'skipped')?.n;
  await vi.waitFor(() => expect(skips()).toBe(2), patience);
  await vi.waitFor(
    () => expect(engine?.running.map(({ application }) => application)).toEqual(['hanging', 'hanging']),
    patience,
  );
});

test('what has failed goes behind what was not tried yet', async () => {
  open(twoApplications);
  for (const n of [1, 2, 3]) await receive(spool, `1.2.${n}`, content(1000));
  const order: string[] = [];
  const run = async ({ application, inputs }: RunRequest) => {
    order.push(inputs[0]?.sopInstanceUid ?? '');
    if (order.length === 1) await receive(spool, '1.3.1', content(1000));
    // Longer than the pause after a failure: by then all are due.
    await new Promise((resolve) => setTimeout(resolve, 100));
    return application.name === 'hanging' ? failing : skipped;
  };
  start(run, { retry: { initialMs: 1, capMs: 1 }, quarantineAfter: 5 });
  await vi.waitFor(() => expect(order.length).toBeGreaterThan(5), patience);
  expect(new Set(order.slice(0, 4)).size).toBe(4);
});

test('instances that a finished run set aside are told, once for the run, by code and UID', async () => {
  open();
  for (const n of [1, 2, 3]) await receive(spool, `1.2.${n}`, content(1000));
  const run = async ({ directory: folder }: RunRequest): Promise<RunEnding> => {
    const task = spool.tasks.get(1);
    if (task === undefined) throw new Error('no task');
    const made = makeRecord(spool, task, folder, { outcome: (sop) => (sop === '1.2.1' ? 'used' : 'quarantined') });
    const inputs = made.inputs.map((input) => (input.outcome === 'used' ? input : { ...input, code: 'x.broken' }));
    return { kind: 'finished', record: { ...made, inputs }, identities: [], infected: [], unscanned: 0 };
  };
  start(run);
  await vi.waitFor(() => expect(told('app.instances-quarantined')).toBe(1), patience);
  const line = memory.lines.find(({ event }) => event === 'app.instances-quarantined');
  expect(line).toMatchObject({ count: 2, codes: { 'x.broken': 2 }, instances: ['1.2.2', '1.2.3'] });
});
