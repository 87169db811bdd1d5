/**
 * npm run fuzz -- --cases 1000000 [--target NAME] [--seed N] [--seconds N] [--unguided] [--replay BASE64]
 *
 * Fuzzes every target (test/fuzz/targets), or one, and prints a table for people and, as its last line, one JSON object:
 * {ok, cases, seconds, seed, targets: [...], failures: [...]}. A failure comes with the smallest case that shows it, in
 * base64: `--target NAME --replay BASE64` runs it again; kept under test/fuzz/regressions it is run by every `npm test`.
 */
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { decodeCase } from './fuzzCase.ts';
import type { Failure, TargetResult } from './fuzzer.ts';
import { seedsMissing } from './seeds.ts';
import type { Target } from './target.ts';
import { targets } from './targets/index.ts';
import type { WorkerOptions } from './worker.ts';

/** No case takes longer, by far: one that does hangs. */
const hangMs = 60_000;
const caseBytes = 1024 * 1024;

const usage = `npm run fuzz -- [--cases N] [--target ${targets()
  .map(({ name }) => name)
  .join('|')}] [--seed N] [--seconds N] [--unguided] [--replay BASE64]`;

function options() {
  try {
    return parseArgs({
      options: {
        cases: { type: 'string' },
        target: { type: 'string' },
        seed: { type: 'string', default: '1' },
        seconds: { type: 'string', default: '86400' },
        unguided: { type: 'boolean', default: false },
        replay: { type: 'string' },
      },
    }).values;
  } catch {
    console.error(usage);
    process.exit(2);
  }
}

async function fuzz(target: Target, settings: Omit<WorkerOptions, 'current' | 'target'>): Promise<TargetResult> {
  const current = new SharedArrayBuffer(8 + caseBytes);
  const counters = new Int32Array(current, 0, 2);
  const workerData: WorkerOptions = { ...settings, target: target.name, current };
  const worker = new Worker(new URL('./worker.ts', import.meta.url), {
    workerData,
    resourceLimits: { maxOldGenerationSizeMb: 1024 },
  });
  /** The thread is lost: the case that it had begun is what did it. */
  const lost = (message: string): TargetResult => {
    const encoded = Buffer.from(current, 8, Atomics.load(counters, 1));
    const failure: Failure = {
      target: target.name,
      message,
      seed: settings.seed,
      reproducer: Buffer.from(encoded).toString('base64'),
    };
    const cases = Atomics.load(counters, 0);
    return { name: target.name, cases, seconds: 0, features: 0, kept: 0, failures: [failure] };
  };
  let seen = -1;
  return new Promise((resolve) => {
    const watch = setInterval(() => {
      const begun = Atomics.load(counters, 0);
      if (begun === seen && begun > 0) {
        void worker.terminate();
        resolve(lost(`hangs: more than ${hangMs} ms`));
      }
      seen = begun;
    }, hangMs);
    worker.once('message', resolve);
    worker.once('error', (error) => resolve(lost(`the thread died: ${error.message}`)));
    worker.once('exit', () => clearInterval(watch));
  });
}

async function replay(target: Target | undefined, base64: string): Promise<boolean> {
  if (target === undefined) throw new Error('--replay needs --target');
  try {
    await target.run(decodeCase(Buffer.from(base64, 'base64')), (feature) => console.log(feature));
    console.log(`${target.name}: holds`);
    return true;
  } catch (error) {
    console.log(error);
    return false;
  }
}

function report(result: TargetResult): void {
  const { name, cases, seconds, features, kept, coverage, failures } = result;
  const reached = coverage ? `${Math.round((100 * coverage.reached) / coverage.of)} %` : '-';
  const columns = [name.padEnd(12), String(cases).padStart(9), `${seconds.toFixed(1)} s`.padStart(9)];
  console.log(
    `${columns.join(' ')} ${String(features).padStart(9)} ${String(kept).padStart(6)} ${reached.padStart(9)}  ${failures.length}`,
  );
  for (const failure of failures) console.log(`  ${failure.message}\n  seed ${failure.seed}, ${failure.reproducer}`);
}

const given = options();
const chosen = targets().filter(({ name }) => given.target === undefined || name === given.target);
if (chosen.length === 0) {
  console.error(usage);
  process.exit(2);
}
if (given.replay !== undefined) process.exit((await replay(chosen[0], given.replay)) ? 0 : 1);

const weights = chosen.reduce((sum, { weight }) => sum + weight, 0);
const seed = Number(given.seed);
const started = performance.now();
if (seedsMissing) console.log(seedsMissing);
console.log('target           cases   seconds  features   kept  coverage  failures');
const results: TargetResult[] = [];
for (const target of chosen) {
  const share = target.weight / weights;
  const cases = Math.ceil(Number(given.cases ?? 100_000) * share);
  const result = await fuzz(target, { cases, seconds: Number(given.seconds) * share, seed, guided: !given.unguided });
  report(result);
  results.push(result);
}
const failures = results.flatMap((result) => result.failures);
const cases = results.reduce((sum, result) => sum + result.cases, 0);
const seconds = Math.round((performance.now() - started) / 1000);
const figures = results.map(({ failures: found, ...rest }) => ({ ...rest, failures: found.length }));
console.log(JSON.stringify({ ok: failures.length === 0, cases, seconds, seed, targets: figures, failures }));
process.exitCode = failures.length === 0 ? 0 : 1;
