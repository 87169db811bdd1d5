/** The block of docs/split-applications.md that is made from the schema of manifests. */
import { readFileSync } from 'node:fs';
import { knownKeys } from '../src/base/yaml/schemaKeys.ts';
import { manifestJsonSchema } from '../src/process/manifest/manifestJsonSchema.ts';
import { markdownTable } from './markdownTable.ts';

export const applicationGuideFile = new URL('../docs/split-applications.md', import.meta.url);
export const applicationGuideText = () => readFileSync(applicationGuideFile, 'utf8');

/** A section's default is that of its keys. */
const defaultOf = (value: unknown): string =>
  value === undefined || (typeof value === 'object' && value !== null) || value === '' ? '' : `\`${String(value)}\``;

export function applicationBlocks(): Record<string, string> {
  const rows = knownKeys(manifestJsonSchema()).map(({ key, description, default: value }) => [
    `\`${key}\``,
    description,
    defaultOf(value),
  ]);
  return { 'manifest-keys': markdownTable(['key', 'what it says', 'default'], rows) };
}
