import { describe, expect, it } from 'vitest';
import type { Measurement, ReceptionResult, ReceptionRow } from '../../bench/reception.ts';
import { caseName, type ReceptionCase, receptionPlan } from '../../bench/receptionPlan.ts';
import { receptionSummary, receptionTables } from '../../bench/receptionReport.ts';
import { median, pairedRatio, rotated, rounded } from '../../bench/statistics.ts';
import { figure, formatTable } from '../../bench/table.ts';

describe('statistics', () => {
  it('median', () => {
    expect(median([])).toBeUndefined();
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
  });

  it('paired ratios are taken within a round, and rounds with a gap do not count', () => {
    // The machine halves its speed from round to round: medians of each would say 1.5, the pairs say 2.
    expect(pairedRatio([800, 200, 200], [400, 100, 100])).toBe(2);
    expect(pairedRatio([10, undefined, 30], [5, 5, undefined])).toBe(2);
    expect(pairedRatio([], [1])).toBeUndefined();
    expect(pairedRatio([1], [0])).toBeUndefined();
  });

  it('the order rotates', () => {
    expect([0, 1, 2, 3].map((round) => rotated(['a', 'b', 'c'], round).join(''))).toEqual(['abc', 'bca', 'cab', 'abc']);
    expect(rotated([], 2)).toEqual([]);
  });

  it('numbers for JSON and for people', () => {
    expect(rounded(1.23456)).toBe(1.23);
    expect(rounded(undefined)).toBeNull();
    expect(rounded(Number.NEGATIVE_INFINITY)).toBeNull();
    expect([figure(undefined), figure(0.123), figure(12.34), figure(1234.5)]).toEqual(['-', '0.12', '12.3', '1235']);
    expect(
      formatTable(
        ['name', 'x'],
        [
          ['a', '1'],
          ['bcdef', '22'],
        ],
      ),
    ).toBe('name    x\n-----  --\na       1\nbcdef  22');
  });
});

describe('the plan', () => {
  it.each([true, false])('begins with what the fixed keys need, and has each case once (quick %s)', (quick) => {
    const plan = receptionPlan(quick);
    expect(plan.slice(0, 3).map(caseName)).toEqual(['CT TLS 4', 'CT TLS 16', 'CT TLS 1']);
    expect(new Set(plan.map(caseName)).size).toBe(plan.length);
    for (const kind of ['CT', 'CR', 'US', 'tiny']) expect(plan.some((c) => c.kind === kind)).toBe(true);
  });
});

describe('the report', () => {
  const what: ReceptionCase = { transport: 'tls', kind: 'CT', associations: 4, count: 10, rounds: 2 };
  const run = (instancesPerSecond: number, ackP99Ms: number, rssMb: number): Measurement => ({
    ...{ instancesPerSecond, megabytesPerSecond: instancesPerSecond / 2, ackP50Ms: 1, ackP99Ms, ackMaxMs: 99 },
    ...{ rssBytes: rssMb * 2 ** 20, senderCpuShare: 0.2 },
  });
  const row = (receiver: string, runs: ReceptionRow['runs']): ReceptionRow => ({ case: what, receiver, runs });
  const result: ReceptionResult = {
    rows: [
      row('gateway', [run(300, 10, 100), run(600, 20, 140)]),
      row('Orthanc', [run(100, 30, 200), run(200, 30, 210)]),
      row('storescp --fork', [run(400, 5, 50), undefined]),
      row('storescp --fork + sync', [run(200, 5, 50), undefined]),
    ],
    couldNotRun: {},
    tlsUsed: [],
  };

  it('has the fixed keys; what was not measured is null', () => {
    expect(receptionSummary(result)).toMatchObject({
      receptionTls4VsOrthanc: 3,
      receptionTls4VsStorescp: 0.75,
      receptionTls4VsStorescpSync: 1.5,
      receptionTls16VsOrthanc: null,
      ackP99MsTls4: 15,
      peakRssMb: 140,
    });
    expect(receptionSummary({ rows: [], couldNotRun: {}, tlsUsed: [] })).toMatchObject({
      receptionTls4VsOrthanc: null,
      ackP99MsTls4: null,
      peakRssMb: null,
    });
  });

  it('has a table for each case', () => {
    const tables = receptionTables(result);
    expect(tables).toContain('CT TLS 4 associations (10 instances, median of 2)');
    expect(tables).toMatch(/^Orthanc +150 +75\.0 +1\.00 +30\.0 +205 +0\.20 +3\.00$/m);
  });
});
