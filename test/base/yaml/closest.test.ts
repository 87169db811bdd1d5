import { expect, it } from 'vitest';
import { closest, didYouMean, editDistance } from '../../../src/base/yaml/closest.ts';

it.each([
  ['', '', 0],
  ['abc', 'abc', 0],
  ['abc', 'acb', 1],
  ['kitten', 'sitting', 3],
  ['', 'abc', 3],
])('%j to %j takes %d edits', (a, b, edits) => {
  expect(editDistance(a, b)).toBe(edits);
  expect(editDistance(b, a)).toBe(edits);
});

it.each([
  ['plian', 'plain'],
  ['LISTENERS', 'listeners'],
  ['stateDir', 'stateDirectory'],
  ['quotta', 'quota'],
  ['xyzzy', undefined],
  ['a', undefined],
])('%s means %s', (word, meant) => {
  expect(closest(word, ['plain', 'listeners', 'stateDirectory', 'quota'])).toBe(meant);
});

it('lists what there is when nothing is near', () => {
  expect(didYouMean('qqqq', ['env', 'file'], 'keys here')).toBe('known keys here: env, file');
  expect(didYouMean('qqqq', [], 'stores')).toBe('there are no stores');
});

it('is quick for a word of any length', () => {
  expect(closest('x'.repeat(1e6), ['plain'])).toBeUndefined();
});
