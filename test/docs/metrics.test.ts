import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { statusMetrics } from '../../src/web/metrics.ts';
import { sampleStatus } from '../web/sampleStatus.ts';

const guide = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
const families = statusMetrics(sampleStatus());

it('docs/metrics.md explains every metric, with its type and labels, and none that there is not', () => {
  const rendered = families.map(({ name, type, samples }) => {
    const labels = new Set(samples.flatMap((sample) => Object.keys(sample.labels ?? {})));
    return `${name} ${type} ${[...labels].sort().join(' ')}`.trim();
  });
  const explained = [...guide.matchAll(/^\| `(medusa_\w+)` \| (\w+) \| ([^|]*)\|/gm)].map(
    ([, name, type, labels = '']) => `${name} ${type} ${(labels.match(/\w+/g) ?? []).sort().join(' ')}`.trim(),
  );
  expect(explained.sort()).toEqual(rendered.sort());
});

it('alerts only on metrics that there are', () => {
  const suffixes = { counter: ['_total'], gauge: [''], info: ['_info'], histogram: ['_bucket', '_sum', '_count'] };
  const written = new Set(families.flatMap(({ name, type }) => suffixes[type].map((suffix) => name + suffix)));
  const [, alerts = ''] = guide.split(/^## /m);
  const named = [...alerts.matchAll(/medusa_\w+/g)].map(([name]) => name);
  expect(named.length).toBeGreaterThan(8);
  expect(named.filter((name) => !written.has(name))).toEqual([]);
});
