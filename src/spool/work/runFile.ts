/**
 * run.json: the record of a run with the versions of its results' keys, under a checksum. It is the truth about what a run
 * made; the index can be made from it. Pure.
 */
import { createHash } from 'node:crypto';
import type { RunRecord } from './workTypes.ts';

export type RunFile = { record: RunRecord; versions: number[] };

const digestOf = (text: string) => createHash('sha256').update(text).digest('hex');

/** One line with the digest of the second, which is the content. */
export function encodeRunFile(file: RunFile): string {
  const content = JSON.stringify(file);
  return `{"sha256":"${digestOf(content)}"}\n${content}\n`;
}

/** Undefined when it is not what was written. */
export function decodeRunFile(text: string): RunFile | undefined {
  const [first = '', content = ''] = text.split('\n', 2);
  try {
    const { sha256 } = JSON.parse(first) as { sha256?: unknown };
    if (sha256 !== digestOf(content)) return undefined;
    const file = JSON.parse(content) as RunFile;
    return file.record.format === 'medusa.run/1' ? file : undefined;
  } catch {
    return undefined;
  }
}
