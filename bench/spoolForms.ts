/**
 * The choice behind decision 3, measured: the spool's recycled segments with group commit against one synced file per
 * instance, through the same front: instances that come in pieces on several associations, each waiting for its durability.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../src/base/clock.ts';
import { createMemoryLog } from '../src/base/log.ts';
import { openSpool } from '../src/spool/openSpool.ts';
import type { Section } from './section.ts';
import { median, rounded } from './statistics.ts';
import { figure, formatTable } from './table.ts';

const MiB = 2 ** 20;
const pieceBytes = 16 * 1024;

type Form = {
  name: string;
  /** Keeps an instance; resolves when it would be acknowledged. */
  keep(uid: string, pieces: Iterable<Buffer>): Promise<void>;
  close(): Promise<void>;
};

async function segments(directory: string): Promise<Form> {
  const preallocate = 16;
  const spool = openSpool({
    directory,
    segmentSize: 128 * MiB,
    quota: preallocate * 128 * MiB,
    preallocate,
    reserve: 0,
    keepDeliveredMs: 3_600_000,
    bufferMemory: 64 * MiB,
    route: () => [],
    resultsQuota: 0,
    resultKey: () => '',
    clock: systemClock,
    log: createMemoryLog().log,
  });
  while (spool.status.freeSegments < preallocate) await new Promise((resolve) => setTimeout(resolve, 50));
  return {
    name: 'segments, group commit',
    async keep(sopInstanceUid, pieces) {
      const incoming = spool.receive();
      if ('refused' in incoming) throw new Error(incoming.refused);
      for (const piece of pieces) {
        if (!incoming.write(piece)) await new Promise<void>((resolve) => incoming.onDrain(resolve));
      }
      const description = { sopInstanceUid, sopClassUid: '1.2', transferSyntaxUid: '1.2', peer: 'BENCH', flags: [] };
      const outcome = await incoming.commit(description);
      if (outcome.kind !== 'stored') throw new Error(outcome.kind);
    },
    close: () => spool.close(),
  };
}

/** The usual way: a temporary file, its sync, rename, the sync of the directory. No index, which is in its favour. */
async function filePerInstance(directory: string): Promise<Form> {
  mkdirSync(directory, { recursive: true });
  const folder = await open(directory, 'r');
  return {
    name: 'file per instance',
    async keep(uid, pieces) {
      const hash = createHash('sha256');
      const file = await open(join(directory, `${uid}.new`), 'w');
      const buffered: Buffer[] = [];
      for (const piece of pieces) {
        hash.update(piece);
        buffered.push(piece);
      }
      await file.writev(buffered);
      await file.datasync();
      await file.close();
      await rename(join(directory, `${uid}.new`), join(directory, `${uid}.dcm`));
      await folder.sync();
      hash.digest();
    },
    close: () => folder.close(),
  };
}

async function measure(form: Form, associations: number, count: number, size: number): Promise<number> {
  const content = Buffer.alloc(size, 0x5a);
  const pieces = function* (uid: string) {
    yield Buffer.from(uid);
    for (let at = 0; at < size; at += pieceBytes) yield content.subarray(at, at + pieceBytes);
  };
  let next = 0;
  const began = performance.now();
  const work = async () => {
    while (next < count) {
      const uid = `1.${size}.${associations}.${next++}.${Math.round(began)}`;
      await form.keep(uid, pieces(uid));
    }
  };
  await Promise.all(Array.from({ length: associations }, work));
  return count / ((performance.now() - began) / 1000);
}

const cells = [
  { name: 'CT 525 kB', size: 525_000, count: 300 },
  { name: 'tiny 6 kB', size: 6_000, count: 2_000 },
];
const associationCounts = [1, 4, 16];

export const benchSpoolForms: Section = async ({ quick, storage, say }) => {
  const rounds = quick ? 2 : 5;
  const ratios = new Map<string, number[]>();
  const rates = new Map<string, number[]>();
  const note = (map: Map<string, number[]>, key: string, value: number) =>
    map.set(key, [...(map.get(key) ?? []), value]);
  for (let round = 0; round < rounds; round++) {
    const makers = round % 2 === 0 ? [segments, filePerInstance] : [filePerInstance, segments];
    const found = new Map<string, number>();
    for (const make of makers) {
      const directory = join(storage.directory, `spool-form-${round}`);
      const form = await make(directory);
      for (const { name, size, count } of cells) {
        for (const associations of associationCounts) {
          const rate = await measure(form, associations, quick ? count / 2 : count, size);
          const cell = `${name}, ${associations}`;
          note(rates, `${form.name} ${cell}`, rate);
          found.set(`${form.name} ${cell}`, rate);
        }
      }
      await form.close();
      rmSync(directory, { recursive: true, force: true });
    }
    for (const { name } of cells) {
      for (const associations of associationCounts) {
        const cell = `${name}, ${associations}`;
        const ours = found.get(`segments, group commit ${cell}`) ?? 0;
        note(ratios, cell, ours / (found.get(`file per instance ${cell}`) ?? 1));
      }
    }
  }
  say('Spool forms: durable instances per second, medians; associations in parallel\n');
  const rows = [...ratios].map(([cell, values]) => [
    cell,
    figure(median(rates.get(`segments, group commit ${cell}`) ?? [])),
    figure(median(rates.get(`file per instance ${cell}`) ?? [])),
    figure(median(values)),
  ]);
  say(formatTable(['instances, associations', 'segments', 'file per instance', 'ratio'], rows));
  const summary = Object.fromEntries([...ratios].map(([cell, values]) => [cell, rounded(median(values))]));
  return { summary: { segmentsVsFilePerInstance: summary }, couldNotRun: {} };
};
