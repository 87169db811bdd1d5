/**
 * Fuzzes one target in a thread of its own, so that a case that hangs or takes all memory can be told from outside: the case
 * that runs lies in memory that the main thread sees.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { Coverage } from './coverage.ts';
import { encodeCase } from './fuzzCase.ts';
import { Fuzzer } from './fuzzer.ts';

export type WorkerOptions = {
  target: string;
  cases: number;
  seconds: number;
  seed: number;
  guided: boolean;
  /** Number of cases begun, length of the case, the case. */
  current: SharedArrayBuffer;
};

const options = workerData as WorkerOptions;
const counters = new Int32Array(options.current, 0, 2);
const bytes = Buffer.from(options.current, 8);

const coverage = options.guided ? new Coverage() : undefined;
await coverage?.start();
const { targets } = await import('./targets/index.ts');
const target = targets().find(({ name }) => name === options.target);
if (target === undefined) throw new Error(`no target ${options.target}`);

const result = await new Fuzzer(target, {
  ...options,
  coverage,
  onCase: (fuzzCase) => {
    const encoded = encodeCase(fuzzCase);
    encoded.copy(bytes);
    Atomics.store(counters, 1, Math.min(encoded.length, bytes.length));
    Atomics.add(counters, 0, 1);
  },
}).run();
coverage?.stop();
parentPort?.postMessage(result);
