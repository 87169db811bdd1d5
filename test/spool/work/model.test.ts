/**
 * Whatever happens in whatever order (arrivals, versions, runs, failures, operators, deliveries, kills, a lost index), what
 * DESIGN promises holds: nothing that was taken in is lost or given back too early, and no result is lost or doubled.
 */
import { cpSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Spool } from '../../../src/spool/spool.ts';
import type { Task } from '../../../src/spool/work/workTypes.ts';
import { temporaryDirectory } from '../support.ts';
import { applicationTarget, digest, makeRecord, openWork, quietMs, receive, TestClock } from './support.ts';

type Act =
  | { act: 'receive'; study: number; instance: number; version: number }
  | { act: 'wait' | 'claim' | 'crash' | 'lose-index' | 'reclaim' | 'end-of-association' }
  | { act: 'run'; fail: 'no' | 'before-commit' | 'before-finish'; outcomes: number; crash: boolean }
  | { act: 'skip' | 'retry' | 'quarantine' | 'unclaim' }
  | { act: 'release' | 'deliver' | 'refuse' | 'release-delivery'; which: number };

const acts: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      act: fc.constant('receive' as const),
      study: fc.nat(1),
      instance: fc.nat(2),
      version: fc.nat(1),
    }),
  },
  { weight: 4, arbitrary: fc.record({ act: fc.constantFrom('wait' as const, 'claim' as const, 'claim' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      act: fc.constantFrom('crash', 'lose-index', 'lose-index', 'reclaim', 'end-of-association'),
    }) as fc.Arbitrary<Act>,
  },
  {
    weight: 4,
    arbitrary: fc.record({
      act: fc.constant('run' as const),
      fail: fc.constantFrom('no' as const, 'no' as const, 'before-commit' as const, 'before-finish' as const),
      outcomes: fc.nat(26),
      crash: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ act: fc.constantFrom('skip', 'retry', 'quarantine', 'unclaim') }) as fc.Arbitrary<Act>,
  },
  {
    weight: 4,
    arbitrary: fc.record({
      act: fc.constantFrom('release', 'deliver', 'deliver', 'refuse', 'release-delivery'),
      which: fc.nat(20),
    }) as fc.Arbitrary<Act>,
  },
);

const outcomeNames = ['used', 'not-selected', 'quarantined'] as const;

class World {
  directory = temporaryDirectory();
  readonly clock = new TestClock();
  /** Digests of what was acknowledged, by study. */
  readonly acknowledged = new Map<string, string>();
  /** Of these, what was given back once all of it was delivered: a lost index need not find it again. */
  readonly givenBack = new Set<string>();
  /** Keys that the store has, with their digests: it refuses other bytes under a key. */
  readonly store = new Map<string, string>();
  /** Receipts, by number. */
  readonly receipts: Array<{ key: string; sha256: string }> = [];
  spool: Spool = this.open();
  claimed: Task[] = [];

  open(): Spool {
    return openWork(this.directory.path, this.clock, {
      keepDeliveredMs: 0,
      route: ({ studyInstanceUid: study }) => [applicationTarget({ scope: study === '1.1' ? 'series' : 'study' })],
    }).spool;
  }

  async close(): Promise<void> {
    await this.spool.close();
    this.directory.remove();
  }

  async do(act: Act): Promise<void> {
    const { spool, clock } = this;
    switch (act.act) {
      case 'receive': {
        const uid = `1.${act.study}.${act.instance}`;
        const bytes = Buffer.from(`${uid} version ${act.version}`.padEnd(200, '.'));
        const study = `1.${act.study}`;
        const more = { studyInstanceUid: study, seriesInstanceUid: `${study}.0.${act.instance % 2}` };
        await receive(spool, uid, bytes, more);
        this.acknowledged.set(digest(bytes), uid);
        return;
      }
      case 'wait':
        clock.time += quietMs;
        return;
      case 'end-of-association':
        spool.tasks.hasten({ studies: ['1.0'], at: clock.now() });
        return;
      case 'claim':
        return this.claim();
      case 'crash':
        return this.crash();
      case 'lose-index': {
        await spool.close();
        for (const name of readdirSync(this.directory.path))
          if (name.startsWith('index')) rmSync(join(this.directory.path, name));
        return this.begin();
      }
      case 'reclaim':
        clock.time++;
        return spool.reclaim();
      case 'run':
        return this.run(act);
      case 'deliver':
      case 'refuse':
        return this.deliver(act.act, act.which);
      case 'release': {
        const tasks = spool.tasks.page({ states: ['quarantined', 'finished', 'skipped'], after: 0, limit: 100 });
        const task = tasks[act.which % Math.max(1, tasks.length)];
        if (task !== undefined) spool.tasks.release(task.id);
        return;
      }
      case 'release-delivery':
        spool.queue.releaseAll();
        return;
      default:
        return this.settle(act.act);
    }
  }

  /** A task, if there is one, once everything has been quiet. */
  claim(): void {
    this.clock.time += quietMs;
    this.claimed.push(...this.spool.tasks.claim(1, this.clock.now()));
  }

  /** What a kill leaves: the files as they are at this moment. The process itself cannot die here, so it works on others. */
  async crash(): Promise<void> {
    const { spool, directory } = this;
    this.directory = temporaryDirectory();
    cpSync(directory.path, this.directory.path, { recursive: true });
    rmSync(join(this.directory.path, 'lock'));
    this.begin();
    await spool.close();
    directory.remove();
  }

  /** A start, with the receipts that the index does not know: as reconcile does it. */
  begin(): void {
    this.claimed = [];
    this.spool = this.open();
    const { spool } = this;
    this.receipts.forEach(({ key, sha256 }, receipt) => {
      const known = spool.resultQueue.find('cloud', key);
      if (known === undefined) {
        const result = { kind: 'file' as const, name: key, contentType: 'x', size: 1, sha256 };
        spool.restoreResult({ store: 'cloud', key, version: 1, receipt, studyInstanceUid: undefined, result });
      } else if (known.state !== 'delivered') spool.queue.markDelivered([{ id: known.id, receipt }], this.clock.now());
    });
  }

  async run({ fail, outcomes, crash }: Extract<Act, { act: 'run' }>): Promise<void> {
    const { spool } = this;
    if (this.claimed.length === 0) this.claim();
    const task = this.claimed.shift();
    if (task === undefined) return;
    const { directory } = await spool.results.begin(task);
    if (fail === 'before-commit') {
      if (crash) return this.crash();
      await spool.results.discard(directory);
      return spool.tasks.unclaim([task.id]);
    }
    const seqs = spool.tasks.inputs(task.id).map(({ sopInstanceUid, version }) => `${sopInstanceUid} ${version}`);
    const outcome = (sop: string) =>
      outcomeNames[Math.floor(outcomes / 3 ** (Number(sop.split('.').at(-1)) % 3)) % 3] ?? 'used';
    const record = makeRecord(spool, task, directory, { file: `made of ${seqs.join(', ')}`, outcome });
    await spool.results.commit(directory, record);
    if (fail === 'before-finish') return this.crash();
    spool.tasks.finish(task.id, record);
    if (crash) await this.crash();
  }

  settle(act: 'skip' | 'retry' | 'quarantine' | 'unclaim'): void {
    const { spool, clock } = this;
    if (this.claimed.length === 0) this.claim();
    const task = this.claimed.shift();
    if (task === undefined) return;
    const now = clock.now();
    if (act === 'skip') {
      const outcomes = spool.tasks
        .inputs(task.id)
        .map(({ seq }) => ({ instance: seq, outcome: 'not-selected' as const }));
      spool.tasks.skip(task.id, outcomes, 'no');
    } else if (act === 'retry') spool.tasks.retryLater(task.id, { at: now + 10, now, code: 'c', message: 'm' });
    else if (act === 'quarantine') spool.tasks.quarantine(task.id, { now, code: 'c', message: 'm' });
    else spool.tasks.unclaim([task.id]);
  }

  deliver(act: 'deliver' | 'refuse', which: number): void {
    const { spool, clock } = this;
    const claimed = spool.queue.claim('cloud', 100, clock.now());
    const one = claimed[which % Math.max(1, claimed.length)];
    spool.queue.unclaim(claimed.filter((other) => other !== one).map(({ id }) => id));
    if (one === undefined) return;
    const { id, key, sha256 } = one;
    if (key === null || sha256 === null) throw new Error('not a result');
    const lease = spool.leaseResult(id); // throws when its bytes are not there
    lease.release();
    if (act === 'refuse') return spool.queue.quarantine(id, { now: clock.now(), code: 'c', message: 'm' });
    expect(this.store.get(key) ?? sha256, `other bytes under ${key}`).toBe(sha256);
    expect(
      this.receipts.some((receipt) => receipt.key === key),
      `${key} twice`,
    ).toBe(false);
    this.store.set(key, sha256);
    const receipt = this.receipts.push({ key, sha256 }) - 1;
    spool.queue.markDelivered([{ id, receipt }], clock.now());
  }

  /** Looked at from the outside, in the tables. */
  check(): void {
    const db = new Database(join(this.directory.path, 'index.sqlite'), { readonly: true });
    try {
      this.#checkInstances(db);
      this.#checkTasks(db);
    } finally {
      db.close();
    }
  }

  #checkInstances(db: Database.Database): void {
    type Row = { seq: number; sha256: Buffer; state: string; bytes: number; uid: string };
    const rows = db
      .prepare('SELECT seq, sha256, state, extents IS NOT NULL AS bytes, sop_instance AS uid FROM instance')
      .all() as Row[];
    const known = new Set(rows.map(({ sha256 }) => sha256.toString('hex')));
    for (const [sha256, uid] of this.acknowledged) {
      expect(known.has(sha256) || this.givenBack.has(sha256), `${uid} is lost`).toBe(true);
    }
    for (const { sha256, state } of rows) if (state === 'pruned') this.givenBack.add(sha256.toString('hex'));
    type Owes = {
      task: number;
      revision: number;
      state: string;
      outcome: string | null;
      open: number;
      failed: number;
      later: number;
    };
    const owes = db.prepare(`SELECT t.id AS task, t.revision, t.state, x.outcome,
      (SELECT count(*) FROM result r JOIN delivery d ON d.id = r.delivery WHERE r.task = t.id AND d.state = 'ready') AS open,
      (SELECT count(*) FROM result r JOIN delivery d ON d.id = r.delivery WHERE r.task = t.id AND d.state = 'quarantined') AS failed,
      EXISTS (SELECT 1 FROM task l JOIN task_input y ON y.task = l.id WHERE y.instance = x.instance AND l.unit = t.unit
        AND l.scope = t.scope AND l.revision > t.revision AND (l.state = 'finished' OR (l.state = 'skipped' AND l.error_code <> 'work.superseded'))) AS later
      FROM task_input x JOIN task t ON t.id = x.task WHERE x.instance = ?`);
    for (const { seq, state, bytes, uid } of rows) {
      const all = owes.all(seq) as Owes[];
      const failed = all.some(
        (one) =>
          one.state === 'quarantined' ||
          (one.state === 'finished' && (one.failed > 0 || (one.outcome === 'quarantined' && one.later === 0))),
      );
      const open = all.some(
        (one) => one.state === 'due' || one.state === 'gathering' || (one.state === 'finished' && one.open > 0),
      );
      if (bytes === 0) expect(state, uid).toBe('pruned');
      if (state === 'pruned') {
        expect([failed, open], `${uid} ${seq} was given back too early: ${JSON.stringify(all)}`).toEqual([
          false,
          false,
        ]);
        continue;
      }
      expect(all.length, `${uid} is in no task`).toBeGreaterThan(0);
      expect(state, `${uid} ${seq}: ${JSON.stringify(all)}`).toBe(
        failed ? 'quarantined' : open ? 'ready' : 'delivered',
      );
    }
  }

  #checkTasks(db: Database.Database): void {
    type Row = {
      id: number;
      unit: string;
      scope: string;
      revision: number;
      state: string;
      open: number;
      failed: number;
      o: number;
      f: number;
      n: number;
      counted: number;
    };
    const tasks = db
      .prepare(`SELECT id, unit, scope, revision, state, open_results AS open, failed_results AS failed, instances AS counted,
      (SELECT count(*) FROM task_input WHERE task = task.id) AS n,
      (SELECT count(*) FROM result r JOIN delivery d ON d.id = r.delivery WHERE r.task = task.id AND d.state = 'ready') AS o,
      (SELECT count(*) FROM result r JOIN delivery d ON d.id = r.delivery WHERE r.task = task.id AND d.state = 'quarantined') AS f
      FROM task`)
      .all() as Row[];
    const busy = new Set(this.claimed.map(({ id }) => id));
    const idle = new Set<string>();
    for (const { id, unit, scope, state, open, failed, o, f } of tasks) {
      expect([open, failed], `counters of task ${id}`).toEqual([o, f]);
      if ((state !== 'due' && state !== 'gathering') || busy.has(id)) continue;
      expect(idle.has(`${scope} ${unit}`), `two open tasks of ${unit}`).toBe(false);
      idle.add(`${scope} ${unit}`);
    }
    const counts = Object.fromEntries(
      (db.prepare('SELECT state, n FROM task_count WHERE n > 0').all() as Array<{ state: string; n: number }>).map(
        (row) => [row.state, row.n],
      ),
    );
    const counted: Record<string, number> = {};
    for (const { state } of tasks) counted[state] = (counted[state] ?? 0) + 1;
    expect(counts).toEqual(counted);
  }

  /** Everything is released, run and delivered: then nothing is held any more, and the store has all of it once. */
  async drain(): Promise<void> {
    for (let round = 0; round < 4; round++) {
      const { spool, clock } = this;
      spool.tasks.unclaim(this.claimed.map(({ id }) => id));
      this.claimed = [];
      clock.time += 10 * quietMs;
      spool.queue.releaseAll();
      for (const { id } of spool.tasks.page({ states: ['quarantined', 'finished'], after: 0, limit: 1000 }))
        spool.tasks.release(id);
      this.claimed = spool.tasks.claim(100, clock.now());
      while (this.claimed.length > 0) await this.run({ act: 'run', fail: 'no', outcomes: 0, crash: false });
      for (let left = 100; left > 0 && spool.index.hasWork('cloud'); left--) this.deliver('deliver', 0);
      this.check();
    }
  }
}

test('whatever happens, nothing is lost, given back too early, or delivered twice', { timeout: 600_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(acts, { minLength: 1, maxLength: 40, size: 'max' }), async (list) => {
      const world = new World();
      try {
        for (const act of list) {
          await world.do(act);
          world.check();
        }
        await world.drain();
        for (const [sha256, uid] of world.acknowledged) {
          const records = world.spool.index.versionsOf(uid).filter((record) => record.sha256 === sha256);
          const isThrough = records.every(({ state }) => state === 'delivered' || state === 'pruned');
          expect(isThrough && (records.length === 1 || world.givenBack.has(sha256)), uid).toBe(true);
        }
      } finally {
        await world.close();
      }
    }),
    { numRuns: Number(process.env.MODEL_RUNS ?? 15), endOnFailure: process.env.MODEL_RUNS !== undefined },
  );
});
