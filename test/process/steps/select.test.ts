import { describe, expect, it } from 'vitest';
import type { DataElement, DicomObject } from '../../../src/dicom/dataSet/dicomObject.ts';
import { makeElement } from '../../../src/dicom/dataSet/elements.ts';
import { encodingOf } from '../../../src/dicom/dataSet/transferSyntax.ts';
import { uid } from '../../../src/dicom/uids.ts';
import type { Selection } from '../../../src/process/application.ts';
import type { StepContext, StepOutcome } from '../../../src/process/step.ts';
import { createSelect } from '../../../src/process/steps/select.ts';

const ct = '1.2.840.10008.5.1.4.1.1.2';
const context = {} as StepContext;

function object(...elements: DataElement[]): DicomObject {
  const meta = { sopClassUid: ct, sopInstanceUid: '1.2.3', transferSyntaxUid: uid.explicitVrLittleEndian };
  return { meta, encoding: encodingOf(uid.explicitVrLittleEndian), dataSet: { elements } };
}
const series = object(
  makeElement(0x00080005, 'CS', 'ISO_IR 192'),
  makeElement(0x00080060, 'CS', 'CT'),
  makeElement(0x0008103e, 'LO', Buffer.from('Thorax für Lunge ')),
  makeElement(0x00080008, 'CS', ['ORIGINAL', 'PRIMARY']),
  makeElement(0x00180050, 'DS', '1.25'),
  makeElement(0x00280010, 'US', [512]),
  makeElement(0x00080080, 'LO', ''),
  makeElement(0x00081140, 'SQ', []),
);
const apply = (where: Selection) => createSelect(where).apply(series, context) as StepOutcome;
const reason = (where: Selection) => {
  const outcome = apply(where);
  return outcome.kind === 'not-selected' ? outcome.reason : outcome.kind;
};

describe('select', () => {
  it.each<[Selection]>([
    [{}],
    [{ modality: ['MR', 'ct'] }],
    [{ sopClass: [ct] }],
    [{ minInstances: 1000 }], // for whoever counts them
    [{ tags: [{ tag: '0008103E', equals: 'thorax FÜR lunge' }] }],
    [{ tags: [{ tag: '0008103E', contains: 'für' }] }],
    [{ tags: [{ tag: '0008103E', matches: '^thorax.*LUNGE$' }] }],
    [{ tags: [{ tag: '00080008', equals: 'primary' }] }],
    [{ tags: [{ tag: '00180050', min: 1, max: 1.25 }] }],
    [
      {
        tags: [
          { tag: '00280010', min: 512 },
          { tag: '00280010', equals: '512' },
        ],
      },
    ],
    [{ tags: [{ tag: '00280010', present: true }] }],
    [{ tags: [{ tag: '00080080', present: false }] }],
    [{ tags: [{ tag: '00081140', present: false }] }],
    [{ tags: [{ tag: '00091001', present: false }] }],
  ])('%j passes', (where) => {
    const outcome = apply(where);
    expect(outcome).toMatchObject({ kind: 'pass', object: series, applied: { name: 'select' } });
  });

  it.each<[Selection, string]>([
    [{ modality: ['MR', 'PT'] }, 'Modality (0008,0060) is not one of MR, PT'],
    [{ sopClass: ['1.2.3'] }, 'SOP class'],
    [{ tags: [{ tag: '0008103E', equals: 'Thorax' }] }, 'SeriesDescription (0008,103e) is not equal'],
    [{ tags: [{ tag: '0008103E', contains: 'kopf' }] }, 'does not contain'],
    [{ tags: [{ tag: '0008103E', matches: '^lunge' }] }, 'does not match'],
    [{ tags: [{ tag: '00180050', min: 1.3 }] }, 'SliceThickness (0018,0050) is not between 1.3 and any'],
    [{ tags: [{ tag: '00180050', max: 1 }] }, 'is not between any and 1'],
    [{ tags: [{ tag: '0008103E', max: 1 }] }, 'is not between'],
    [{ tags: [{ tag: '00280010', present: false }] }, 'Rows (0028,0010) has a value'],
    [{ tags: [{ tag: '00080080', present: true }] }, 'InstitutionName (0008,0080) has no value'],
    [{ tags: [{ tag: '00091001', equals: 'x' }] }, '(0009,1001) has no value'],
    [{ tags: [{ tag: '00280010', present: true, min: 513 }] }, 'Rows (0028,0010) is not between'],
  ])('%j does not', (where, expected) => {
    expect(reason(where)).toContain(expected);
    expect(reason(where)).not.toMatch(/thorax|1\.25|512/i);
  });

  it('gives a pattern a time, after which the object is refused', () => {
    const evil = object(makeElement(0x0008103e, 'LO', `${'a'.repeat(60)}!`));
    const step = createSelect({ tags: [{ tag: '0008103E', matches: '^(a+)+$' }] });
    expect(() => step.apply(evil, context)).toThrow(expect.objectContaining({ code: 'select.pattern-time' }));
    const quick = createSelect({ tags: [{ tag: '0008103E', matches: '^a+!$' }] });
    expect(quick.apply(evil, context)).toMatchObject({ kind: 'pass' });
  });
});
