/** Real objects: nothing that was rightly de-identified is held back, and whatever was not is found. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { BufferSource } from '../../../src/dicom/dataSet/byteSources.ts';
import { toDicomJson } from '../../../src/dicom/dataSet/dicomJson.ts';
import { encodePart10 } from '../../../src/dicom/dataSet/encodePart10.ts';
import { parsePart10 } from '../../../src/dicom/dataSet/parsePart10.ts';
import type { BurnedInRule, DeidentifyOption } from '../../../src/process/application.ts';
import type { Identity } from '../../../src/process/step.ts';
import { corpusEntries } from '../../support/corpus.ts';
import { allBytes } from '../../support/objects.ts';
import { hasCorpus } from '../../support/programs.ts';
import { gateFindings, jsonFindings, stepOutcome } from './gateSupport.ts';

const cleaning: DeidentifyOption[] = [
  ...(['retainModifiedDates', 'cleanDescriptors', 'cleanStructuredContent', 'cleanGraphics'] as const),
  ...(['retainSafePrivate', 'retainPatientCharacteristics'] as const),
];
const retaining: DeidentifyOption[] = [
  ...(['retainUids', 'retainFullDates', 'retainDeviceIdentity', 'retainInstitutionIdentity'] as const),
];
const anything: BurnedInRule[] = [{ match: {}, regions: [] }];

describe.skipIf(!hasCorpus)('the corpus', () => {
  const files = corpusEntries().filter(({ size }) => size < 20_000_000);

  async function* passing(options: DeidentifyOption[], burnedIn: BurnedInRule[]) {
    for (const { path, absolute } of files) {
      const original = readFileSync(absolute);
      try {
        const outcome = await stepOutcome(original, { options, burnedIn });
        if (outcome.kind !== 'pass' || outcome.identity === undefined) continue;
        const { object, identity } = outcome;
        yield { path, original, bytes: allBytes(encodePart10(object).pieces), identity };
      } catch {
        // What is no data set, or cannot be written, does not reach the gate.
      }
    }
  }

  test.each([
    ['the basic profile', [], []],
    ['cleaning options', cleaning, anything],
    ['retaining options', retaining, anything],
  ] as Array<[string, DeidentifyOption[], BurnedInRule[]]>)('passes: %s', async (_, options, burnedIn) => {
    const held: string[] = [];
    const all: Identity[] = [];
    let count = 0;
    for await (const { path, original, bytes, identity } of passing(options, burnedIn)) {
      count += 1;
      all.push(identity);
      const findings = gateFindings(bytes, { options, identities: [identity], original });
      const json = Buffer.from(JSON.stringify(toDicomJson(parsePart10(new BufferSource('result', bytes))).dataSet));
      findings.push(...jsonFindings(json, { options, identities: [identity] }));
      if (findings.length > 0) held.push(`${path}: ${JSON.stringify(findings)}`);
    }
    expect(held).toEqual([]);
    expect(count).toBeGreaterThan(400);
  });

  test('is found where it was left as it came', async () => {
    const missed: string[] = [];
    for await (const { path, original, identity } of passing([], [])) {
      const codes = gateFindings(original, { options: [], identities: [identity] }).map(({ code }) => code);
      if (identity.values.length > 0 && !codes.includes('gate.original-value')) missed.push(path);
      if (!codes.includes('gate.not-marked') && !codes.includes('gate.attribute-left')) missed.push(path);
    }
    expect(missed).toEqual([]);
  });
});
