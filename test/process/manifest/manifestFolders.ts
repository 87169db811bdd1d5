/** Folders with manifests, made for one test file and removed after it. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll } from 'vitest';

export type Files = Record<string, string | { text: string; mode: number }>;

/** A sound manifest without a program. */
export const plainManifest = (name: string, version = '1.0.0') =>
  `name: ${name}\nversion: ${version}\ndataPart:\n  steps: [deidentify, metadata]\n`;

export function folderMaker(): (files: Files) => string {
  const made: string[] = [];
  afterAll(() => {
    for (const folder of made) rmSync(folder, { recursive: true, force: true });
  });
  return (files) => {
    const folder = mkdtempSync(join(tmpdir(), 'medusa-apps-'));
    made.push(folder);
    for (const [path, content] of Object.entries(files)) {
      const file = join(folder, path);
      const { text, mode } = typeof content === 'string' ? { text: content, mode: 0o644 } : content;
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
      chmodSync(file, mode);
    }
    return folder;
  };
}
