import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { describeKey, knownKeys, schemaFileText } from '../../../src/gateway/config/jsonSchema.ts';

it('config/gateway.schema.json is what `npm run generate` writes', () => {
  const file = new URL('../../../config/gateway.schema.json', import.meta.url);
  expect(readFileSync(file, 'utf8')).toBe(schemaFileText());
});

it('every key is described and says when a change takes effect', () => {
  const keys = knownKeys();
  expect(keys.length).toBeGreaterThan(60);
  expect(keys.filter(({ description }) => !description.endsWith('.')).map(({ key }) => key)).toEqual([]);
  expect(keys.filter(({ applies }) => applies === undefined).map(({ key }) => key)).toEqual([]);
});

it('knows the keys of the shape that is meant', () => {
  const root = { stores: [{ type: 's3' }, { type: 'directory' }, { type: 'x' }] };
  expect(describeKey(['stores', 0], root).knownKeys).toContain('bucket');
  expect(describeKey(['stores', 1], root).knownKeys).toEqual(['name', 'type', 'path', 'prefix']);
  expect(describeKey(['stores', 2], root).knownKeys).toEqual(expect.arrayContaining(['bucket', 'path']));
  expect(describeKey(['no', 'such', 3], root)).toEqual({ knownKeys: [] });
});
