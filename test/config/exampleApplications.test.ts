/** The programs of the example applications, run on a phantom as a data part is run, without the sandbox. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NotASlice, type Slice } from '../../config/apps/ct-quantification/dicom.ts';
import { bodyMask, inOrder, keySlices, measure } from '../../config/apps/ct-quantification/measure.ts';
import { writeStudy } from '../../synthetic/files.ts';
import { crStudy, ctStudy } from '../../synthetic/index.ts';
import { missingPackages } from '../support/debianPackages.ts';

const folder = mkdtempSync(join(tmpdir(), 'medusa-apps-'));
const series = join(folder, 'series');
const slices = 24;

beforeAll(() => {
  writeStudy(series, ctStudy({ slices, rows: 256, columns: 256 }));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Outcome = { status: number | null; stderr: string; output: string; result?: Result };
type Result = {
  format: string;
  files: Array<{ path: string; from: string[]; dicom?: boolean }>;
  measurements: Record<string, number>;
};

function run(application: string, command: string[], input: string): Outcome {
  const output = mkdtempSync(join(folder, 'output-'));
  const [program = '', ...args] = command;
  const { status, stderr } = spawnSync(program, args, {
    cwd: resolve('config/apps', application),
    env: { MEDUSA_INPUT: input, MEDUSA_OUTPUT: output, PATH: '/usr/bin', PYTHONDONTWRITEBYTECODE: '1' },
    encoding: 'utf8',
  });
  if (status !== 0) return { status, stderr, output };
  return { status, stderr, output, result: JSON.parse(readFileSync(join(output, 'result.json'), 'utf8')) as Result };
}

const quantify = (input: string) => run('ct-quantification', [process.execPath, 'quantify.ts'], input);
const segment = (input: string) => run('lung-segmentation', ['/usr/bin/python3', 'segment.py'], input);

/** A slice of 100 x 100 mm: -1000 HU, and `hu` in the rectangle from (20,20) to (60,70). */
function slice(hu: number, z: number): Slice {
  const hounsfield = new Int16Array(100 * 100).fill(-1000);
  for (let row = 20; row < 60; row++) hounsfield.fill(hu, row * 100 + 20, row * 100 + 70);
  return {
    ...{ file: `${z}.dcm`, rows: 100, columns: 100, spacing: [1, 1], thickness: 5, hounsfield },
    ...{ position: [0, 0, z], orientation: [1, 0, 0, 0, 1, 0] },
  };
}

describe('ct-quantification', () => {
  test('measures known volumes', () => {
    const { figures } = measure([slice(40, 10), slice(-100, 0), slice(500, 5)]);
    expect(figures.sliceDistanceMm).toBe(5);
    expect(figures.bodyVolumeMl).toBeCloseTo((3 * 40 * 50 * 5) / 1000);
    expect(figures.tissueVolumesMl).toMatchObject({ softTissue: 10, fat: 10, bone: 10, lung: 0 });
  });

  test('what the body encloses belongs to it, what lies beside it does not', () => {
    const one = slice(40, 0);
    for (let row = 30; row < 40; row++) one.hounsfield.fill(-800, row * 100 + 30, row * 100 + 50); // a lung
    for (let row = 80; row < 84; row++) one.hounsfield.fill(100, row * 100 + 10, row * 100 + 90); // the table
    expect(bodyMask(one).reduce((sum, inside) => sum + inside, 0)).toBe(40 * 50);
    expect(measure([one]).perSlice[0]).toMatchObject({ lungAreaCm2: 2, bodyAreaCm2: 20 });
  });

  test('slices are ordered along their normal, whichever way they were named', () => {
    const { ordered, distance } = inOrder([slice(0, 9), slice(0, -3), slice(0, 3)]);
    expect([ordered.map(({ position }) => position[2]), distance]).toEqual([[-3, 3, 9], 6]);
    const turned = { ...slice(0, 12), orientation: [0, 1, 0, 0, 0, 1] };
    expect(() => inOrder([slice(0, 9), turned])).toThrow(NotASlice);
  });

  test('a slice that is key for two reasons is one key slice', () => {
    const figures = (lung: number, body: number) => ({
      file: '',
      lungAreaCm2: lung,
      bodyAreaCm2: body,
      boneAreaCm2: body,
    });
    expect(keySlices([figures(1, 1), figures(2, 5), figures(9, 2)])).toEqual([
      { why: 'largest-lung', index: 2 },
      { why: 'largest-body', index: 1 },
    ]);
  });

  test('a series becomes figures and pictures', () => {
    const { result, output } = quantify(series);
    expect(result?.format).toBe('medusa.result/1');
    expect(result?.measurements.bodyVolumeMl).toBeGreaterThan(10_000);
    expect(result?.files[0]?.from).toHaveLength(slices);
    for (const { path } of result?.files.slice(1) ?? []) {
      expect(readFileSync(join(output, path)).subarray(1, 4).toString()).toBe('PNG');
    }
  });

  test('what is no CT slice is refused with its name', () => {
    const other = join(folder, 'cr');
    writeStudy(other, crStudy({ rows: 64, columns: 64 }));
    expect(quantify(other)).toMatchObject({ status: 1, stderr: expect.stringContaining('does not say where it lies') });
  });
});

const missing = missingPackages([
  { program: 'dcmconv', package: 'dcmtk' },
  { program: 'dciodvfy', package: 'dicom3tools' },
]);
const noPydicom = spawnSync('/usr/bin/python3', ['-c', 'import pydicom, numpy, scipy']).status !== 0;

describe.skipIf(missing !== undefined || noPydicom)(`lung-segmentation ${missing ?? ''}`, () => {
  test('both examples find the same lungs; the segmentation is one for dciodvfy, and the same each time', () => {
    const { result, output, stderr } = segment(series);
    expect(stderr).toBe('');
    const byTissue = quantify(series).result?.measurements.tissueVolumesMl as unknown as { lung: number };
    const volume = result?.measurements.lungVolumeMl ?? 0;
    expect(Math.abs(volume - byTissue.lung) / volume).toBeLessThan(0.05);
    expect(result?.files[1]).toMatchObject({ path: 'lungs.seg.dcm', dicom: true });
    const inflated = join(output, 'inflated.dcm');
    spawnSync('dcmconv', ['+te', join(output, 'lungs.seg.dcm'), inflated]);
    const verdict = spawnSync('dciodvfy', [inflated], { encoding: 'utf8' });
    expect(verdict.stderr.split('\n').filter((line) => line.startsWith('Error'))).toEqual([]);
    const again = segment(series).output;
    expect(readFileSync(join(again, 'lungs.seg.dcm'))).toEqual(readFileSync(join(output, 'lungs.seg.dcm')));
  });

  test('a series without lungs has figures and no segmentation', () => {
    const solid = join(folder, 'solid');
    for (const { path } of writeStudy(solid, ctStudy({ slices: 3, rows: 64, columns: 64 }))) {
      const bytes = readFileSync(path);
      bytes.fill(0, bytes.length - 64 * 64 * 2); // -1024 HU: air everywhere, up to the border
      writeFileSync(path, bytes);
    }
    expect(segment(solid).result).toMatchObject({
      measurements: { lungVolumeMl: 0 },
      files: [{ path: 'measurements.json' }],
    });
  });

  test('what is no volume is refused with its name', () => {
    const two = join(folder, 'two');
    mkdirSync(two);
    for (const name of ['a.dcm', 'b.dcm']) {
      writeFileSync(
        join(two, name),
        readFileSync(writeStudy(join(folder, 'one'), ctStudy({ slices: 1 }))[0]?.path ?? ''),
      );
    }
    expect(segment(two)).toMatchObject({ status: 1, stderr: expect.stringContaining('same place') });
  });
});
