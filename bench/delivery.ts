/** End to end: the same study over DICOM, through each pipeline, into the same store, until its last object is confirmed. */
import { join } from 'node:path';
import type { ObjectStore } from '../src/delivery/store/objectStore.ts';
import { makePayload } from './payloads.ts';
import type { Pipeline, Study } from './pipelines.ts';
import { rotated } from './statistics.ts';
import { prepareRun, type Storage } from './storage.ts';

/** Instances a second by round; a round that went wrong is undefined. */
export type DeliveryRow = { pipeline: string; rates: Array<number | undefined> };
export type DeliveryResult = { rows: DeliveryRow[]; couldNotRun: Record<string, string> };

export type DeliveryOptions = {
  /** Name of the store in what could not run. */
  title: string;
  pipelines: Pipeline[];
  store: ObjectStore;
  storage: Storage;
  slices: number;
  rounds: number;
  /** Rounds that have not begun by then (performance.now()) are left out, but not the first. */
  deadline: number;
  say(line: string): void;
};

/** Every study that is sent is another one, whichever pipeline it takes. */
let nextSeed = 1000;

const reasonOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

/** Nobody is believed: the store is asked what it has. */
async function countObjects(store: ObjectStore, prefix: string): Promise<number> {
  let count = 0;
  for await (const { key } of store.list(prefix)) if (key.endsWith('.dcm')) count++;
  return count;
}

async function deliverOne(pipeline: Pipeline, options: DeliveryOptions, count: number): Promise<number> {
  const { storage, store } = options;
  const study: Study = { payload: makePayload('CT', join(storage.directory, 'payloads'), nextSeed++), count };
  // Twice: received, and stored.
  await prepareRun(pipeline, storage.directory, 2 * count * study.payload.size);
  const seconds = await pipeline.deliver(study);
  const found = await countObjects(store, pipeline.keyPrefix(study));
  if (found !== count) throw new Error(`${found} of ${count} objects are in the store`);
  return count / seconds;
}

/** Starts and warms all pipelines up; those that cannot run are left out, with the reason. */
async function startAll(options: DeliveryOptions, result: DeliveryResult): Promise<Pipeline[]> {
  const started: Pipeline[] = [];
  for (const pipeline of options.pipelines) {
    try {
      await pipeline.start();
      await deliverOne(pipeline, options, 32);
      started.push(pipeline);
    } catch (error) {
      result.couldNotRun[`${pipeline.name}, ${options.title}`] = reasonOf(error);
      options.say(`${pipeline.name}: could not run: ${reasonOf(error)}`);
      await pipeline.stop();
    }
  }
  return started;
}

export async function measureDelivery(options: DeliveryOptions): Promise<DeliveryResult> {
  const result: DeliveryResult = { rows: [], couldNotRun: {} };
  const pipelines = await startAll(options, result);
  const rows = new Map(pipelines.map(({ name }) => [name, { pipeline: name, rates: [] } as DeliveryRow]));
  result.rows = [...rows.values()];
  try {
    for (let round = 0; round < options.rounds; round++) {
      if (round > 0 && performance.now() > options.deadline) {
        result.couldNotRun[`${options.title}, from round ${round + 1}`] = 'left out: time is up';
        break;
      }
      for (const pipeline of rotated(pipelines, round)) {
        const row = rows.get(pipeline.name);
        try {
          const rate = await deliverOne(pipeline, options, options.slices);
          if (row) row.rates[round] = rate;
        } catch (error) {
          if (row) row.rates[round] = undefined;
          result.couldNotRun[`${pipeline.name}, ${options.title}, round ${round + 1}`] = reasonOf(error);
        }
      }
    }
  } finally {
    for (const pipeline of pipelines) await pipeline.stop();
  }
  return result;
}
