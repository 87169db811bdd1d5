/** Runs an application over files, with the engine of the gateway: for its author, who has no gateway. */
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { GatewayError } from '../../base/errors.ts';
import { createLog } from '../../base/log.ts';
import { readResult } from '../../process/engine/resultSource.ts';
import { type RunParts, runApplication } from '../../process/engine/runApplication.ts';
import type { RunEnding, RunRequest } from '../../process/engine/runTypes.ts';
import { WorkerPool } from '../../process/engine/workerPool.ts';
import { openSandbox } from '../../process/sandbox/openSandbox.ts';
import type { Sandbox, SandboxUnavailable } from '../../process/sandbox/sandboxTypes.ts';
import type { DeidentificationKeys } from '../../process/step.ts';
import type { ResultRecord } from '../../spool/work/workTypes.ts';
import { type AppResult, type AppRunReport, type AppRunRequest, type AppUnit, totalsOf } from './appRun.ts';
import { conformanceGate } from './conformanceGate.ts';
import { type FileUnit, unitsIn } from './inputFiles.ts';

const poolOptions = { memoryPerInstance: 2 ** 30, wallPerInstance: 5 * 60_000 };
const scannerOptions = { timeout: 30_000, maxSize: 25 * 2 ** 20 };

/** Keys of this run alone: what is made of real data under them can be traced back by nobody. */
function passingKeys(): DeidentificationKeys {
  return { uid: randomBytes(32), dateShift: randomBytes(32), pseudonym: randomBytes(32) };
}

function emptyFolder(path: string): void {
  if (!existsSync(path) || (statSync(path).isDirectory() && readdirSync(path).length === 0)) return;
  throw new GatewayError('is there already and not empty', {
    code: 'app.out-not-empty',
    operation: 'run application',
    subject: path,
    hint: 'name a new folder with --out, so that results of two runs cannot be taken for one',
  });
}

/** The sandbox is opened when the first run asks, once. */
function sandboxOpener(workDirectory: string, hidden: readonly string[]) {
  const log = createLog({ level: 'error', name: 'app-run', fd: 2 });
  let opened: Promise<Sandbox | SandboxUnavailable> | undefined;
  return {
    get: () => {
      opened ??= openSandbox({ workDirectory, hidden: [...hidden], log });
      return opened;
    },
    close: async () => {
      const sandbox = await opened;
      if (sandbox?.available) await sandbox.close();
    },
  };
}

/** Throws `app.out-not-empty` and `scu.no-such-file`; what the application does is in the report. */
export async function runOnFiles(request: AppRunRequest): Promise<AppRunReport> {
  const { application, paths, out, onProgress, signal } = request;
  if (out !== undefined) emptyFolder(out);
  const found = await unitsIn(paths, application.scope);
  const work = await mkdtemp(join(tmpdir(), 'medusa-app-run-'));
  const log = createLog({ level: 'error', name: 'app-run', fd: 2 });
  const gateModule = conformanceGate();
  const pool = new WorkerPool({ ...poolOptions, workers: Math.max(1, availableParallelism() - 1), log, gateModule });
  const sandbox = sandboxOpener(join(work, 'sandbox'), request.hidden);
  const scanner = request.scannerSocket && { address: { socket: request.scannerSocket }, ...scannerOptions };
  const parts: RunParts = { pool, sandbox: sandbox.get, scanner: scanner || undefined, now: () => Date.now() };
  const keys = passingKeys();
  try {
    const units: AppUnit[] = [];
    for (const [at, unit] of found.units.entries()) {
      if (signal.aborted) break;
      onProgress(`${application.scope} ${unit.unit} (${at + 1} of ${found.units.length})`);
      const folder = out === undefined ? undefined : join(out, found.units.length === 1 ? '' : String(at + 1));
      units.push(await runUnit({ ...request, keys, directory: join(work, String(at)) }, unit, parts, folder));
    }
    const { name, version, digest, promisedRatio } = application;
    const totals = totalsOf(units, promisedRatio);
    const { passedOver } = found;
    return { application: name, version, digest, units, passedOver, ...(out && { out: resolve(out) }), totals };
  } finally {
    await sandbox.close();
    await pool.stop();
    await rm(work, { recursive: true, force: true });
  }
}

type UnitRequest = Pick<AppRunRequest, 'application' | 'signal'> & { keys: DeidentificationKeys; directory: string };

async function runUnit(
  { application, signal, keys, directory }: UnitRequest,
  { unit, study, inputs, files }: FileUnit,
  parts: RunParts,
  out: string | undefined,
): Promise<AppUnit> {
  await mkdir(directory, { recursive: true });
  const { scope } = application;
  const stderrFile = `${directory}.stderr`;
  const subject = { route: 'app-run', scope, unit, study, store: 'app-run', priority: 0, revision: 1 };
  const request: RunRequest = { application, subject, inputs, keys, directory, stderrFile, signal };
  const ending = await runApplication(request, parts);
  const said = existsSync(stderrFile) ? lastLines(readFileSync(stderrFile, 'utf8')) : '';
  const results = ending.kind === 'finished' ? await keepResults(ending.record.results, request, out) : [];
  if (ending.kind === 'finished' && out !== undefined) {
    await writeFile(join(out, 'run.json'), `${JSON.stringify(ending.record, null, 2)}\n`);
  }
  return {
    unit,
    ending: ending.kind,
    ...reasonOf(ending),
    inputs: inputsOf(ending, inputs, files),
    results,
    ...(ending.kind === 'finished' && { figures: ending.record.figures }),
    ...(said !== '' && { said }),
  };
}

function reasonOf(ending: RunEnding): Pick<AppUnit, 'code' | 'message' | 'hint'> {
  if (ending.kind === 'failed' || ending.kind === 'unavailable') {
    return { code: ending.code, message: ending.message, hint: ending.hint };
  }
  return ending.kind === 'skipped' ? { message: ending.reason } : {};
}

function inputsOf(ending: RunEnding, inputs: RunRequest['inputs'], files: FileUnit['files']): AppUnit['inputs'] {
  const known = ending.kind === 'finished' ? ending.record.inputs : 'inputs' in ending ? (ending.inputs ?? []) : [];
  return inputs.map(({ id, sopInstanceUid }) => {
    const { outcome, code, reason } = known.find(({ instance }) => instance === id) ?? { outcome: 'unknown' as const };
    const why = { ...(code !== undefined && { code }), ...(reason !== undefined && { reason }) };
    return { file: files.get(id) ?? '', sopInstanceUid, outcome, ...why };
  });
}

const shownLines = 20;
const lastLines = (text: string) => text.trimEnd().split('\n').slice(-shownLines).join('\n');

const pathOf = ({ kind, name, sopInstanceUid }: ResultRecord) =>
  kind === 'file' ? join('results', name) : join('instances', `${sopInstanceUid}.dcm`);

async function keepResults(
  results: readonly ResultRecord[],
  { directory, inputs }: RunRequest,
  out: string | undefined,
): Promise<AppResult[]> {
  const kept: AppResult[] = [];
  for (const result of results) {
    const path = pathOf(result);
    const { kind, contentType, size } = result;
    kept.push({ kind, path, contentType, size });
    if (out === undefined) continue;
    const file = resolve(out, path);
    if (relative(resolve(out), file).startsWith('..')) throw new Error(`result ${path} leads out of the folder`);
    await mkdir(dirname(file), { recursive: true });
    const handle = await open(file, 'wx');
    try {
      for (const bytes of readResult(result, { directory, inputs })) await handle.write(bytes);
    } finally {
      await handle.close();
    }
  }
  return kept;
}
