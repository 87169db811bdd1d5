import { expect, test } from 'vitest';
import { isIdentifiableStore } from '../../src/gateway/identifiableStores.ts';
import type { Application } from '../../src/process/application.ts';

const application = (...steps: Array<'deidentify' | 'metadata'>) =>
  ({ steps: steps.map((step) => ({ step })) }) as unknown as Application;
const applications: Record<string, Application> = {
  safe: application('metadata', 'deidentify'),
  plain: application('metadata'),
};
const find = (reference: string) => applications[reference];
const check = (store: string, ...routes: Array<{ store: string; application?: string }>) =>
  isIdentifiableStore(store, routes, find);

test('a store is identifiable as soon as one route delivers there without de-identification', () => {
  expect(check('a', { store: 'a' })).toBe(true);
  expect(check('a', { store: 'a', application: 'plain' })).toBe(true);
  expect(check('a', { store: 'a', application: 'safe' }, { store: 'a' })).toBe(true);
});

test('it is not when every route there de-identifies, or none leads there', () => {
  expect(check('a', { store: 'a', application: 'safe' }, { store: 'b' })).toBe(false);
  expect(check('a')).toBe(false);
  expect(check('a', { store: 'a', application: 'unknown' })).toBe(false);
});
