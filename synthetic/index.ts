/** Synthetic DICOM data for the demo, the tests and the bench: valid, repeatable by seed, and about nobody. */
export { type CrOptions, crStudy } from './cr.ts';
export { type CtStudyOptions, ctStudy } from './ct.ts';
export { type WrittenInstance, writeDataSetFile, writePart10File, writeStudy } from './files.ts';
export type { SyntheticInstance } from './instance.ts';
export { type TinyOptions, tinyStudy } from './tiny.ts';
export { sopClasses, syntheticUid, syntheticUidLength, transferSyntaxes } from './uids.ts';
export { type UsOptions, usMultiFrame } from './us.ts';
