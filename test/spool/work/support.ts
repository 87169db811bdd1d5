/** A spool whose instances go through an application, and an engine that makes one file and passes each instance on. */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../../src/base/clock.ts';
import type { InstanceDescription } from '../../../src/spool/segmentFormat.ts';
import type { Spool } from '../../../src/spool/spool.ts';
import type { SpoolOptions } from '../../../src/spool/spoolTypes.ts';
import type {
  ApplicationTarget,
  InputOutcome,
  ResultRecord,
  RouteTarget,
  RunRecord,
  Task,
} from '../../../src/spool/work/workTypes.ts';
import { describe, open, sha256 } from '../support.ts';

export const quietMs = 1_000;

export function applicationTarget(more: Partial<ApplicationTarget> = {}): RouteTarget {
  const application: ApplicationTarget = {
    route: 'r',
    name: 'app',
    version: '1.0.0',
    scope: 'study',
    quietMs,
    ...more,
  };
  return { store: 'cloud', priority: 0, application };
}

/** A clock that stands until it is moved. Instances are received at its time. */
export class TestClock implements Clock {
  time = 1_700_000_000_000;
  now = () => this.time;
  monotonic = () => this.time;
  sleep = () => Promise.resolve();
}

export function openWork(directory: string, clock: Clock, options: Partial<SpoolOptions> = {}) {
  return open(directory, { clock, route: () => [applicationTarget()], ...options });
}

export async function receive(spool: Spool, uid: string, bytes: Buffer, more: Partial<InstanceDescription> = {}) {
  const incoming = spool.receive();
  if ('refused' in incoming) throw new Error(incoming.refused);
  incoming.write(bytes);
  const outcome = await incoming.commit(describe(uid, more));
  spool.flushIndex();
  return outcome;
}

export type RunOptions = {
  /** Content of the one file; none is made when undefined. */
  file?: string;
  /** Instances that are passed on, by default all. */
  pass?: (sop: string) => boolean;
  outcome?: (sop: string) => InputOutcome['outcome'];
  outputStudy?: string;
};

/** What a run of this task would be, with its file written into `directory`. */
export function makeRecord(spool: Spool, task: Task, directory: string, options: RunOptions = {}): RunRecord {
  const inputs = spool.tasks.inputs(task.id);
  const outcomeOf = options.outcome ?? (() => 'used' as const);
  const used = inputs.filter(({ sopInstanceUid }) => outcomeOf(sopInstanceUid) === 'used');
  const results: ResultRecord[] = [];
  if (options.file !== undefined) {
    const bytes = Buffer.from(options.file);
    writeFileSync(join(directory, 'summary.json'), bytes);
    results.push({
      kind: 'file',
      name: 'summary.json',
      contentType: 'application/json',
      size: bytes.length,
      sha256: sha256(bytes),
      pieces: [{ file: 'summary.json', offset: 0, length: bytes.length }],
      from: used.map(({ seq }) => seq),
    });
  }
  for (const input of used.filter(({ sopInstanceUid }) => options.pass?.(sopInstanceUid) ?? true)) {
    results.push({
      kind: 'instance',
      name: `${input.sopInstanceUid}.dcm`,
      sopInstanceUid: `9.${input.sopInstanceUid}`,
      contentType: 'application/dicom',
      size: input.size,
      sha256: input.sha256,
      pieces: [{ instance: input.seq, offset: 0, length: input.size }],
      from: [input.seq],
    });
  }
  const { route, application, version, scope, unit, study, store, priority, revision } = task;
  const bytesIn = inputs.reduce((sum, { size }) => sum + size, 0);
  return {
    format: 'medusa.run/1',
    ...{ route, application, version, scope, unit, study, store, priority, revision },
    outputStudy: options.outputStudy ?? `9.${study}`,
    outputUnit: `9.${unit}`,
    isDeidentified: true,
    steps: [{ name: 'deidentify', version: '1', detail: 'basic' }],
    inputs: inputs.map(({ seq, sopInstanceUid, sha256: digest, size }) => ({
      instance: seq,
      outcome: outcomeOf(sopInstanceUid),
      sha256: digest,
      size,
    })),
    results,
    figures: {
      bytesIn,
      bytesOut: results.reduce((sum, { size }) => sum + size, 0),
      instancesIn: inputs.length,
      instancesOut: results.filter(({ kind }) => kind === 'instance').length,
      files: results.filter(({ kind }) => kind === 'file').length,
      notSelected: inputs.filter(({ sopInstanceUid }) => outcomeOf(sopInstanceUid) === 'not-selected').length,
      quarantined: inputs.filter(({ sopInstanceUid }) => outcomeOf(sopInstanceUid) === 'quarantined').length,
      cpuSeconds: 0.5,
      peakMemoryBytes: 1000,
      wallMs: 10,
      promisedRatio: null,
    },
    finishedAt: task.dueAt,
  };
}

/** Runs a claimed task: begin, commit, finish. */
export async function run(spool: Spool, task: Task, options: RunOptions = {}): Promise<RunRecord> {
  const { directory } = await spool.results.begin(task);
  const record = makeRecord(spool, task, directory, options);
  await spool.results.commit(directory, record);
  spool.tasks.finish(task.id, record);
  return record;
}

let receipt = 1;

/** Every delivery to the store that is due is confirmed; returns the keys of results. */
export function deliverAll(spool: Spool, now: number, store = 'cloud'): string[] {
  const claimed = spool.queue.claim(store, 10_000, now);
  spool.queue.markDelivered(
    claimed.map(({ id }) => ({ id, receipt: receipt++ })),
    now,
  );
  return claimed.flatMap(({ key }) => (key === null ? [] : [key]));
}

export const digest = (text: string | Buffer) => createHash('sha256').update(text).digest('hex');
export const stateOf = (spool: Spool, uid: string, version = 1) =>
  spool.index.versionsOf(uid).find((record) => record.version === version)?.state;
