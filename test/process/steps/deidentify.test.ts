import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { BufferSource } from '../../../src/dicom/dataSet/byteSources.ts';
import { bytesIn, type DicomObject } from '../../../src/dicom/dataSet/dicomObject.ts';
import { element } from '../../../src/dicom/dataSet/elements.ts';
import { encodePart10 } from '../../../src/dicom/dataSet/encodePart10.ts';
import { parsePart10 } from '../../../src/dicom/dataSet/parsePart10.ts';
import type { BurnedInRule, DeidentifyOption } from '../../../src/process/application.ts';
import { deriveSiteKeys } from '../../../src/process/identity/siteKeys.ts';
import type { StepContext } from '../../../src/process/step.ts';
import { createDeidentify } from '../../../src/process/steps/deidentify.ts';
import { makeElement, objectOf } from '../../dicom/confidentiality/support.ts';
import { corpusEntries } from '../../support/corpus.ts';
import { hasCorpus } from '../../support/programs.ts';

const context: StepContext = {
  keys: deriveSiteKeys(Buffer.alloc(32, 7)).deidentification,
  scratch: { append: (bytes) => bytes },
  memoryLimit: 256 * 1024 * 1024,
  fileStem: () => 'file',
};
const stepWith = (options: DeidentifyOption[] = [], burnedIn: BurnedInRule[] = []) =>
  createDeidentify({ step: 'deidentify', profile: 'basic', options, burnedIn, safePrivate: [] });
const written = (object: DicomObject) => Buffer.concat(encodePart10(object).pieces.map(bytesIn));

test('says in receipts what was done, and tells the identity', async () => {
  const object = objectOf([makeElement(0x00100010, 'PN', 'Doe^Jane'), makeElement(0x00100020, 'LO', '4711123')]);
  const outcome = await stepWith(['retainUids', 'cleanDescriptors']).apply(object, context);
  expect(outcome).toMatchObject({
    kind: 'pass',
    applied: {
      name: 'deidentify',
      version: '1.0.0',
      detail: 'basic profile of DICOM PS3.15 2026d, cleanDescriptors, retainUids',
    },
    identity: { patient: { patientName: 'Doe^Jane', patientId: '4711123' }, dateShiftDays: 0 },
  });
});

test('options that contradict each other are refused when it is set up', () => {
  expect(() => stepWith(['retainFullDates', 'retainModifiedDates'])).toThrow(/dates cannot be both kept and moved/);
});

describe('regions', () => {
  const image = (columns: number, rows: number, pixels: Buffer, bitsAllocated = 8) =>
    objectOf(
      [
        makeElement(0x00080060, 'CS', 'US'),
        makeElement(0x00280002, 'US', [1]),
        makeElement(0x00280004, 'CS', 'MONOCHROME2'),
        makeElement(0x00280010, 'US', [rows]),
        makeElement(0x00280011, 'US', [columns]),
        makeElement(0x00280100, 'US', [bitsAllocated]),
        makeElement(0x00280101, 'US', [8]),
        makeElement(0x00280102, 'US', [7]),
        makeElement(0x00280103, 'US', [0]),
        makeElement(0x7fe00010, 'OB', pixels),
      ],
      '1.2.840.10008.5.1.4.1.1.6.1',
    );
  const rule = { match: { modality: 'US' }, regions: [{ x: 0, y: 0, width: 4, height: 1 }] };

  test('are blanked, the rest stays', async () => {
    const outcome = await stepWith([], [rule]).apply(image(4, 4, Buffer.alloc(16, 9)), context);
    if (outcome.kind !== 'pass') throw new Error(JSON.stringify(outcome));
    const value = element(outcome.object.dataSet, 0x7fe00010)?.value;
    if (value?.kind !== 'bytes') throw new Error('no pixel data');
    expect([...bytesIn(value.bytes)]).toEqual([0, 0, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9]);
    expect(outcome.applied.detail).toMatch(/1 regions blanked$/);
  });

  test('that cannot be blanked are a refusal', async () => {
    const two = image(4, 4, Buffer.alloc(16, 9));
    two.dataSet.elements.splice(-1, 0, makeElement(0x7fe00008, 'OF', Buffer.alloc(64)));
    const beside = { ...rule, regions: [...rule.regions, { x: 4, y: 0, width: 4, height: 4 }] };
    for (const [object, one] of [
      [image(4, 4, Buffer.alloc(2)), rule],
      [image(4, 4, Buffer.alloc(32)), rule],
      [two, rule],
      [image(4, 4, Buffer.alloc(16)), beside],
    ] as const) {
      const outcome = await stepWith([], [one]).apply(object, context);
      expect(outcome).toMatchObject({ kind: 'refused', code: 'deidentify.not-blanked' });
    }
  });
});

describe.skipIf(!hasCorpus)('every object of the corpus', () => {
  const objects = corpusEntries()
    .filter(({ size }) => size < 20_000_000)
    .flatMap(({ path, absolute }) => {
      try {
        return [{ path, object: parsePart10(new BufferSource('input', readFileSync(absolute))) }];
      } catch {
        return []; // what is no data set does not reach a step
      }
    });
  const all: DeidentifyOption[] = [
    'retainModifiedDates',
    'cleanDescriptors',
    'cleanStructuredContent',
    'cleanGraphics',
    'retainSafePrivate',
    'retainPatientCharacteristics',
  ];

  test.each([
    ['the basic profile', [], []],
    ['cleaning options', all, [{ match: {}, regions: [] }]],
    [
      'retaining options',
      ['retainUids', 'retainFullDates', 'retainDeviceIdentity', 'retainInstitutionIdentity'],
      [{ match: {}, regions: [] }],
    ],
  ] as Array<[string, DeidentifyOption[], BurnedInRule[]]>)(
    'passes or is refused with a reason: %s',
    async (_, options, rules) => {
      const step = stepWith(options, rules);
      let passed = 0;
      for (const { path, object } of objects) {
        const outcome = await step.apply(object, context);
        if (outcome.kind === 'refused') {
          expect(outcome.code, path).toMatch(/^deidentify\./);
          expect(outcome.reason, path).toMatch(/\w{3,}/);
          continue;
        }
        if (outcome.kind !== 'pass') throw new Error(path);
        passed++;
        const again = parsePart10(new BufferSource('written', written(outcome.object)));
        const tags = again.dataSet.elements.map(({ tag }) => tag);
        expect(tags, path).toEqual([...tags].sort((a, b) => a - b));
        if (!options.includes('retainSafePrivate'))
          expect(
            tags.filter((tag) => (tag & 0x10000) !== 0),
            path,
          ).toEqual([]);
        expect(element(again.dataSet, 0x00120062), path).toBeDefined();
      }
      expect(passed).toBeGreaterThan(100);
    },
  );
});
