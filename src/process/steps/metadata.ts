/** Step `metadata`: what an object says of itself, as DICOM JSON (PS3.18 Annex F), beside the object. */
import { toDicomJson } from '../../dicom/dataSet/dicomJson.ts';
import type { InstanceStep } from '../step.ts';

export const createMetadata = (): InstanceStep => ({
  name: 'metadata',
  version: '1.0.0',
  apply(object, context) {
    const { dataSet, omitted } = toDicomJson(object);
    const file = {
      name: `${context.fileStem(object)}.json`,
      contentType: 'application/dicom+json',
      bytes: Buffer.from(JSON.stringify(dataSet)),
    };
    const detail = omitted.length === 0 ? 'all attributes' : `without ${omitted.length} that are long`;
    return { kind: 'pass', object, applied: { name: 'metadata', version: '1.0.0', detail }, files: [file] };
  },
});
