/** Studies as files, for runs of applications without a gateway. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { crStudy, ctStudy, type SyntheticInstance, usMultiFrame, writeStudy } from '../../synthetic/index.ts';

export type StudyKind = 'CT' | 'CR' | 'US';
export type StudyPlan = { kind: StudyKind; title: string; make(): Iterable<SyntheticInstance> };

/** A study of every kind that synthetic/ makes; `quick`: fewer images of each. */
export function studyPlan(quick: boolean): StudyPlan[] {
  const [slices, images, frames] = quick ? [100, 2, 40] : [200, 4, 200];
  return [
    { kind: 'CT', title: `CT, ${slices} slices`, make: () => ctStudy({ slices, seed: 501 }) },
    { kind: 'CR', title: `CR, ${images} images`, make: () => crStudy({ images, seed: 502 }) },
    { kind: 'US', title: `US, ${frames} frames`, make: () => [usMultiFrame({ frames, seed: 503 })] },
  ];
}

/** Writes the study once; returns its folder. */
export function writtenStudy(parent: string, { kind, make }: StudyPlan): string {
  const folder = join(parent, `split-${kind}`);
  if (!existsSync(folder)) writeStudy(folder, make());
  return folder;
}
