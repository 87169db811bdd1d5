/**
 * Says what became of every acknowledged instance, from the outside: the files in the store and the receipts, read without
 * the gateway's own index.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseFileMeta } from '../../src/dicom/dataSet/fileMeta.ts';
import type { Load } from './load.ts';

export type Verdict = { lost: string[]; doubled: string[]; torn: string[]; objects: number; receipts: number };

type Receipt = { delivered: { store: string; key: string } };

function files(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/**
 * With `application`, instances went through one that passes them on unchanged and makes the DICOM JSON of each, in as many
 * revisions as arrivals made of a study: the object once, the JSON at least once, and never twice in a revision.
 */
export function judge(load: Load, storeDirectory: string, receiptsDirectory: string, application: boolean): Verdict {
  const verdict: Verdict = { lost: [], doubled: [], torn: [], objects: 0, receipts: 0 };
  const copies = new Map<string, number>();
  for (const path of files(storeDirectory).filter((file) => file.endsWith('.dcm'))) {
    verdict.objects++;
    const bytes = readFileSync(path);
    const meta = parseFileMeta(bytes.subarray(0, 4096));
    const uid = meta?.sopInstanceUid ?? path;
    const digest = createHash('sha256')
      .update(bytes.subarray(meta?.dataSetOffset ?? 0))
      .digest('hex');
    if (load.sent.get(uid) !== digest) verdict.torn.push(path);
    copies.set(uid, (copies.get(uid) ?? 0) + 1);
  }
  verdict.doubled.push(...[...copies].filter(([, count]) => count > 1).map(([uid]) => uid));
  for (const { sopInstanceUid } of load.acknowledged) {
    if (!copies.has(sopInstanceUid)) verdict.lost.push(sopInstanceUid);
  }
  if (application) judgeFiles(load, storeDirectory, verdict);
  const keys = new Map<string, string>();
  const proven = new Set<string>();
  for (const path of files(receiptsDirectory).filter((file) => file.endsWith('.jsonl'))) {
    for (const line of readFileSync(path, 'utf8')
      .split('\n')
      .filter((text) => text !== '')) {
      const { delivered } = JSON.parse(line) as Receipt;
      verdict.receipts++;
      const identity = `${delivered.store} ${delivered.key}`;
      if (proven.has(identity)) verdict.doubled.push(`receipt of ${identity}`);
      proven.add(identity);
      keys.set(basename(delivered.key, '.dcm'), identity);
    }
  }
  for (const { sopInstanceUid } of load.acknowledged) {
    if (!keys.has(sopInstanceUid)) verdict.lost.push(`receipt of ${sopInstanceUid}`);
  }
  return verdict;
}

function judgeFiles(load: Load, storeDirectory: string, verdict: Verdict): void {
  const made = files(storeDirectory).filter((file) => file.includes('/results/') && file.endsWith('.json'));
  const described = new Set(made.map((file) => basename(file, '.json')));
  for (const { sopInstanceUid } of load.acknowledged) {
    if (!described.has(sopInstanceUid)) verdict.lost.push(`JSON of ${sopInstanceUid}`);
  }
  for (const name of described) if (!load.sent.has(name)) verdict.doubled.push(`JSON ${name}`); // <uid>.v2.json
}
