import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { knownKeys } from '../../../src/base/yaml/schemaKeys.ts';
import { manifestJsonSchema, manifestSchemaFileText } from '../../../src/process/manifest/manifestJsonSchema.ts';

it('config/application.schema.json is what `npm run generate` writes', () => {
  const file = new URL('../../../config/application.schema.json', import.meta.url);
  expect(readFileSync(file, 'utf8')).toBe(manifestSchemaFileText());
});

it('every key is described', () => {
  const keys = knownKeys(manifestJsonSchema());
  expect(keys.length).toBeGreaterThan(60);
  expect(keys.filter(({ description }) => !description.endsWith('.')).map(({ key }) => key)).toEqual([]);
});
