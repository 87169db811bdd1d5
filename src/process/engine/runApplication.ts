/** One task of a split application, end to end, apart from spool and gateway: inputs in, result files and a record out. */
import { GatewayError } from '../../base/errors.ts';
import type { ResultRecord } from '../../spool/work/workTypes.ts';
import type { Sandbox, SandboxFigures, SandboxUnavailable } from '../sandbox/sandboxTypes.ts';
import type { ScannerSettings } from '../steps/clamd.ts';
import { runDataPart } from './dataPart.ts';
import { judge, keepApart } from './judge.ts';
import type { WorkAnswer, WorkItem } from './protocol.ts';
import { runRecord } from './runRecord.ts';
import { failed, RunState, RunStop } from './runState.ts';
import type { RunEnding, RunRequest } from './runTypes.ts';
import type { PoolRun, WorkerPool } from './workerPool.ts';

export type RunParts = {
  pool: WorkerPool;
  /** Asked for when an application has a foreign data part. */
  sandbox: (() => Promise<Sandbox | SandboxUnavailable>) | undefined;
  scanner: ScannerSettings | undefined;
  /** Milliseconds since 1970. */
  now(): number;
};

/**
 * Runs `application` over `inputs`. Never rejects for what is wrong with them or with the application: that is a `failed`
 * ending. Files are written and closed when it resolves with `finished`; to sync them, and to remove what else lies in the
 * directory, is the caller's (ResultStore.commit does both).
 */
export async function runApplication(request: RunRequest, parts: RunParts): Promise<RunEnding> {
  const { application, inputs, keys, directory, signal, subject } = request;
  const state = new RunState(inputs);
  let run: PoolRun | undefined;
  const end = () => run?.end();
  try {
    refuseWhatCannotBe(request, parts);
    const sandbox = await sandboxFor(request, parts);
    run = parts.pool.open(
      { application, keys, directory, scanner: parts.scanner, wantsInstances: wantsInstances(request), identities: [] },
      subject.priority,
    );
    signal?.addEventListener('abort', end);
    const startedAt = performance.now();
    await applyBuiltInSteps(run, state, request);
    let made: { results: ResultRecord[]; figures: SandboxFigures } | undefined;
    // Of all inputs, also of those that are quarantined from here on.
    if (deidentifies(request)) run.update({ identities: state.identities });
    await askGateOfSteps(run, state, request);
    if (sandbox !== undefined) made = await runDataPart(request, state, { run, sandbox, answered: refuseToGoOn });
    if (deidentifies(request)) await askGate(run, state, { results: made?.results ?? [], madeBy: 'data-part' });
    const results = leaving(state, request, made?.results ?? []);
    refuseDoubles(results);
    run.end();
    const cost = {
      cpuSeconds: run.cpuSeconds + (made?.figures.cpuSeconds ?? 0),
      peakMemoryBytes: Math.max(run.peakMemory, made?.figures.peakMemoryBytes ?? 0),
      wallMs: Math.round(performance.now() - startedAt),
    };
    const record = runRecord(request, state, { results, cost, finishedAt: parts.now() });
    return {
      kind: 'finished',
      record,
      identities: state.identities,
      infected: state.infected,
      unscanned: state.unscanned,
    };
  } catch (error) {
    if (signal?.aborted) return { kind: 'cancelled' };
    return state.ended(stopFor(error));
  } finally {
    signal?.removeEventListener('abort', end);
    run?.end();
  }
}

export const deidentifies = ({ application }: Pick<RunRequest, 'application'>): boolean =>
  application.steps.some(({ step }) => step === 'deidentify');

/** The gate sees them also where only files leave: what is made of an instance is as clean as that is. */
const wantsInstances = (request: RunRequest) =>
  request.application.deliver !== 'results' || request.application.command !== undefined || deidentifies(request);

/** Nothing fails open: what would be needed for the promise and is not there ends the run before it begins. */
function refuseWhatCannotBe(request: RunRequest, { pool }: RunParts): void {
  if (!deidentifies(request)) return;
  if (request.keys === undefined) {
    throw failed('application.no-keys', 'there is no site key to de-identify with', 'see docs/split-applications.md');
  }
  if (!pool.hasGate) {
    throw failed(
      'gate.absent',
      'there is no conformance gate, so nothing de-identified may leave',
      'update the gateway',
    );
  }
}

async function sandboxFor({ application }: RunRequest, { sandbox }: RunParts): Promise<Sandbox | undefined> {
  if (application.command === undefined) return undefined;
  const opened = await sandbox?.();
  if (opened?.available) return opened;
  const { error } = opened ?? {};
  throw new RunStop({
    kind: 'unavailable',
    code: 'sandbox.unavailable',
    message: error?.message ?? 'foreign data parts cannot be run here',
    hint: error?.hint ?? 'see docs/split-applications.md',
    retryable: true,
  });
}

async function applyBuiltInSteps(run: PoolRun, state: RunState, { application, inputs }: RunRequest): Promise<void> {
  const { minInstances = 0 } = application.select;
  if (inputs.length < minInstances) {
    throw new RunStop({ kind: 'skipped', reason: `${inputs.length} instances, fewer than ${minInstances}` });
  }
  const items = inputs.map((input): WorkItem => ({ do: 'steps', input }));
  await run.do(items, (answer, index) => {
    refuseToGoOn(answer);
    const input = inputs[index];
    if (input === undefined) return;
    if (answer.kind === 'passed') state.pass(input, answer);
    else if (answer.kind === 'not-selected') state.leaveOut(input, answer.reason);
    else if (answer.kind === 'refused') state.quarantine(input, answer.code, answer.reason);
  });
  keepApart(state);
  judge(state, application);
}

/** What is away is away for every item: the rest is not tried. */
function refuseToGoOn(answer: WorkAnswer): void {
  if (answer.kind !== 'unavailable' && answer.kind !== 'interrupted') return;
  const { code, reason: message, hint } = answer;
  throw new RunStop({
    kind: answer.kind === 'unavailable' ? 'unavailable' : 'failed',
    code,
    message,
    hint,
    retryable: true,
  });
}

/** What is delivered: of the steps, of the data part, or both. */
function leaving(state: RunState, { application }: RunRequest, made: ResultRecord[]): ResultRecord[] {
  const { deliver } = application;
  const ofSteps = state.results.filter(({ kind }) =>
    kind === 'instance' ? deliver !== 'results' : deliver !== 'instances',
  );
  return deliver === 'instances' ? ofSteps : [...ofSteps, ...made];
}

/**
 * The gate first looks at what the steps made, before a data part is given any of it: all instances, whether they are delivered
 * or not, and the files that are. A finding quarantines the instance. Nothing touches these bytes afterwards, so they are not
 * looked at again.
 */
async function askGateOfSteps(run: PoolRun, state: RunState, request: RunRequest): Promise<void> {
  if (!deidentifies(request)) return;
  const { deliver } = request.application;
  const results = state.results.filter(({ kind }) => kind === 'instance' || deliver !== 'instances');
  await askGate(run, state, { results, madeBy: 'steps' });
  judge(state, request.application);
}

type Made = { results: readonly ResultRecord[]; madeBy: 'steps' | 'data-part' };

/** Only the answer `done` is a pass. A finding in what a data part has had its hands on ends the run. */
async function askGate(run: PoolRun, state: RunState, { results, madeBy }: Made): Promise<void> {
  const byId = new Map(state.inputs.map((input) => [input.id, input]));
  const inputsOf = (ids: Iterable<number>) => [...new Set(ids)].flatMap((id) => byId.get(id) ?? []);
  const items = results.map((result): WorkItem => {
    const inPieces = result.pieces.flatMap((piece) => ('instance' in piece ? [piece.instance] : []));
    const isOfOne = madeBy === 'steps' && result.kind === 'instance' && result.from.length === 1;
    const [original] = isOfOne ? inputsOf(result.from) : [];
    return { do: 'check', madeBy, result, inputs: inputsOf(inPieces), original };
  });
  const answered = new Set<number>();
  await run.do(items, (answer, index) => {
    refuseToGoOn(answer);
    answered.add(index);
    if (answer.kind === 'done') return;
    if (answer.kind !== 'refused') throw noAnswer(answer.kind);
    const from = results[index]?.from ?? [];
    const input = from.length === 1 ? byId.get(from[0] ?? -1) : undefined;
    if (input === undefined || madeBy === 'data-part') {
      const hint = 'nothing was delivered. What was found is named; mend the application, then try the task again';
      throw failed(answer.code, `the conformance gate holds results back: ${answer.reason}`, hint);
    }
    if (state.passed.has(input.id)) state.quarantine(input, answer.code, answer.reason);
  });
  if (answered.size !== items.length) throw noAnswer('none');
}

const noAnswer = (what: string) =>
  failed(
    'gate.no-answer',
    `the conformance gate did not say of every result that it may leave (${what})`,
    'nothing was delivered. This is a fault of the gateway: report it with the log',
  );

function refuseDoubles(results: readonly ResultRecord[]): void {
  const seen = new Set<string>();
  for (const { kind, name, sopInstanceUid } of results) {
    const key = kind === 'file' ? `file ${name}` : `instance ${sopInstanceUid}`;
    if (seen.has(key)) {
      const what = kind === 'file' ? 'the same name' : 'the same SOP Instance UID';
      throw failed(
        'application.same-name',
        `two results have ${what}`,
        'they would overwrite each other: mend the application',
      );
    }
    seen.add(key);
  }
}

function stopFor(error: unknown): RunStop['ending'] {
  if (error instanceof RunStop) return error.ending;
  if (error instanceof GatewayError) {
    const { code, message, hint = '', retryable } = error;
    return { kind: retryable ? 'unavailable' : 'failed', code, message, hint, retryable };
  }
  const { code } = (error ?? {}) as NodeJS.ErrnoException;
  const isDisk = code === 'ENOSPC' || code === 'EDQUOT' || code === 'EIO' || code === 'EROFS';
  const what = isDisk
    ? `the disk answers ${code}`
    : `the engine failed: ${code ?? (error instanceof Error ? error.name : 'unknown')}`;
  return {
    kind: isDisk ? 'unavailable' : 'failed',
    code: isDisk ? 'engine.disk' : 'engine.failed',
    message: what,
    hint: isDisk
      ? 'free space on the disk of stateDirectory'
      : 'this is a fault of the gateway: report it with the log',
    retryable: true,
  };
}
