import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DayOfHistograms } from '../../../src/gateway/innerLink/dayOfHistograms.ts';
import { LogHistogram } from '../../../src/gateway/innerLink/logHistogram.ts';
import { Minutes } from '../../../src/gateway/innerLink/minutes.ts';
import { RecentSum } from '../../../src/gateway/innerLink/recentSum.ts';
import { SecondsBuckets } from '../../../src/gateway/innerLink/secondsBuckets.ts';

const minute = 60_000;
const hour = 60 * minute;
const start = Date.UTC(2026, 10, 24, 12);

function histogramOf(values: readonly number[]): LogHistogram {
  const histogram = new LogHistogram();
  for (const value of values) histogram.add(value);
  return histogram;
}

describe('histogram', () => {
  const values = fc.array(fc.double({ min: 1e-4, max: 1e14, noNaN: true }), { minLength: 1, maxLength: 200 });

  it('gives quantiles within 2.5 % of the nearest rank', () => {
    fc.assert(
      fc.property(values, fc.double({ min: 0.01, max: 1, noNaN: true }), (all, q) => {
        const exact = [...all].sort((a, b) => a - b)[Math.max(1, Math.ceil(q * all.length)) - 1] ?? 0;
        const found = histogramOf(all).quantile(q) ?? 0;
        expect(Math.abs(found / exact - 1)).toBeLessThanOrEqual(0.0251);
      }),
    );
  });

  it('merged is as if all had been added to one, and so is one that was written and read', () => {
    fc.assert(
      fc.property(values, values, (a, b) => {
        const merged = histogramOf(a);
        merged.merge(histogramOf(b));
        const all = histogramOf([...a, ...b]);
        expect(merged.entries()).toEqual(all.entries());
        expect(new LogHistogram(JSON.parse(JSON.stringify(all.entries()))).samples).toBe(a.length + b.length);
      }),
    );
  });

  it('stays small whatever comes', () => {
    const strange = histogramOf([0, -1, Number.MIN_VALUE, Number.MAX_VALUE, Number.POSITIVE_INFINITY, 1]);
    expect(strange.samples).toBe(6);
    expect(strange.entries().length).toBeLessThanOrEqual(4);
    expect(new LogHistogram().quantile(0.5)).toBeUndefined();
  });
});

it('a day of histograms forgets hours that are a day old, and those that a wrong clock left in the future', () => {
  const day = new DayOfHistograms();
  day.add(1, start + 1000 * hour);
  for (let h = 0; h < 30; h++) day.add(1, start + h * hour);
  expect(day.merged(start + 29 * hour).samples).toBe(24);
  expect(day.merged(start + 40 * hour).samples).toBe(13);
  const again = new DayOfHistograms(JSON.parse(JSON.stringify(day.entries())));
  expect(again.merged(start + 29 * hour).samples).toBe(24);
});

it('a recent sum holds a span, to a twelfth of it', () => {
  const sum = new RecentSum(minute);
  sum.add(5, start);
  sum.add(7, start + 30_000);
  expect(sum.sum(start + 54_999)).toBe(12);
  expect(sum.sum(start + 60_000)).toBe(7);
  expect(sum.sum(start + 10 * minute)).toBe(0);
  expect(sum.sum(start - hour)).toBe(0);
});

it('a recent rate is that of the whole span, wherever in a slot it is asked for', () => {
  const sum = new RecentSum(minute);
  for (let at = start; at < start + 5 * minute; at += 50) {
    sum.add(100, at);
    const age = at - start;
    // What came in the slot that is half out of the span is taken to have come evenly.
    if (age > 2 * minute && age % 1750 === 0)
      expect(Math.abs(sum.perSecond(at) / 2000 - 1), `${age}`).toBeLessThan(0.002);
  }
  const once = new RecentSum(minute);
  once.add(600, start);
  expect([59_999, 62_500, 65_000].map((age) => once.perSecond(start + age))).toEqual([10, 5, 0]);
});

it('buckets of seconds are cumulative, bounds included', () => {
  const buckets = new SecondsBuckets();
  for (const seconds of [0.001, 0.0011, 0.2, 99]) buckets.add(seconds);
  const { buckets: counts, count, sumSeconds } = new SecondsBuckets(buckets.entries()).cumulative;
  expect(counts.slice(0, 2)).toEqual([
    [0.001, 1],
    [0.0025, 2],
  ]);
  expect([counts.at(-1), count]).toEqual([[10, 3], 4]);
  expect(sumSeconds).toBeCloseTo(99.2021);
});

describe('minutes', () => {
  it('are good or bad by their evidence, and bad when there is both', () => {
    const minutes = new Minutes();
    minutes.note('good', start);
    minutes.note('good', start + 1000);
    minutes.note('good', start + minute);
    minutes.note('bad', start + minute + 5);
    minutes.note('good', start + minute + 6);
    minutes.note('bad', start + 5 * minute);
    expect(minutes.lastDay(start + 5 * minute)).toEqual({ goodMinutes: 1, badMinutes: 2 });
    expect(minutes.total).toEqual({ goodMinutes: 1, badMinutes: 2 });
  });

  it('leave the day after 24 hours, but not the total', () => {
    const minutes = new Minutes();
    minutes.note('good', start);
    minutes.note('bad', start + minute);
    expect(minutes.lastDay(start + 24 * hour - 1)).toEqual({ goodMinutes: 1, badMinutes: 1 });
    expect(minutes.lastDay(start + 24 * hour)).toEqual({ goodMinutes: 0, badMinutes: 1 });
    expect(minutes.lastDay(start + 500 * hour)).toEqual({ goodMinutes: 0, badMinutes: 0 });
    expect(minutes.total).toEqual({ goodMinutes: 1, badMinutes: 1 });
  });

  it('count the same as a plain list of them, whatever the order and however the clock jumps', () => {
    const step = fc.record({ at: fc.integer({ min: 0, max: 1439 }), evidence: fc.constantFrom('good', 'bad') });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const minutes = new Minutes();
        const plain = new Map<number, string>();
        for (const { at, evidence } of steps) {
          minutes.note(evidence as 'good' | 'bad', start + at * minute);
          if (plain.get(at) !== 'bad') plain.set(at, evidence);
        }
        const count = (state: string) => [...plain.values()].filter((of) => of === state).length;
        const expected = { goodMinutes: count('good'), badMinutes: count('bad') };
        expect(minutes.lastDay(start + 1439 * minute)).toEqual(expected);
        const again = new Minutes(JSON.parse(JSON.stringify(minutes.entries())));
        expect(again.lastDay(start + 1439 * minute)).toEqual(expected);
        expect(again.total).toEqual(expected);
      }),
    );
  });

  it('begin anew when the clock was days ahead', () => {
    const minutes = new Minutes();
    minutes.note('bad', start + 1000 * hour);
    minutes.note('good', start);
    expect(minutes.lastDay(start)).toEqual({ goodMinutes: 1, badMinutes: 0 });
  });
});
