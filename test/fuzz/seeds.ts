/**
 * What fuzzing starts from: recorded conversations and real objects beside the project when they are there (corpus), and
 * always some of our own. Read once; the corpus is never copied into the project.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseFileMeta } from '../../src/dicom/dataSet/fileMeta.ts';
import { corpusEntries } from '../support/corpus.ts';
import { corpusFolder, hasCorpus } from '../support/programs.ts';
import { conversation } from './generate.ts';
import { Random } from './random.ts';

export type DataSetSeed = { transferSyntaxUid: string; sopClassUid: string; sopInstanceUid: string; head: Buffer };

/** Said by whoever prints, when there is none. */
export const seedsMissing = hasCorpus ? undefined : `no real seeds: ${corpusFolder} is not there; our own are used`;

let streams: Buffer[] | undefined;
let dataSets: DataSetSeed[] | undefined;

/** Byte streams of requestors, whole. */
export function conversations(): Buffer[] {
  streams ??= [...recorded(), ...Array.from({ length: 60 }, (_, i) => Buffer.concat(conversation(new Random(i))))];
  return streams;
}

function recorded(): Buffer[] {
  if (!hasCorpus) return [];
  const folder = join(corpusFolder, 'seeds-profuzzbench');
  // Those called replay_ are the same with a length of four bytes before each PDU.
  const names = readdirSync(folder).filter((name) => name.endsWith('.raw') && !name.startsWith('replay_'));
  return names.map((name) => readFileSync(join(folder, name)));
}

/** The first 1,500 bytes of every object's data set, malformed ones included. */
export function dataSetSeeds(): DataSetSeed[] {
  dataSets ??= corpusEntries().flatMap(({ absolute, size }) => {
    if (size > 8_000_000) return [];
    const bytes = readFileSync(absolute);
    const meta = parseFileMeta(bytes);
    if (meta?.transferSyntaxUid === undefined) return [];
    const head = Buffer.from(bytes.subarray(meta.dataSetOffset, meta.dataSetOffset + 1500));
    const { transferSyntaxUid, sopClassUid = '', sopInstanceUid = '' } = meta;
    return [{ transferSyntaxUid, sopClassUid, sopInstanceUid, head }];
  });
  return dataSets;
}
