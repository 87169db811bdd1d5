/** Runs a foreign data part over the instances that the steps left, and takes over what it wrote. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { removeTree } from '../../base/removeTree.ts';
import type { ResultRecord } from '../../spool/work/workTypes.ts';
import type { OutputFile, Sandbox, SandboxFigures, SandboxOutcome, StudyFile } from '../sandbox/sandboxTypes.ts';
import type { WorkAnswer, WorkItem } from './protocol.ts';
import { failed, type RunState, RunStop } from './runState.ts';
import type { RunRequest } from './runTypes.ts';
import type { PoolRun } from './workerPool.ts';

/** Where `directory` keeps what is only for the data part; gone when the run ends. */
export const stageName = 'stage';

export type DataPartParts = { run: PoolRun; sandbox: Sandbox; answered: (answer: WorkAnswer) => void };

/** Throws RunStop for everything that the program does wrong. */
export async function runDataPart(
  request: RunRequest,
  state: RunState,
  { run, sandbox, answered }: DataPartParts,
): Promise<{ results: ResultRecord[]; figures: SandboxFigures }> {
  const stage = join(request.directory, stageName);
  const [inputDirectory, outputDirectory] = [join(stage, 'input'), join(stage, 'output')];
  mkdirSync(inputDirectory, { recursive: true, mode: 0o750 });
  mkdirSync(outputDirectory, { mode: 0o750 });
  try {
    const staged = await stageInstances(request, state, { run, answered, inputDirectory });
    const outcome = await sandbox.run({
      application: request.application,
      ...{ inputDirectory, outputDirectory },
      stderrFile: request.stderrFile ?? join(stage, 'stderr.txt'),
      signal: request.signal ?? new AbortController().signal,
    });
    if (outcome.kind === 'failed') throw stopOf(outcome, request.application.name);
    const results = await collect(outcome.files, staged, { run, answered, outputDirectory });
    checkStudy(results, state);
    return { results: results.map(({ result }) => result), figures: outcome.figures };
  } finally {
    // What made the run fail counts. The store removes whatever stays, with the directory or when it is made durable.
    await removeTree(stage).catch(() => undefined);
  }
}

/** Returns which input each file name stands for. */
async function stageInstances(
  request: RunRequest,
  state: RunState,
  { run, answered, inputDirectory }: Pick<DataPartParts, 'run' | 'answered'> & { inputDirectory: string },
): Promise<Map<string, number>> {
  const staged = new Map<string, number>();
  const items: WorkItem[] = [];
  const instances: StudyFile['instances'] = [];
  for (const input of state.inputs) {
    const passed = state.passed.get(input.id);
    const [result] = passed?.results ?? [];
    if (passed === undefined || result === undefined) continue;
    const file = `${String(staged.size + 1).padStart(6, '0')}.dcm`;
    staged.set(file, input.id);
    items.push({ do: 'stage', path: join(inputDirectory, file), result, inputs: [input] });
    instances.push({
      file,
      sopClassUid: result.sopClassUid ?? '',
      sopInstanceUid: result.sopInstanceUid ?? '',
      seriesInstanceUid: result.seriesInstanceUid ?? '',
      transferSyntaxUid: result.transferSyntaxUid ?? '',
      modality: passed.about.modality,
      size: result.size,
    });
  }
  await run.do(items, (answer) => {
    answered(answer);
    if (answer.kind === 'refused') throw failed(answer.code, answer.reason, 'see the log');
  });
  const study: StudyFile = {
    format: 'medusa.study/1',
    scope: request.application.scope,
    studyInstanceUid: state.about.study,
    instances,
    left: leftOut(state),
  };
  writeFileSync(join(inputDirectory, 'study.json'), `${JSON.stringify(study, null, 2)}\n`, { mode: 0o440 });
  return staged;
}

function leftOut(state: RunState): StudyFile['left'] {
  const counts = new Map<string, StudyFile['left'][number]>();
  for (const { outcome, code = 'not-selected' } of state.outcomes) {
    if (outcome === 'used') continue;
    const known = counts.get(`${outcome} ${code}`);
    if (known === undefined) counts.set(`${outcome} ${code}`, { outcome, code, count: 1 });
    else known.count += 1;
  }
  return [...counts.values()];
}

type Collected = Extract<WorkAnswer, { kind: 'collected' }>;

async function collect(
  files: readonly OutputFile[],
  staged: ReadonlyMap<string, number>,
  { run, answered, outputDirectory }: Pick<DataPartParts, 'run' | 'answered'> & { outputDirectory: string },
): Promise<Collected[]> {
  const everything = [...staged.values()];
  const items = files.map(({ path, contentType, from, dicom }): WorkItem => {
    const named = from.flatMap((file) => staged.get(basename(file)) ?? []);
    return {
      do: 'collect',
      path: join(outputDirectory, path),
      ...{ name: path, contentType, isDicom: dicom },
      // A result names where it is from, or is from everything.
      from: named.length > 0 ? [...new Set(named)] : everything,
    };
  });
  const collected: Collected[] = [];
  await run.do(items, (answer, index) => {
    answered(answer);
    if (answer.kind === 'refused') {
      throw failed(answer.code, answer.reason, 'the program has to be mended: see docs/data-part-contract.md');
    }
    if (answer.kind === 'collected') collected[index] = answer;
  });
  return collected;
}

/** An object of a study that the program made up, or remembers, would be filed where nobody looks for it. */
function checkStudy(results: readonly Collected[], state: RunState): void {
  const { study } = state.about;
  for (const { result, study: its } of results) {
    if (result.kind !== 'instance' || its === study) continue;
    throw failed(
      'application.other-study',
      'the data part wrote a DICOM object of another study than it was given',
      'it has to use the Study Instance UID of its input',
    );
  }
}

function stopOf(outcome: Extract<SandboxOutcome, { kind: 'failed' }>, name: string): RunStop {
  const { cause, message, stderrFile } = outcome;
  const words = stderrFile === undefined ? '' : `; its last words are in ${stderrFile}`;
  if (cause === 'unavailable') {
    const hint = 'see docs/split-applications.md; what waits is tried again by itself';
    return new RunStop({ kind: 'unavailable', code: 'sandbox.unavailable', message, hint, retryable: true });
  }
  // A program that wrote what it should not does so again; the rest may have been the machine's doing.
  const retryable = cause !== 'bad-result' && cause !== 'output-size';
  return failed(
    `application.${cause}`,
    `data part of ${name}: ${message}`,
    `mend the program or its limits${words}`,
    retryable,
  );
}
