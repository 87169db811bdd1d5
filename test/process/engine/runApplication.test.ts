import { readdirSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { BufferSource } from '../../../src/dicom/dataSet/byteSources.ts';
import { bytesIn, element } from '../../../src/dicom/dataSet/dicomObject.ts';
import { parsePart10 } from '../../../src/dicom/dataSet/parsePart10.ts';
import type { Application } from '../../../src/process/application.ts';
import type { RunEnding } from '../../../src/process/engine/runTypes.ts';
import type { Sandbox } from '../../../src/process/sandbox/sandboxTypes.ts';
import { RunBench, sha256, testGateModule } from './runSupport.ts';

const benches: RunBench[] = [];
function bench(...options: ConstructorParameters<typeof RunBench>): RunBench {
  const made = new RunBench(...options);
  benches.push(made);
  return made;
}
afterEach(async () => {
  for (const one of benches.splice(0)) await one.close();
});

function finished(ending: RunEnding) {
  if (ending.kind !== 'finished') throw new Error(`the run ended otherwise: ${JSON.stringify(ending)}`);
  return ending.record;
}

const deidentifying: Partial<Application> = {
  steps: [{ step: 'deidentify', profile: 'basic', options: [], burnedIn: [], safePrivate: [] }],
};

test('a header edit gives pieces of the input and of one file, whose digest is that of what they are together', async () => {
  const b = bench();
  const slices = b.slices(40, { rows: 128 });
  const request = b.request();
  const record = finished(await b.run(request));
  expect(record.results).toHaveLength(40);
  for (const [at, result] of record.results.entries()) {
    const bytes = b.bytesOf(result, request);
    expect(sha256(bytes)).toBe(result.sha256);
    expect(bytes.length).toBe(result.size);
    expect(result).toMatchObject({
      kind: 'instance',
      sopInstanceUid: slices[at]?.sopInstanceUid,
      seriesInstanceUid: slices[at]?.seriesInstanceUid,
      from: [at + 1],
    });
    const object = parsePart10(new BufferSource('result', bytes));
    expect(element(object.dataSet, 0x00080080)).toBeUndefined();
    const pixels = element(object.dataSet, 0x7fe00010);
    const original = element(
      parsePart10(new BufferSource('o', slices[at]?.part10() ?? Buffer.alloc(0))).dataSet,
      0x7fe00010,
    );
    if (pixels?.value.kind !== 'bytes' || original?.value.kind !== 'bytes') throw new Error('no pixels');
    expect(bytesIn(pixels.value.bytes).equals(bytesIn(original.value.bytes))).toBe(true);
    expect(result.pieces.some((piece) => 'instance' in piece)).toBe(true);
  }
  expect(readdirSync(request.directory)).toEqual([expect.stringMatching(/^thread-\d+\.bin$/)]);
  expect(record.figures).toMatchObject({ instancesIn: 40, instancesOut: 40, files: 0, quarantined: 0 });
  expect(record.figures.bytesIn).toBe(b.inputs.reduce((sum, { size }) => sum + size, 0));
  expect(record.figures.bytesOut).toBe(record.results.reduce((sum, { size }) => sum + size, 0));
  expect(record.figures.cpuSeconds).toBeGreaterThan(0);
  expect(record.figures.peakMemoryBytes).toBeGreaterThan(0);
  expect(record.outputStudy).toBe(slices[0]?.studyInstanceUid);
  expect(record.steps.map(({ name }) => name)).toEqual(['application', 'strip']);
});

test('bytes that a step puts aside are a piece where they lie', async () => {
  const b = bench();
  b.slices(3);
  const request = b.request({ description: 'aside' });
  const record = finished(await b.run(request));
  for (const result of record.results) {
    expect(result.pieces).toHaveLength(1 + Number('file' in (result.pieces[1] ?? {})));
    expect(sha256(b.bytesOf(result, request))).toBe(result.sha256);
  }
});

test('what is delivered: files, instances or both', async () => {
  const b = bench();
  b.slices(2);
  const kinds = async (deliver: 'results' | 'instances' | 'both') =>
    finished(await b.run(b.request({ description: 'file', deliver }))).results.map(({ kind }) => kind);
  expect(await kinds('results')).toEqual(['file', 'file']);
  expect(await kinds('instances')).toEqual(['instance', 'instance']);
  expect(await kinds('both')).toEqual(['instance', 'file', 'instance', 'file']);
});

test('each input has its outcome; what a step throws is named without its message', async () => {
  const b = bench();
  const [a, c, d, e] = b.slices(5).map(({ sopInstanceUid }) => sopInstanceUid);
  void e;
  const ending = await b.run(b.request({ description: `refuse=${a} leave=${c} throw=${d} strip` }));
  const record = finished(ending);
  expect(record.inputs).toMatchObject([
    { instance: 1, outcome: 'quarantined', code: 'test.refused', reason: 'as asked for' },
    { instance: 2, outcome: 'not-selected', reason: 'as asked for' },
    { instance: 3, outcome: 'quarantined', code: 'instance.step-failed' },
    { instance: 4, outcome: 'used' },
    { instance: 5, outcome: 'used' },
  ]);
  expect(JSON.stringify(ending)).not.toContain('SECRET');
  expect(record.inputs[2]?.reason).toMatch(/^step throw failed: TypeError at testSteps\.ts:\d+$/);
  expect(record.figures).toMatchObject({ instancesIn: 5, instancesOut: 2, notSelected: 1, quarantined: 2 });
});

test('bytes that are not what was received are quarantined, and not hashed anew', async () => {
  const b = bench();
  b.slices(3);
  b.inputs[1] = { ...(b.inputs[1] as (typeof b.inputs)[0]), sha256: '0'.repeat(64) };
  const record = finished(await b.run(b.request()));
  expect(record.inputs[1]).toMatchObject({ outcome: 'quarantined', code: 'input.damaged' });
  expect(record.results).toHaveLength(2);
});

test('inputs that are too large to be read whole are worked on from where they lie', async () => {
  const b = bench({ memoryPerInstance: 1024 * 1024 });
  b.slices(2, { rows: 512 });
  const request = b.request();
  const record = finished(await b.run(request));
  for (const result of record.results) expect(sha256(b.bytesOf(result, request))).toBe(result.sha256);
});

test.each(['exit', 'memory'])('an instance that ends its worker (%s) is quarantined by itself', async (how) => {
  const b = bench({ memoryPerInstance: 2 ** 24 });
  const [, poison] = b.slices(6);
  const request = b.request({ description: `${how}=${poison?.sopInstanceUid} strip` });
  const record = finished(await b.run(request));
  expect(record.inputs.map(({ outcome }) => outcome)).toEqual(['used', 'quarantined', 'used', 'used', 'used', 'used']);
  expect(record.inputs[1]).toMatchObject({ code: 'instance.kills-worker' });
  expect(b.log.lines.map(({ event }) => event)).toEqual(['engine.worker-died', 'engine.poison']);
  for (const result of record.results) expect(sha256(b.bytesOf(result, request))).toBe(result.sha256);
});

test('an instance that takes too long is quarantined by itself, and its worker replaced', async () => {
  const b = bench({ wallPerInstance: 1500 });
  const [, slow] = b.slices(4);
  const record = finished(await b.run(b.request({ description: `hang=${slow?.sopInstanceUid} strip` })));
  expect(record.inputs.map(({ outcome }) => outcome)).toEqual(['used', 'quarantined', 'used', 'used']);
  expect(record.inputs[1]).toMatchObject({ code: 'instance.time-limit' });
});

test('too few instances: the application does not want the unit; too few left of enough: it fails', async () => {
  const b = bench();
  const [a] = b.slices(3);
  expect(await b.run(b.request({ select: { minInstances: 4 } }))).toMatchObject({ kind: 'skipped' });
  const left = await b.run(b.request({ select: { minInstances: 3 }, description: `leave=${a?.sopInstanceUid}` }));
  expect(left).toMatchObject({ kind: 'skipped', reason: expect.stringContaining('2 instances') });
  const broken = await b.run(b.request({ select: { minInstances: 3 }, description: `refuse=${a?.sopInstanceUid}` }));
  expect(broken).toMatchObject({ kind: 'failed', code: 'application.too-few-left', retryable: false });
  expect(await b.run(b.request({ select: { maxInstances: 2 } }))).toMatchObject({ kind: 'skipped' });
  expect(await b.run(b.request({ description: 'refuse' }))).toMatchObject({ code: 'application.too-few-left' });
});

test('an application that wants all or none fails when one instance does', async () => {
  const b = bench();
  const [a] = b.slices(3);
  const termination = { onFailure: 'quarantine', onInstanceFailure: 'quarantine' } as const;
  const ending = await b.run(b.request({ termination, description: `refuse=${a?.sopInstanceUid}` }));
  expect(ending).toMatchObject({ kind: 'failed', code: 'application.instance-failed' });
});

test('an application that de-identifies is refused without a gate, and without keys', async () => {
  const b = bench({ gateModule: undefined });
  b.slices(2);
  expect(await b.run(b.request(deidentifying))).toMatchObject({ kind: 'failed', code: 'gate.absent' });
  const withGate = bench({ gateModule: testGateModule });
  withGate.slices(2);
  const ending = await withGate.run(withGate.request(deidentifying, { keys: undefined }));
  expect(ending).toMatchObject({ kind: 'failed', code: 'application.no-keys' });
});

test('the gate sees what would leave, with what all inputs said; a finding quarantines the instance', async () => {
  const b = bench({ gateModule: testGateModule });
  const [, second] = b.slices(3);
  const clean = await b.run(b.request({ ...deidentifying, description: 'identity' }));
  expect(finished(clean).results).toHaveLength(3);
  expect(clean.kind === 'finished' && clean.identities).toHaveLength(3);
  const description = `identity plant=${second?.sopInstanceUid}`;
  const record = finished(await b.run(b.request({ ...deidentifying, description, deliver: 'both' })));
  expect(record.inputs[1]).toMatchObject({
    outcome: 'quarantined',
    code: 'gate.finding',
    reason: 'test.found: a value',
  });
  expect(record.results.map(({ from }) => from)).toEqual([[1], [3]]);
});

test('instances are looked at also where only files are delivered', async () => {
  const b = bench({ gateModule: testGateModule });
  const [, second] = b.slices(3);
  const description = `identity file taint=${second?.sopInstanceUid}`;
  const record = finished(await b.run(b.request({ ...deidentifying, description, deliver: 'results' })));
  expect(record.inputs[1]).toMatchObject({ outcome: 'quarantined', code: 'gate.finding' });
  expect(record.results.map(({ kind, from }) => [kind, from])).toEqual([
    ['file', [1]],
    ['file', [3]],
  ]);
});

test('a foreign data part is not given what the gate holds back', async () => {
  const b = bench({ gateModule: testGateModule });
  const [, second] = b.slices(3);
  let given: string[] = [];
  const sandbox: Sandbox = {
    available: true,
    run: async ({ inputDirectory }: { inputDirectory: string }) => {
      given = readdirSync(inputDirectory).filter((name) => name.endsWith('.dcm'));
      return { kind: 'finished', files: [], figures: { cpuSeconds: 0, peakMemoryBytes: 0, wallMs: 0 } } as never;
    },
  } as unknown as Sandbox;
  const description = `identity taint=${second?.sopInstanceUid}`;
  const request = b.request({ ...deidentifying, description, deliver: 'results', command: ['x'] });
  const record = finished(await b.run(request, { sandbox: async () => sandbox }));
  expect(record.inputs[1]).toMatchObject({ outcome: 'quarantined', code: 'gate.finding' });
  expect(given).toHaveLength(2);
});

test.each([
  ['not-selected', { kind: 'not-selected', reason: 'x' }],
  ['nothing', undefined],
] as const)('only `done` is a pass of the gate: %s', async (_, answer) => {
  const b = bench({ gateModule: testGateModule });
  b.slices(1);
  const open = b.pool.open.bind(b.pool);
  b.pool.open = (...given) => {
    const run = open(...given);
    return {
      ...run,
      end: () => run.end(),
      do: (items, onAnswer) =>
        items[0]?.do !== 'check' ? run.do(items, onAnswer) : Promise.resolve(answer && onAnswer(answer, 0)),
    };
  };
  const ending = await b.run(b.request({ ...deidentifying, description: 'identity' }));
  expect(ending).toMatchObject({ kind: 'failed', code: 'gate.no-answer' });
});

test('a run that is cancelled ends at once', async () => {
  const b = bench();
  b.slices(2);
  const controller = new AbortController();
  const running = b.run(b.request({ description: 'hang' }, { signal: controller.signal }));
  setTimeout(() => controller.abort(), 200);
  expect(await running).toEqual({ kind: 'cancelled' });
});

test('two results of one name are refused', async () => {
  const b = bench();
  b.slices(2);
  b.inputs.push({ ...(b.inputs[0] as (typeof b.inputs)[0]), id: 99 });
  const record = finished(await b.run(b.request()));
  expect(record.inputs[2]).toMatchObject({ outcome: 'quarantined', code: 'instance.same-uid' });
});
