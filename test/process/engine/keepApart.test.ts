import { expect, test } from 'vitest';
import { keepApart } from '../../../src/process/engine/judge.ts';
import { RunState } from '../../../src/process/engine/runState.ts';
import type { RunInput } from '../../../src/process/engine/runTypes.ts';

/** A run in which each input, given as [version, SOP Instance UID, study], has passed its steps; then what became of them. */
function outcomes(...inputs: Array<[version: number | undefined, instance: string, study?: string]>) {
  const state = new RunState(
    inputs.map(([version, sopInstanceUid], i): RunInput => {
      const bytes = { ranges: [], size: 1, sha256: String(i) };
      return { id: i + 1, ...bytes, sopInstanceUid, ...(version === undefined ? {} : { version }) };
    }),
  );
  state.inputs.forEach((input, i) => {
    const [, instance, study = '1.2'] = inputs[i] ?? [1, ''];
    const about = { study, series: '1.2.3', instance, modality: 'CT' };
    state.pass(input, { kind: 'passed', about, applied: [], results: [], identity: undefined });
  });
  keepApart(state);
  expect(state.passed.size).toBe(state.count('used'));
  return state.outcomes.map(({ outcome, code, reason }) => code ?? reason ?? outcome);
}

test('of an instance that came in several versions the newest is used, in whatever order they came', () => {
  expect(outcomes([1, '1.1'], [1, '1.2'], [2, '1.1'])).toEqual(['superseded by version 2', 'used', 'used']);
  expect(outcomes([3, '1.1'], [1, '1.1'], [2, '1.1'])).toEqual([
    'used',
    'superseded by version 3',
    'superseded by version 3',
  ]);
});

test('two of one UID of which no version is known cannot be told apart: the later is set aside', () => {
  expect(outcomes([undefined, '1.1'], [undefined, '1.1'])).toEqual(['used', 'instance.same-uid']);
});

test('what is of another study supersedes nothing', () => {
  expect(outcomes([1, '1.1'], [2, '1.1', '1.9'])).toEqual(['used', 'instance.other-study']);
});
