/**
 * A spool with an engine that is trivial, to be killed: takes instances in, runs what is due (one file, and each instance
 * passed on as a range of its bytes), delivers into a folder. Everything that it has promised or done stands in files:
 * `acknowledged`, `receipts`, `recovered`. With `drain` it takes nothing in and ends when nothing is left to be done.
 */
import { createHash, randomBytes } from 'node:crypto';
import {
  appendFileSync,
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause, setImmediate as turn } from 'node:timers/promises';
import { systemClock } from '../../src/base/clock.ts';
import type { Spool } from '../../src/spool/spool.ts';
import type { FileRange } from '../../src/spool/spoolTypes.ts';
import { MiB } from '../spool/support.ts';
import { applicationTarget, openWork, receive, run } from '../spool/work/support.ts';

const [directory = '', mode] = process.argv.slice(2);
const file = (name: string) => join(directory, name);
const note = (name: string, line: string) => appendFileSync(file(name), `${line}\n`);
const lines = (name: string) =>
  existsSync(file(name)) ? readFileSync(file(name), 'utf8').split('\n').slice(0, -1) : [];
const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const draining = mode === 'drain';

const { spool } = openWork(file('spool'), systemClock, {
  keepDeliveredMs: 0,
  quota: 1024 * MiB,
  resultsQuota: 1024 * MiB,
  route: () => [applicationTarget({ quietMs: 40 })],
});
note('recovered', String(spool.recovery.runs));
reconcile(spool);
process.stdout.write('ready\n');

/** Receipts are durable before the index hears of them. */
function reconcile({ resultQueue, queue }: Spool): void {
  lines('receipts').forEach((line, receipt) => {
    const [key = '', sha256 = ''] = line.split(' ');
    const known = resultQueue.find('cloud', key);
    if (known !== undefined && known.state !== 'delivered')
      queue.markDelivered([{ id: known.id, receipt }], Date.now());
    if (known !== undefined) return;
    const result = { kind: 'file' as const, name: key, contentType: 'x', size: 1, sha256 };
    spool.restoreResult({ store: 'cloud', key, version: 1, receipt, studyInstanceUid: undefined, result });
  });
}

async function takeIn(): Promise<void> {
  for (let n = 0; !draining; n++) {
    const bytes = randomBytes(5_000 + (n % 7) * 30_000);
    const id = BigInt(`0x${randomBytes(8).toString('hex')}`);
    const outcome = await receive(spool, `2.25.${id}`, bytes, { studyInstanceUid: `2.25.${Date.now() >> 9}` });
    if (outcome.kind === 'stored') note('acknowledged', `${id} ${digest(bytes)}`);
    await pause(n % 5 === 0 ? 30 : 1);
  }
}

let idle = 0;

async function work(): Promise<void> {
  for (;;) {
    const [task] = spool.tasks.claim(1, Date.now());
    const chance = Math.random();
    if (task === undefined) await pause(5);
    else if (!draining && chance < 0.05) {
      spool.tasks.quarantine(task.id, { now: Date.now(), code: 'c', message: 'm' });
    } else if (!draining && chance < 0.1) {
      spool.tasks.retryLater(task.id, { at: Date.now() + 20, now: Date.now(), code: 'c', message: 'm' });
    } else await run(spool, task, { file: `of ${task.id} ${task.revision}` });
    if (chance < 0.2 || draining) spool.tasks.releaseAll();
    const isOver = spool.tasks.nextDue() === undefined && !spool.index.hasWork('cloud');
    idle = isOver ? idle + 1 : 0;
    await turn();
  }
}

function read(ranges: readonly FileRange[]): Buffer {
  return Buffer.concat(
    ranges.map(({ path, offset, length }) => {
      const fd = openSync(path, 'r');
      const bytes = Buffer.alloc(length);
      const count = readSync(fd, bytes, 0, length, offset);
      closeSync(fd);
      return bytes.subarray(0, count);
    }),
  );
}

async function deliver(): Promise<void> {
  for (;;) {
    for (const { id, key, sha256 } of spool.queue.claim('cloud', 5, Date.now())) {
      if (key === null || sha256 === null) throw new Error('not a result');
      const lease = spool.leaseResult(id);
      const bytes = read(lease.ranges);
      lease.release();
      if (digest(bytes) !== sha256) note('problems', `torn ${key}`);
      const path = file(`store/${encodeURIComponent(key)}`);
      if (existsSync(path) && digest(readFileSync(path)) !== sha256) note('problems', `conflict ${key}`);
      writeFileSync(`${path}.new`, bytes);
      renameSync(`${path}.new`, path);
      await turn();
      note('receipts', `${key} ${sha256}`);
      await turn();
      spool.queue.markDelivered([{ id, receipt: 1 }], Date.now());
    }
    await pause(2);
  }
}

async function giveBack(): Promise<void> {
  for (;;) {
    await pause(150);
    await spool.reclaim();
  }
}

const failed = (error: unknown) => {
  note('problems', String(error));
  process.exit(1);
};
for (const part of [takeIn, work, work, deliver, giveBack]) part().catch(failed);
if (draining) {
  while (idle < 50) await pause(10);
  const unsettled = spool.index
    .countsByState()
    .filter(({ state, instances }) => instances > 0 && state !== 'pruned' && state !== 'delivered');
  for (const { state, instances } of unsettled) note('problems', `${instances} instances are ${state} at the end`);
  process.exit(0);
}
