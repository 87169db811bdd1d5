import fc from 'fast-check';
import { expect, it } from 'vitest';
import { backoffDelay } from '../../src/base/backoff.ts';

const policy = { initialMs: 1000, capMs: 300_000 };

it('doubles from the initial delay up to the cap', () => {
  const most = [1, 2, 3, 4, 8, 9, 10, 1000].map((attempt) => backoffDelay(policy, attempt, () => 1));
  expect(most).toEqual([1000, 2000, 4000, 8000, 128_000, 256_000, 300_000, 300_000]);
});

it('takes another factor', () => {
  expect(backoffDelay({ ...policy, factor: 3 }, 3, () => 1)).toBe(9000);
});

it('lies between half of the step and the step, for every attempt and every chance', () => {
  const chance = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(fc.integer({ min: -3, max: 2000 }), chance, (attempt, random) => {
      const step = backoffDelay(policy, attempt, () => 1);
      const delay = backoffDelay(policy, attempt, () => random);
      expect(delay).toBeGreaterThanOrEqual(Math.floor(step / 2));
      expect(delay).toBeLessThanOrEqual(step);
      expect(Number.isInteger(delay)).toBe(true);
    }),
  );
});
