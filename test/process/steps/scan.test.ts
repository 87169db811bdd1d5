import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BufferSource } from '../../../src/dicom/dataSet/byteSources.ts';
import type { DicomObject } from '../../../src/dicom/dataSet/dicomObject.ts';
import { parsePart10 } from '../../../src/dicom/dataSet/parsePart10.ts';
import type { InstanceStep, StepContext, StepOutcome } from '../../../src/process/step.ts';
import { parseAnswer, type ScannerSettings, scanStream } from '../../../src/process/steps/clamd.ts';
import { notScanned } from '../../../src/process/steps/notScanned.ts';
import { createScan } from '../../../src/process/steps/scan.ts';
import { ctStudy, tinyStudy } from '../../../synthetic/index.ts';
import { Clamd, clamdMissing, eicar } from '../../support/clamd.ts';

const context = {} as StepContext;

function object(rows = 64): DicomObject {
  const [slice] = ctStudy({ slices: 1, rows, columns: rows });
  return parsePart10(new BufferSource('input', slice?.part10() ?? Buffer.alloc(0)));
}

/** As an object would have it: an encapsulated PDF, padded. */
function withDocument(document: Buffer): DicomObject {
  const [tiny] = tinyStudy({ instances: 1 });
  const base = parsePart10(new BufferSource('input', tiny?.part10() ?? Buffer.alloc(0)));
  const padded = document.length % 2 === 0 ? document : Buffer.concat([document, Buffer.alloc(1)]);
  const element = { tag: 0x00420011, vr: 'OB', value: { kind: 'bytes' as const, bytes: padded } };
  const elements = [...base.dataSet.elements, element].sort((a, b) => a.tag - b.tag);
  return { ...base, dataSet: { elements } };
}

const apply = async (step: InstanceStep, one: DicomObject): Promise<StepOutcome> => step.apply(one, context);

describe('what clamd says', () => {
  test.each([
    ['stream: OK', { kind: 'clean' }],
    ['stream: Win.Test.EICAR_HDB-1 FOUND', { kind: 'found', signature: 'Win.Test.EICAR_HDB-1' }],
    ['stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND', { kind: 'too-large' }],
    ['INSTREAM size limit exceeded. ERROR', { kind: 'too-large' }],
    ["stream: Can't allocate memory ERROR", { kind: 'error' }],
    ['OK', { kind: 'error' }],
    ['', { kind: 'error' }],
    ['stream: OK FOUND OK', { kind: 'error' }],
  ])('%s', (line, verdict) => {
    expect(parseAnswer(line)).toMatchObject(verdict);
  });
});

describe.skipIf(clamdMissing !== undefined)(`step scan with clamd ${clamdMissing ?? ''}`, () => {
  let clamd: Clamd;
  let scanner: ScannerSettings;
  beforeAll(async () => {
    clamd = await new Clamd('StreamMaxLength 2M').start();
    scanner = { address: { socket: clamd.socket }, timeout: 5_000, maxSize: 25 * 2 ** 20 };
  });
  afterAll(() => clamd.remove());

  test('a clean object passes as it is', async () => {
    const one = object();
    const outcome = await apply(createScan('wait', scanner), one);
    expect(outcome).toMatchObject({ kind: 'pass', object: one, applied: { detail: 'clean, by clamd' } });
  });

  test('a hit anywhere in the object is refused with its signature', async () => {
    const one = object();
    const elements = [...one.dataSet.elements];
    elements.push({
      tag: 0x7fe10010,
      vr: 'OB',
      value: { kind: 'bytes', bytes: Buffer.concat([eicar, Buffer.alloc(1)]) },
    });
    const outcome = await apply(createScan('pass', scanner), { ...one, dataSet: { elements } });
    expect(outcome).toMatchObject({ kind: 'refused', code: 'scan.infected' });
    expect(outcome.kind === 'refused' && outcome.reason).toBe('clamd found Medusa.Test.Eicar.UNOFFICIAL in the object');
  });

  test('a hit in an encapsulated document says so', async () => {
    const outcome = await apply(createScan('wait', scanner), withDocument(eicar));
    expect(outcome).toMatchObject({
      code: 'scan.infected',
      reason: expect.stringContaining('encapsulated document (0042,0011)'),
    });
  });

  test('what clamd does not take, or does not look through, is not clean', async () => {
    const large = object(1200); // 2.9 MB
    expect(await apply(createScan('pass', scanner), large)).toMatchObject({ kind: 'refused', code: 'scan.too-large' });
    const small = { ...scanner, maxSize: 4096 };
    expect(await apply(createScan('pass', small), object())).toMatchObject({ code: 'scan.too-large' });
  });

  test('away: wait is an error that is tried again, pass is recorded', async () => {
    const gone: ScannerSettings = { ...scanner, address: { socket: `${clamd.folder}/nobody.sock` } };
    await expect(apply(createScan('wait', gone), object())).rejects.toMatchObject({
      code: 'scan.unavailable',
      retryable: true,
    });
    await expect(apply(createScan('wait', undefined), object())).rejects.toMatchObject({ code: 'scan.unavailable' });
    const passed = await apply(createScan('pass', gone), object());
    expect(passed).toMatchObject({ kind: 'pass', applied: { detail: notScanned } });
    const tcp: ScannerSettings = { ...scanner, address: { host: '127.0.0.1', port: 1 } };
    await expect(apply(createScan('wait', tcp), object())).rejects.toMatchObject({ code: 'scan.unavailable' });
  });

  test('one that says nothing is away after the timeout', async () => {
    clamd.pause();
    try {
      const impatient = { ...scanner, timeout: 300 };
      for (const whenAway of ['wait', 'pass'] as const) {
        const step = createScan(whenAway, impatient);
        await expect(apply(step, object())).rejects.toMatchObject({ code: 'scan.interrupted', retryable: true });
      }
    } finally {
      clamd.resume();
    }
    expect(await apply(createScan('wait', scanner), object())).toMatchObject({ kind: 'pass' });
  });

  test('killed in the middle of a stream: not clean, tried again; it works when clamd is back', async () => {
    const chunk = Buffer.alloc(64 * 1024);
    function* dyingMidway() {
      yield chunk;
      yield chunk;
      void clamd.kill();
      // The stream goes on until the socket notices.
      for (let i = 0; i < 1000; i++) yield chunk;
    }
    const verdict = await scanStream(dyingMidway(), scanner);
    expect(verdict).toMatchObject({ kind: 'away', midway: true });
    await clamd.kill();
    await expect(apply(createScan('wait', scanner), object())).rejects.toMatchObject({ code: 'scan.unavailable' });
    await clamd.start();
    expect(await apply(createScan('wait', scanner), object())).toMatchObject({ kind: 'pass' });
  });
});
