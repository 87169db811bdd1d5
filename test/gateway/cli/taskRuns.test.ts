import { expect, it } from 'vitest';
import { renderRun } from '../../../src/gateway/cli/app/taskRuns.ts';
import type { RunEntry } from '../../../src/web/status.ts';

const finished = (promisedRatio: number | null): RunEntry => ({
  ...{ id: 3, route: 'ct', application: 'triage', version: '1.0.0', scope: 'study', unit: '1.2', study: '1.2' },
  ...{ store: 'cloud', revision: 1, state: 'finished', priority: 'normal', instances: 4, bytes: 4_000_000 },
  ...{ attempts: 1, finishedAt: 0 },
  figures: {
    ...{ bytesIn: 4_000_000, bytesOut: 200_000, instancesIn: 4, instancesOut: 0, files: 4, notSelected: 0 },
    ...{ quarantined: 0, cpuSeconds: 1.25, peakMemoryBytes: 64 * 1024 * 1024, wallMs: 2_400, promisedRatio },
  },
});

it.each([
  [0.1, '5.0 %; promised at most 10.0 %: kept'],
  [0.01, '5.0 %; promised at most 1.0 %: broken'],
  [null, '5.0 %'],
])('a finished run says what it saved and cost, and what was promised (%s)', (promised, said) => {
  const text = renderRun(finished(promised), 0);
  expect(text).toContain(`bytes out:    195 KiB, ${said}\n`);
  expect(text).toContain('cost:         1.3 s of CPU, 64 MiB at most, 2.4 s in all\n');
});
