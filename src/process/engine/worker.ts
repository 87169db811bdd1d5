/**
 * A worker thread: takes batches of items, answers each. Runs at a low CPU priority: reception comes first whenever both want
 * the processor, and the work still goes on when all processors are busy.
 */
import { readlinkSync } from 'node:fs';
import { setPriority } from 'node:os';
import { getHeapStatistics } from 'node:v8';
import { parentPort, workerData } from 'node:worker_threads';
import type { CreateGate } from './gate.ts';
import { InputReader } from './inputReader.ts';
import type { FromWorker, RunSetup, ToWorker, WorkAnswer, WorkerData } from './protocol.ts';
import { RunWork, type ThreadParts } from './runWork.ts';
import type { StepsOf } from './stepTable.ts';

const { thread, begun, memoryPerInstance, stepsModule, gateModule } = workerData as WorkerData;
const begunCount = new Int32Array(begun);
const port = parentPort;
if (port === null) throw new Error('worker.ts runs as a worker thread only');
const say = (message: FromWorker) => port.postMessage(message);

/** On a processor that others want as well it gets about a thirtieth; at 19 it would be less than half of that. */
const niceness = 15;
lowerPriority();
const { stepsOf } = (await import(stepsModule)) as { stepsOf: StepsOf };
const { createGate } =
  gateModule === undefined ? { createGate: undefined } : ((await import(gateModule)) as { createGate: CreateGate });
const parts: ThreadParts = { thread, reader: new InputReader(memoryPerInstance), stepsOf, createGate };
const runs = new Map<number, RunWork>();

/** One message after the other, whatever the steps wait for. */
let turn: Promise<void> = Promise.resolve();
port.on('message', (message: ToWorker) => {
  turn = turn.then(() => handle(message));
});
say({ kind: 'ready' });

async function handle(message: ToWorker): Promise<void> {
  switch (message.kind) {
    case 'setup':
      setUp(message.setup);
      return;
    case 'work':
      await work(message.run, message.items);
      return;
    case 'end':
      runs.get(message.run)?.close();
      runs.delete(message.run);
  }
}

function setUp(setup: RunSetup): void {
  runs.set(setup.run, new RunWork(setup, parts, runs.get(setup.run)));
}

async function work(run: number, items: Extract<ToWorker, { kind: 'work' }>['items']): Promise<void> {
  const running = runs.get(run);
  const before = process.threadCpuUsage();
  const answers: WorkAnswer[] = [];
  let peakMemory = 0;
  for (const item of items) {
    Atomics.add(begunCount, 0, 1);
    if (running === undefined) throw new Error(`run ${run} was not set up`);
    answers.push(await running.do(item));
    const { used_heap_size, external_memory } = getHeapStatistics();
    peakMemory = Math.max(peakMemory, used_heap_size + external_memory);
  }
  const unwritten = running?.flush();
  if (unwritten !== undefined) answers.fill(unwritten);
  const { user, system } = process.threadCpuUsage(before);
  say({ kind: 'answers', answers, cpuSeconds: (user + system) / 1e6, peakMemory });
}

/** Linux has a nice value for each thread; os.setPriority takes its id as well as a process's. */
function lowerPriority(): void {
  const id = Number(/\/task\/(\d+)$/.exec(readlinkSync('/proc/thread-self'))?.[1]);
  if (Number.isInteger(id)) setPriority(id, niceness);
}
