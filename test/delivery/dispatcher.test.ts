import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { createMemoryLog } from '../../src/base/log.ts';
import type { AppendDisk } from '../../src/delivery/appendFile.ts';
import { realDisk } from '../../src/delivery/appendFile.ts';
import type { CourierJob, JobFailure } from '../../src/delivery/courierProtocol.ts';
import { Dispatcher } from '../../src/delivery/dispatcher.ts';
import { ReceiptLedger } from '../../src/delivery/receiptLedger.ts';
import { reconcile } from '../../src/delivery/reconcile.ts';
import { generateSigningKey } from '../../src/delivery/signingKey.ts';
import type { Spool } from '../../src/spool/spool.ts';
import { content, open, put } from '../spool/support.ts';

/** A courier that does what the test says: the faults here are those that a real one shows only by bad luck. */
class ScriptedCourier {
  readonly jobs: CourierJob[] = [];
  ready = true;
  /** What becomes of a job; nothing is answered when it returns undefined. */
  answer: (job: CourierJob) => 'confirm' | 'die' | Omit<JobFailure, 'id'> | undefined = () => 'confirm';
  dispatcher: Dispatcher | undefined;
  readonly #inHand = new Map<number, CourierJob>();

  isReady(): boolean {
    return this.ready;
  }

  submit(jobs: CourierJob[]): void {
    this.jobs.push(...jobs);
    for (const job of jobs) this.#inHand.set(job.id, job);
    setImmediate(() => {
      for (const job of jobs) this.#work(job);
    });
  }

  #work(job: CourierJob): void {
    if (!this.#inHand.has(job.id)) return; // returned with a death
    const answer = this.answer(job);
    if (answer === undefined) return;
    if (answer === 'die') {
      const ids = [...this.#inHand.keys()];
      this.#inHand.clear();
      this.dispatcher?.returned(ids);
      return;
    }
    this.#inHand.delete(job.id);
    if (answer !== 'confirm') return this.dispatcher?.failed([{ id: job.id, ...answer }]);
    const { key, size, sha256 } = job;
    const confirmation = { key, size, sha256, outcome: 'created', confirmedBy: 'synced-write', at: 1 } as const;
    this.dispatcher?.confirmed([{ id: job.id, confirmation }]);
  }
}

const unavailable = { code: 'store.unreachable', message: 'refused', permanent: false, storeUnavailable: true };
const transient = { code: 'store.server-error', message: 'oops', permanent: false, storeUnavailable: false };
const permanent = { code: 'store.conflict', message: 'other content', permanent: true, storeUnavailable: false };

describe('dispatcher', () => {
  const key = generateSigningKey();
  let directory: string;
  let spool: Spool;
  let ledger: ReceiptLedger;
  let courier: ScriptedCourier;
  let dispatcher: Dispatcher;
  let lines: ReturnType<typeof createMemoryLog>['lines'];

  async function setUp(disk: AppendDisk = realDisk): Promise<void> {
    const route = () => [
      { store: 'one', priority: 0 },
      { store: 'two', priority: 0 },
    ];
    spool = open(join(directory, 'spool'), { route }).spool;
    const memory = createMemoryLog();
    lines = memory.lines;
    ledger = await ReceiptLedger.open({
      directory: join(directory, 'receipts'),
      site: 's',
      key,
      log: memory.log,
      disk,
    });
    courier = new ScriptedCourier();
    dispatcher = new Dispatcher({
      spool,
      ledger,
      courier,
      stores: ['one', 'two'].map((name) => ({ name, keySpace: { prefix: '', site: 's' } })),
      concurrency: 2,
      retry: { initialMs: 20, capMs: 60 },
      quarantineAfter: 3,
      clock: systemClock,
      log: memory.log,
    });
    courier.dispatcher = dispatcher;
    dispatcher.start();
  }

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'medusa-dispatcher-'));
    await setUp();
  });
  afterEach(async () => {
    await dispatcher.stop();
    await ledger.close();
    await spool.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const count = (state: string, store?: string) =>
    spool.queue
      .counts()
      .filter((row) => row.state === state && (store === undefined || row.store === store))
      .reduce((sum, row) => sum + row.n, 0);
  async function until(met: () => boolean): Promise<void> {
    for (let i = 0; i < 600; i++) {
      if (met()) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new Error(`not in time: ${JSON.stringify(spool.queue.counts())}`);
  }
  async function store(instances: number, from = 0): Promise<void> {
    for (let i = from; i < from + instances; i++) await put(spool, `1.2.${i}`, content(500));
    spool.flushIndex();
  }

  test('delivers to every store, once, with one receipt each', async () => {
    await store(40);
    await until(() => count('delivered') === 80);
    expect(ledger.end.seq).toBe(80);
    expect(new Set(courier.jobs.map((job) => job.id)).size).toBe(courier.jobs.length);
    expect(spool.index.countsByState()).toContainEqual(expect.objectContaining({ state: 'delivered', instances: 40 }));
  });

  test('an unavailable store is probed with one delivery at a time and delays no other', async () => {
    courier.answer = ({ store: name }) => (name === 'one' ? unavailable : 'confirm');
    await store(30);
    await until(() => count('delivered', 'two') === 30);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const tried = courier.jobs.filter((job) => job.store === 'one');
    expect(tried.length).toBeLessThan(25);
    expect(dispatcher.lanes.find((lane) => lane.name === 'one')).toMatchObject({ state: 'waiting' });
    expect(lines.filter((line) => line.event === 'store.unavailable')).toHaveLength(1);
    courier.answer = () => 'confirm';
    await until(() => count('delivered', 'one') === 30);
    expect(count('quarantined')).toBe(0);
    expect(lines.map((line) => line.event)).toContain('store.available');
  });

  test('what fails for good is set aside at once, what fails now and then after a while, and the rest goes on', async () => {
    let poison = '';
    courier.answer = ({ store: name, key: object }) => {
      if (name === 'two') return 'confirm';
      if (object.endsWith('/1.2.3.dcm')) return permanent;
      if (object.endsWith('/1.2.5.dcm')) {
        poison = object;
        return transient;
      }
      return 'confirm';
    };
    await store(10);
    await until(() => count('quarantined', 'one') === 2);
    await until(() => count('delivered') === 18);
    expect(courier.jobs.filter((job) => job.key === poison && job.store === 'one')).toHaveLength(3);
    const states = spool.index.countsByState().filter((row) => row.instances > 0);
    expect(states.map(({ state, instances }) => [state, instances]).sort()).toEqual([
      ['delivered', 8],
      ['quarantined', 2],
    ]);
    courier.answer = () => 'confirm';
    expect(spool.queue.releaseAll()).toBe(2);
    dispatcher.wake();
    await until(() => count('delivered') === 20);
    expect(spool.index.countsByState()).toContainEqual(expect.objectContaining({ state: 'delivered', instances: 10 }));
  });

  test('a delivery that kills the courier is found and set aside; all others arrive', async () => {
    courier.answer = ({ key: object, store: name }) =>
      object.endsWith('/1.2.7.dcm') && name === 'one' ? 'die' : 'confirm';
    await store(20);
    await until(() => count('delivered') === 39 && count('quarantined') === 1);
    expect(spool.queue.page({ states: ['quarantined'], after: 0, limit: 9, store: undefined })[0]).toMatchObject({
      errorCode: 'delivery.kills-courier',
    });
  });

  test('no delivery is marked before its receipt is durable; a full disk only delays it', async () => {
    await dispatcher.stop();
    await ledger.close();
    await spool.close();
    let full = true;
    const disk: AppendDisk = {
      ...realDisk,
      write: (...args: Parameters<AppendDisk['write']>) => {
        if (full) throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
        return realDisk.write(...args);
      },
    };
    await setUp(disk);
    await store(5);
    await until(() => lines.some((line) => line.event === 'delivery.receipt-failed'));
    expect(count('delivered')).toBe(0);
    full = false;
    await until(() => count('delivered') === 10);
    expect(ledger.end.seq).toBe(10);
  });

  test('a restart marks from receipts what the index had not heard of, and delivers nothing twice', async () => {
    courier.answer = () => 'confirm';
    await store(6);
    await until(() => count('delivered') === 12);
    await dispatcher.stop();
    await ledger.close();
    await spool.close();
    for (const suffix of ['', '-wal', '-shm'])
      rmSync(join(directory, 'spool', `index.sqlite${suffix}`), { force: true });
    await setUp();
    courier.ready = false;
    expect(await reconcile({ spool, ledger, clock: systemClock, log: createMemoryLog().log })).toBe(12);
    courier.ready = true;
    await store(1, 6);
    await until(() => count('delivered') === 14);
    expect(courier.jobs).toHaveLength(2);
    expect(ledger.end.seq).toBe(14);
  });
});
