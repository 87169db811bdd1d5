import { describe, expect, it } from 'vitest';
import type { StepContext, StepOutcome } from '../../../src/process/step.ts';
import { createMetadata } from '../../../src/process/steps/metadata.ts';
import { dataSet, element } from '../../support/dataSets.ts';
import { parsed } from '../../support/objects.ts';

const context = { fileStem: () => '1.2.3.4.5' } as unknown as StepContext;

describe('metadata', () => {
  it('makes DICOM JSON beside the object, in UTF-8', () => {
    const utf8 = element('explicit', 0x00080005, 'CS', 'ISO_IR 192');
    const name = element('explicit', 0x00100010, 'PN', Buffer.from('王^小東'));
    const object = parsed(Buffer.concat([utf8, dataSet('explicit'), name]));
    const outcome = createMetadata().apply(object, context) as StepOutcome;
    if (outcome.kind !== 'pass') throw new Error(outcome.reason);
    expect(outcome.object).toBe(object);
    expect(outcome.applied).toEqual({ name: 'metadata', version: '1.0.0', detail: 'without 1 that are long' });
    const [file] = outcome.files ?? [];
    expect(file).toMatchObject({ name: '1.2.3.4.5.json', contentType: 'application/dicom+json' });
    const json = JSON.parse(file?.bytes.toString('utf8') ?? '');
    expect(json['00100010']).toEqual({ vr: 'PN', Value: [{ Alphabetic: '王^小東' }] });
    expect(json['00080060']).toEqual({ vr: 'CS', Value: ['OT'] });
    expect(json['7FE00010']).toBeUndefined();
  });
});
