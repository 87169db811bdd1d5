/** The split section in small: real runs, real programs beside, and figures that are compared with the right ones. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadgenMissing } from '../../bench/loadgen.ts';
import { builtIn, loadApplication, namesFor } from '../../bench/split/applications.ts';
import { type CodecImageRow, measureCodecImages } from '../../bench/split/codecImages.ts';
import { measureDeidentifying } from '../../bench/split/deidentifying.ts';
import { lastCore, timed } from '../../bench/split/oneCore.ts';
import { measureBeside } from '../../bench/split/receptionBeside.ts';
import { deidentifyingTable, type SplitMeasured, savingTable, splitSummary } from '../../bench/split/report.ts';
import { measureRuns } from '../../bench/split/runs.ts';
import { studyPlan } from '../../bench/split/studies.ts';
import { ctStudy, usMultiFrame } from '../../synthetic/index.ts';
import { createTestPki } from '../support/certificates.ts';
import { hasProgram } from '../support/programs.ts';

const directory = mkdtempSync(join(tmpdir(), 'split-bench-'));
afterAll(() => rmSync(directory, { recursive: true, force: true, maxRetries: 3 }));
const quiet = { say: () => {}, deadline: Number.POSITIVE_INFINITY };

describe('split figures', () => {
  const nothing: SplitMeasured = {
    rows: [],
    deidentifying: { rows: [], instances: 0, couldNotRun: {} },
    codecs: [],
    beside: { rounds: [], couldNotRun: {} },
  };

  it('have the fixed keys; what was not measured is null', () => {
    expect(splitSummary(nothing)).toMatchObject({
      split: [],
      deidentifyPerSecondPerCore: null,
      deidentifyVsGdcmanon: null,
      deidentifyVsDcmodify: null,
      ackSlowdownPercent: null,
    });
  });

  it('are ratios within each round', () => {
    const program = (name: 'gateway' | 'gdcmanon' | 'dcmodify', ...rates: Array<number | undefined>) => ({
      ...{ program: name, perCpuSecond: rates, perSecond: rates },
    });
    const coder = (codec: CodecImageRow['codec'], image: string, megabytesPerSecond: number) => ({
      ...{ codec, image, megabytesPerSecond, imagesPerSecond: 1, ratio: 2 },
    });
    const sent = (perSecond: number, ackP50Ms: number) => ({ perSecond, ackP50Ms, ackP99Ms: 4 * ackP50Ms });
    const round = (beside: [number, number], alone: [number, number]) => ({
      ...{ beside: sent(...beside), alone: sent(...alone), backlog: 5, busyToTheEnd: true },
    });
    const row = { study: 'CT', app: 'a', bytesIn: 5e6, bytesOut: 1e6, results: 3, secondsWall: 1, secondsCpu: 1 };
    const rows = [{ ...row, secondsWhole20Mbit: 2, secondsSplit20Mbit: 0.4 }];
    const own = program('gateway', 400, 200, 100);
    const deidentifying = { ...nothing.deidentifying, rows: [own, program('gdcmanon', 200, undefined, 50)] };
    const codecs = [coder('htj2k', 'CT', 40), coder('dcmcjpls', 'CT', 10), coder('jpeg-ls', 'CR', 20)];
    // The machine halves its speed between the rounds: medians over both would say something else.
    const beside = { ...nothing.beside, rounds: [round([900, 1.1], [1000, 1]), round([450, 2.2], [500, 2])] };
    expect(splitSummary({ rows, deidentifying, codecs, beside })).toMatchObject({
      split: [{ study: 'CT', app: 'a', bytesIn: 5e6, bytesOut: 1e6, reduction: 5 }],
      deidentifyPerSecondPerCore: 200,
      deidentifyVsGdcmanon: 2,
      deidentifyVsDcmodify: null,
      codecs: [
        { codec: 'htj2k', image: 'CT', versusDcmcjpls: 4 },
        { codec: 'dcmcjpls', versusDcmcjpls: 1 },
        { codec: 'jpeg-ls', image: 'CR', versusDcmcjpls: null },
      ],
      ackSlowdownPercent: 10,
      receptionSlowdownPercent: 10,
      backgroundBusyToTheEnd: true,
    });
    expect(savingTable(rows)).toMatch(/^CT: a +5\.00 +1\.00 +5\.00 +2\.00 +0\.40 /m);
    expect(deidentifyingTable(deidentifying)).toMatch(/^gdcmanon +125 +125 +2\.00$/m);
  });

  it('are of every kind of study and every application, each manifest sound', () => {
    for (const quick of [true, false]) expect(studyPlan(quick).map(({ kind }) => kind)).toEqual(['CT', 'CR', 'US']);
    for (const name of new Set([...Object.keys(builtIn), ...namesFor('CT')])) {
      expect(loadApplication(directory, name).name).toBe(name);
    }
  });
});

describe('split in small', () => {
  const ct = { kind: 'CT' as const, title: 'a CT', make: () => ctStudy({ slices: 1, rows: 32, columns: 32 }) };
  const us = { kind: 'US' as const, title: 'a US', make: () => [usMultiFrame({ frames: 2, rows: 64, columns: 640 })] };

  it('runs every application, and says why something is no measurement', { timeout: 90_000 }, async () => {
    const { rows, couldNotRun } = await measureRuns({ ...quiet, studies: [ct, us], directory });
    expect(Object.keys(couldNotRun)).toEqual(['ct-quantification over a CT', 'lung-segmentation over a CT']);
    for (const why of Object.values(couldNotRun)) expect(why).toMatch(/^skipped: .*fewer than 20/);
    expect(rows.map(({ study, app }) => `${study} ${app}`)).toEqual(
      ['a CT', 'a US'].flatMap((study) => Object.keys(builtIn).map((app) => `${study} ${app}`)),
    );
    for (const { bytesIn, bytesOut, secondsWhole20Mbit, secondsSplit20Mbit, results } of rows) {
      expect(bytesOut).toBeGreaterThan(0);
      expect(secondsWhole20Mbit).toBeCloseTo((bytesIn * 8) / 20e6, 9);
      expect(secondsSplit20Mbit).toBeCloseTo((bytesOut * 8) / 20e6, 9);
      expect(results).toBeGreaterThan(0);
    }
  });

  it('says what there was no time for', async () => {
    const late = await measureRuns({ ...quiet, studies: [ct], directory, deadline: 0 });
    expect(late.rows).toEqual([]);
    expect(late.couldNotRun['ct-quantification over a CT']).toBe('left out: time is up');
  });

  const missing = hasProgram('taskset') ? undefined : 'without taskset';
  it.skipIf(missing)(`measures beside others' programs ${missing ?? ''}`, { timeout: 120_000 }, async () => {
    const here = (program: string) => program === 'gateway' || hasProgram(program);
    const small = { ...quiet, slices: 3, rounds: 1 };
    const own = await measureDeidentifying({ ...small, directory: join(directory, 'programs') });
    for (const { perCpuSecond } of own.rows) expect(perCpuSecond[0]).toBeGreaterThan(0);
    expect(own.rows.map(({ program }) => program)).toEqual(['gateway', 'gdcmanon', 'dcmodify'].filter(here));
  });

  it('encodes images without loss, smaller than before', { timeout: 60_000 }, async () => {
    const rows = await measureCodecImages({ quick: true, only: 'CT 256' });
    expect(rows.map(({ codec }) => codec)).toEqual(['htj2k', 'jpeg-ls', 'dcmcjpls'].slice(0, rows.length));
    expect(rows.length).toBeGreaterThan(1);
    for (const { ratio, megabytesPerSecond } of rows) {
      expect(ratio).toBeGreaterThan(1.2);
      expect(megabytesPerSecond).toBeGreaterThan(0);
    }
  });

  it.skipIf(missing)(`counts what a program takes of its core, and hears that it failed ${missing ?? ''}`, async () => {
    const { wall, cpu } = await timed(lastCore(), 'sleep "$1"', ['0.3']);
    expect(wall).toBeGreaterThan(0.29);
    expect(cpu).toBeLessThan(wall);
    await expect(timed(lastCore(), 'ls "$1"', ['/nonexistent'])).rejects.toThrow('/nonexistent');
  });

  const noLoadgen = loadgenMissing();
  it.skipIf(noLoadgen)(`receives beside a run in the background ${noLoadgen ?? ''}`, { timeout: 120_000 }, async () => {
    const pki = await createTestPki(join(directory, 'pki'));
    const storage = { directory, fileSystem: 'test', remove: () => {} };
    const setting = { ...quiet, quick: true, storage, pki, count: 20, backlog: 30, rounds: 1 };
    const { rounds, couldNotRun } = await measureBeside(setting);
    expect(couldNotRun).toEqual({});
    expect(rounds).toHaveLength(1);
    for (const { perSecond, ackP50Ms } of [rounds[0]?.alone, rounds[0]?.beside].filter((one) => one !== undefined)) {
      expect(perSecond).toBeGreaterThan(0);
      expect(ackP50Ms).toBeGreaterThan(0);
    }
  });
});
