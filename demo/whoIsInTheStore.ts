/** Looks for the patient of the study in everything that left, by nothing of the gateway's own code. */
import { readFileSync } from 'node:fs';
import { filesBelow, headOf } from './chart.ts';
import { readTexts } from './dicomImage.ts';

/** Accession Number, Patient's Name, Patient ID, Study, Series Instance UID. */
const identifying = [0x00080050, 0x00100010, 0x00100020, 0x0020000d, 0x0020000e];

/** What the files of a study say of their patient, once each. */
export function identityIn(studyFiles: readonly string[]): string[] {
  const values = studyFiles.flatMap((path) => readTexts(headOf(path), identifying));
  return [...new Set(values)].filter((value) => value.length >= 3);
}

/** Files below `directory` that have one of `values` in them or in their path. */
export function filesNaming(directory: string, values: readonly string[]): string[] {
  return filesBelow(directory).filter((path) => {
    const bytes = readFileSync(path);
    return values.some((value) => path.includes(value) || bytes.includes(value, 0, 'latin1'));
  });
}
