/**
 * One application over a folder, again and again, in a process that is held to one core (onOneCore.ts): reading, checking,
 * parsing, steps, encoding, hashing, the conformance gate. Prints one JSON object: `cold` from the start of the process to the
 * end of the first run, as a program is started anew; `warm` of each further run, as a daemon works. `cpu` is of all threads.
 *
 * Arguments: manifest file, folder, folder to work in, warm runs.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createMemoryLog } from '../../src/base/log.ts';
import { conformanceGate } from '../../src/gateway/applications/conformanceGate.ts';
import { unitsIn } from '../../src/gateway/applications/inputFiles.ts';
import { runApplication } from '../../src/process/engine/runApplication.ts';
import { WorkerPool } from '../../src/process/engine/workerPool.ts';
import { loadManifest } from '../../src/process/manifest/parseManifest.ts';

const [manifest = '', folder = '', work = '', warmRuns = '1'] = process.argv.slice(2);
const loaded = loadManifest(manifest);
if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
const { application } = loaded;
const { log } = createMemoryLog();
const pool = new WorkerPool({
  ...{ workers: 1, memoryPerInstance: 2 ** 29, wallPerInstance: 300_000, log, gateModule: conformanceGate() },
});
const keys = { uid: randomBytes(32), dateShift: randomBytes(32), pseudonym: randomBytes(32) };
const { units } = await unitsIn([folder], 'study');

const secondsOf = ({ user, system }: NodeJS.CpuUsage) => (user + system) / 1e6;

async function run(number: number) {
  const directory = join(work, `run-${number}`);
  mkdirSync(directory, { recursive: true });
  let bytesIn = 0;
  let bytesOut = 0;
  const begun = performance.now();
  const before = process.cpuUsage();
  for (const { unit, study, inputs } of units) {
    const subject = { route: 'bench', scope: 'study', unit, study, store: 'bench', priority: 0, revision: 1 } as const;
    const request = { application, subject, inputs, keys, directory };
    const ending = await runApplication(request, { pool, sandbox: undefined, scanner: undefined, now: Date.now });
    if (ending.kind !== 'finished') throw new Error(JSON.stringify({ ...ending, inputs: undefined }));
    const { figures } = ending.record;
    if (figures.instancesOut + figures.files === 0 || figures.quarantined > 0) throw new Error('instances were lost');
    bytesIn += figures.bytesIn;
    bytesOut += figures.bytesOut;
  }
  const time = { wall: (performance.now() - begun) / 1000, cpu: secondsOf(process.cpuUsage(before)) };
  rmSync(directory, { recursive: true });
  return { time, bytesIn, bytesOut };
}

const first = await run(0);
const cold = { wall: performance.now() / 1000, cpu: secondsOf(process.cpuUsage()) };
const warm: Array<{ wall: number; cpu: number }> = [];
for (let number = 1; number <= Number(warmRuns); number++) warm.push((await run(number)).time);
await pool.stop();
const instances = units.reduce((sum, { inputs }) => sum + inputs.length, 0);
const { bytesIn, bytesOut } = first;
process.stdout.write(`${JSON.stringify({ instances, bytesIn, bytesOut, cold, warm })}\n`);
