/** dciodvfy (dicom3tools) finds no error in what was de-identified that it did not find before: one real object of each SOP class. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { BufferSource } from '../../../src/dicom/dataSet/byteSources.ts';
import type { DicomObject } from '../../../src/dicom/dataSet/dicomObject.ts';
import { encodePart10 } from '../../../src/dicom/dataSet/encodePart10.ts';
import { parsePart10 } from '../../../src/dicom/dataSet/parsePart10.ts';
import type { DeidentifyOption } from '../../../src/process/application.ts';
import { realObjects } from '../../support/corpus.ts';
import { missingPackages } from '../../support/debianPackages.ts';
import { allBytes } from '../../support/objects.ts';
import { hasCorpus } from '../../support/programs.ts';
import { stepOutcome } from './gateSupport.ts';

const missing = missingPackages([{ program: 'dciodvfy', package: 'dicom3tools' }]);
const folder = mkdtempSync(join(tmpdir(), 'medusa-iod-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** How often each error is there, without the values that it names; undefined when dciodvfy does not come to an end. */
function errorsIn(bytes: Buffer): Map<string, number> | undefined {
  const file = join(folder, 'one.dcm');
  writeFileSync(file, bytes);
  const { stdout, stderr, status } = spawnSync('dciodvfy', ['-new', file], { encoding: 'latin1', timeout: 20_000 });
  if (status === null) return undefined;
  const errors = new Map<string, number>();
  for (const line of `${stdout}${stderr}`.split('\n').filter((one) => one.startsWith('Error'))) {
    const kind = line.replace(/= <[^>]*>|\[\d+\]/g, '');
    errors.set(kind, (errors.get(kind) ?? 0) + 1);
  }
  return errors;
}

/** The smallest of each SOP class. Deflated ones are left out: dciodvfy does not read them. */
function samples() {
  const byClass = new Map<string, { path: string; original: Buffer; object: DicomObject }>();
  for (const { path, absolute, size } of realObjects().sort((a, b) => a.size - b.size)) {
    if (size > 4_000_000) continue;
    const original = readFileSync(absolute);
    try {
      const object = parsePart10(new BufferSource('input', original));
      const { sopClassUid } = object.meta;
      if (!object.encoding.deflated && !byClass.has(sopClassUid)) byClass.set(sopClassUid, { path, original, object });
    } catch {
      // No data set.
    }
  }
  return [...byClass.values()];
}

const cleaning: DeidentifyOption[] = [
  ...(['retainModifiedDates', 'cleanDescriptors', 'cleanStructuredContent', 'cleanGraphics'] as const),
  ...(['retainSafePrivate', 'retainPatientCharacteristics'] as const),
];

describe.skipIf(missing !== undefined || !hasCorpus)(`objects stay valid${missing ?? ''}`, () => {
  test.each([
    ['the basic profile', []],
    ['cleaning options', cleaning],
  ] as Array<[string, DeidentifyOption[]]>)(
    '%s',
    async (_, options) => {
      const worse: string[] = [];
      let compared = 0;
      for (const { path, original, object } of samples()) {
        const outcome = await stepOutcome(original, { options, burnedIn: [{ match: {}, regions: [] }] }).catch(
          () => undefined,
        );
        if (outcome?.kind !== 'pass') continue;
        const before = errorsIn(allBytes(encodePart10(object).pieces));
        const after = errorsIn(allBytes(encodePart10(outcome.object).pieces));
        if (before === undefined || after === undefined) continue;
        compared += 1;
        for (const [error, count] of after) if (count > (before.get(error) ?? 0)) worse.push(`${path}: ${error}`);
      }
      expect(worse).toEqual([]);
      expect(compared).toBeGreaterThan(10);
    },
    120_000,
  );
});
