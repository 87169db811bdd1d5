/** What IdentifyingTagScanner finds in real objects, against what DCMTK's dcmdump finds. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { parseFileMeta } from '../../../src/dicom/dataSet/fileMeta.ts';
import { IdentifyingTagScanner, type IdentifyingTags } from '../../../src/dicom/dataSet/identifyingTags.ts';
import { realObjects } from '../../support/corpus.ts';
import { hasProgram } from '../../support/programs.ts';

const run = promisify(execFile);
const tags: Array<[string, keyof IdentifyingTags]> = [
  ['0008,0016', 'sopClassUid'],
  ['0008,0018', 'sopInstanceUid'],
  ['0008,0060', 'modality'],
  ['0010,0020', 'patientId'],
  ['0020,000d', 'studyInstanceUid'],
  ['0020,000e', 'seriesInstanceUid'],
];

/** undefined when DCMTK cannot read the file either. */
async function dcmdump(path: string): Promise<Record<string, string> | undefined> {
  const search = tags.flatMap(([tag]) => ['+P', tag]);
  const options = ['-q', '-Un', '+L', '+p', ...search, path];
  const { stdout } = await run('dcmdump', options, { encoding: 'latin1' }).catch(() => ({ stdout: undefined }));
  if (stdout === undefined) return undefined;
  const found: Record<string, string> = {};
  for (const line of stdout.split('\n')) {
    const [, tag, value] =
      /^\(([0-9a-f]{4},[0-9a-f]{4})\) [A-Z]{2} (?:\[(.*)\]|\(no value available\)|=\S*) *#/.exec(line) ?? [];
    const name = tags.find(([known]) => known === tag)?.[1];
    if (name) found[name] ??= (value ?? '').trim();
  }
  return Object.keys(found).length > 0 ? found : undefined;
}

function scan(path: string): IdentifyingTags | undefined {
  const bytes = readFileSync(path);
  const meta = parseFileMeta(bytes);
  if (meta?.transferSyntaxUid === undefined) return undefined;
  const scanner = new IdentifyingTagScanner(meta.transferSyntaxUid);
  for (let at = meta.dataSetOffset; at < bytes.length && !scanner.done; at += 1000) {
    scanner.push(bytes.subarray(at, at + 1000));
  }
  return scanner.end();
}

const objects = realObjects();
describe.skipIf(objects.length === 0 || !hasProgram('dcmdump'))('identifying tags of real objects', () => {
  it('are those that DCMTK finds', { timeout: 120_000 }, async () => {
    const differing: string[] = [];
    let compared = 0;
    for (const { path, absolute } of objects) {
      const ours = scan(absolute);
      const theirs = await dcmdump(absolute);
      if (ours === undefined || theirs === undefined) continue;
      compared++;
      for (const [, name] of tags) {
        const same = (ours[name] ?? '') === (theirs[name] ?? '');
        if (!same) differing.push(`${path} ${name}: ours ${ours[name]}, DCMTK ${theirs[name]}, ${ours.problem ?? ''}`);
      }
    }
    expect(differing).toEqual([]);
    expect(compared).toBeGreaterThan(150);
  });
});
