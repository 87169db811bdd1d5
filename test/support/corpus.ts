/** The real objects that lie beside the project, when they are there: what they are, as their manifest tells. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { corpusFolder, hasCorpus } from './programs.ts';

export type CorpusEntry = {
  path: string;
  absolute: string;
  kind: string;
  sopClassUid: string;
  transferSyntaxUid: string;
  isMalformed: boolean;
  size: number;
};

/** Empty when there is no corpus. */
export function corpusEntries(): CorpusEntry[] {
  if (!hasCorpus) return [];
  const [first, ...lines] = readFileSync(join(corpusFolder, 'manifest.tsv'), 'utf8').trim().split('\n');
  const columns = (first ?? '').split('\t');
  return lines
    .map((line) => {
      const cells = line.split('\t');
      const cell = (name: string) => cells[columns.indexOf(name)] ?? '';
      const path = cell('path');
      return {
        path,
        absolute: join(corpusFolder, path),
        kind: cell('kind'),
        sopClassUid: cell('sop_class_uid'),
        transferSyntaxUid: cell('transfer_syntax_uid'),
        isMalformed: path.startsWith('malformed-'),
        size: Number(cell('size')),
      };
    })
    .filter((entry) => existsSync(entry.absolute));
}

/** Those that are objects and sound, as far as their manifest knows. */
export function realObjects(): CorpusEntry[] {
  return corpusEntries().filter((entry) => !entry.isMalformed && !entry.path.includes('profuzzbench'));
}
