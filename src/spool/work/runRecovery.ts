/**
 * Brings runs and index together when the spool opens, after the segments. A run that is durable was made, whatever the
 * index knows: its results are delivered, and nothing of it is run again.
 */
import type { Log } from '../../base/log.ts';
import type { InstanceIndex } from '../index/instanceIndex.ts';
import type { ResultStore } from './resultStore.ts';
import type { TaskQueue } from './taskQueue.ts';
import type { ResultPiece, RunRecord } from './workTypes.ts';

/** Returns how many runs were entered. */
export function recoverRuns(parts: { store: ResultStore; tasks: TaskQueue; index: InstanceIndex; log: Log }): number {
  const { store, tasks, index, log } = parts;
  const known = tasks.knownRuns;
  // In the order in which they were made, so that each finds the versions of its keys as they were.
  const unknown = store.names
    .filter((name) => !known.has(name))
    .map((name) => ({ name, record: store.read(name)?.record }))
    .flatMap(({ name, record }) =>
      record === undefined ? [] : [{ name, at: record.finishedAt, revision: record.revision }],
    )
    .sort((a, b) => a.at - b.at || a.revision - b.revision || (a.name < b.name ? -1 : 1));
  let entered = 0;
  for (const { name } of unknown) {
    const file = store.read(name);
    if (file === undefined) continue;
    if (tasks.enterFound(name, withPresentNumbers(file.record, index), file.versions)) entered++;
    else store.removeNow(name);
  }
  tasks.leaveOnlyLatest();
  if (entered > 0)
    log.info('work.runs-recovered', 'runs of split applications were found on disk and entered', { runs: entered });
  return entered;
}

/**
 * The record with the numbers that its instances have now. They are those that they had, unless the index was lost and
 * another instance has taken one. Inputs whose bytes are gone were delivered, and are left out.
 */
function withPresentNumbers(record: RunRecord, index: InstanceIndex): RunRecord {
  const present = new Map<number, number>();
  for (const { instance, sha256 } of record.inputs) {
    const holder = index.get(instance);
    if (holder === undefined) continue; // only a number that is taken makes an instance get another one
    const seq = holder.sha256 === sha256 ? instance : index.findBytes(sha256);
    if (seq !== undefined) present.set(instance, seq);
  }
  const numberOf = (instance: number) => present.get(instance) ?? instance;
  const place = (piece: ResultPiece): ResultPiece =>
    'file' in piece ? piece : { ...piece, instance: numberOf(piece.instance) };
  return {
    ...record,
    // Where a number is the unit: of an instance, or of one without UIDs.
    unit: record.unit.replace(/^(unidentified-)?(\d+)$/, (_, word: string | undefined, n: string) => {
      return `${word ?? ''}${numberOf(Number(n))}`;
    }),
    inputs: record.inputs.flatMap((input) => {
      const seq = present.get(input.instance);
      return seq === undefined ? [] : [{ ...input, instance: seq }];
    }),
    results: record.results.map((result) => ({
      ...result,
      pieces: result.pieces.map(place),
      from: result.from.map(numberOf),
    })),
  };
}
