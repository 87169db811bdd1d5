/**
 * Which multipart uploads we have begun, one small file each, so that another process can go on with them after a crash.
 * Losing a file costs bandwidth, never correctness: every part is checked against the local content before it counts.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileDurably } from '../../base/durableFile.ts';

export type RememberedUpload = { key: string; uploadId: string; size: number; sha256: string; partSize: number };

export type UploadState = {
  recall(key: string): RememberedUpload | undefined;
  remember(upload: RememberedUpload): void;
  forget(key: string): void;
};

/** `target` tells apart stores that share a state directory: endpoint and bucket. */
export function createUploadState(stateDirectory: string, target: string): UploadState {
  const folder = join(stateDirectory, 'uploads');
  const pathOf = (key: string) =>
    join(folder, `${createHash('sha256').update(`${target}\n${key}`).digest('hex').slice(0, 40)}.json`);
  return {
    recall: (key) => {
      const path = pathOf(key);
      if (!existsSync(path)) return undefined;
      const remembered = parse(readFileSync(path, 'utf8'));
      return remembered?.key === key ? remembered : undefined;
    },
    remember: (upload) => {
      mkdirSync(folder, { recursive: true, mode: 0o750 });
      writeFileDurably(pathOf(upload.key), `${JSON.stringify(upload)}\n`);
    },
    forget: (key) => rmSync(pathOf(key), { force: true }),
  };
}

function parse(text: string): RememberedUpload | undefined {
  try {
    const value: Partial<RememberedUpload> = JSON.parse(text);
    const { key, uploadId, size, sha256, partSize } = value;
    const strings = [key, uploadId, sha256].every((field) => typeof field === 'string');
    const numbers = [size, partSize].every((field) => Number.isSafeInteger(field));
    return strings && numbers ? (value as RememberedUpload) : undefined;
  } catch {
    return undefined;
  }
}
