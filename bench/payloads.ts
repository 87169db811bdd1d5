/** What is sent: one data set of each kind, in a file that the load generator sends again and again under new UIDs. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  crStudy,
  ctStudy,
  type SyntheticInstance,
  tinyStudy,
  usMultiFrame,
  writeDataSetFile,
} from '../synthetic/index.ts';

export type PayloadKind = 'CT' | 'CR' | 'US' | 'tiny';

export type Payload = {
  kind: PayloadKind;
  /** The bare data set. */
  file: string;
  /** Bytes of it. */
  size: number;
  sopClassUid: string;
  /** Stands in the data set; the load generator replaces its last digits. */
  sopInstanceUid: string;
  studyInstanceUid: string;
  seriesInstanceUid: string;
  transferSyntaxUid: string;
};

function first(instances: Iterable<SyntheticInstance>): SyntheticInstance {
  for (const instance of instances) return instance;
  throw new Error('no instance made');
}

const makers: Record<PayloadKind, (seed: number) => SyntheticInstance> = {
  CT: (seed) => first(ctStudy({ slices: 1, seed })),
  CR: (seed) => first(crStudy({ seed })),
  US: (seed) => usMultiFrame({ seed }),
  tiny: (seed) => first(tinyStudy({ instances: 1, seed })),
};

/** Writes the data set into `directory`. Another seed gives another study. */
export function makePayload(kind: PayloadKind, directory: string, seed = 1): Payload {
  const instance = makers[kind](seed);
  mkdirSync(directory, { recursive: true });
  const file = join(directory, `${kind}-${seed}.dataset`);
  writeDataSetFile(file, instance);
  const { size, sopClassUid, sopInstanceUid, studyInstanceUid, seriesInstanceUid, transferSyntaxUid } = instance;
  return { kind, file, size, sopClassUid, sopInstanceUid, studyInstanceUid, seriesInstanceUid, transferSyntaxUid };
}
