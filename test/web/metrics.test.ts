import { expect, it } from 'vitest';
import { renderMetrics, statusMetrics } from '../../src/web/metrics.ts';
import { warningTable } from '../../src/web/warnings.ts';
import { samplePeer, sampleStatus } from './sampleStatus.ts';

const text = renderMetrics(statusMetrics(sampleStatus()));
const lines = text.split('\n');

/** OpenMetrics 1.0: exposition format, as far as we use it. */
const metric = /^([a-z_]+)(\{[a-z]+="(?:[^"\\\n]|\\[\\"n])*"(?:,[a-z]+="(?:[^"\\\n]|\\[\\"n])*")*\})? (-?[0-9.e+-]+)$/;

const suffixes: Record<string, RegExp> = {
  counter: /^_total$/,
  gauge: /^$/,
  histogram: /^_(?:bucket|count|sum)$/,
  info: /^_info$/,
};

it('is OpenMetrics: families in one piece, each with its type, units in names, EOF at the end', () => {
  expect(text.endsWith('\n# EOF\n')).toBe(true);
  let family = '';
  let type = '';
  const seen = new Set<string>();
  for (const line of lines.slice(0, -2)) {
    const head = /^# (TYPE|UNIT|HELP) ([a-z_]+) (.+)$/.exec(line);
    if (head?.[1] === 'TYPE') {
      [family = '', type = ''] = [head[2], head[3]];
      expect(seen.has(family)).toBe(false);
      seen.add(family);
    } else if (head) {
      expect(head[2]).toBe(family);
      if (head[1] === 'UNIT') expect(family.endsWith(`_${head[3]}`)).toBe(true);
    } else {
      const name = metric.exec(line)?.[1] ?? '';
      expect(name.startsWith(family), line).toBe(true);
      expect(name.slice(family.length), line).toMatch(suffixes[type] ?? /^no such type$/);
    }
  }
  expect(lines.filter((line) => line.startsWith('medusa_')).length).toBeGreaterThan(40);
});

it('no family is named as a sample of another', () => {
  const families = statusMetrics(sampleStatus()).map(({ name }) => name);
  const taken = families.flatMap((name) =>
    ['_total', '_bucket', '_count', '_sum', '_info', '_created'].map((s) => name + s),
  );
  expect(families.filter((name) => taken.includes(name))).toEqual([]);
});

it('histograms are cumulative for each peer, bounds ascend to +Inf, which is the count', () => {
  const peers = [samplePeer(), samplePeer({ aeTitle: 'MR2' })];
  const rendered = renderMetrics(statusMetrics(sampleStatus({ peers })));
  for (const { aeTitle } of peers) {
    const buckets = [
      ...rendered.matchAll(
        new RegExp(`^medusa_peer_acknowledge_seconds_bucket{peer="${aeTitle}",le="(.+)"} (\\d+)$`, 'gm'),
      ),
    ].map(([, le = '', count]) => ({ le, bound: le === '+Inf' ? Infinity : Number(le), count: Number(count) }));
    expect(buckets.map(({ le }) => le)).toEqual(['0.001', '0.01', '0.1', '1.0', '+Inf']);
    const ascending = (values: number[]) => [...values].sort((a, b) => a - b);
    expect(buckets.map(({ bound }) => bound)).toEqual(ascending(buckets.map(({ bound }) => bound)));
    expect(buckets.map(({ count }) => count)).toEqual(ascending(buckets.map(({ count }) => count)));
    const count = /^medusa_peer_acknowledge_seconds_count\{peer="CT1"\} (\d+)$/m.exec(rendered)?.[1];
    expect(buckets.at(-1)?.count).toBe(Number(count));
  }
});

it('names begin with medusa_ and no sample comes twice', () => {
  const samples = lines
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.slice(0, line.lastIndexOf(' ')));
  expect(samples.filter((name) => !name.startsWith('medusa_'))).toEqual([]);
  expect(new Set(samples).size).toBe(samples.length);
});

it('gives the figures of the status', () => {
  for (const line of [
    'medusa_build_info{version="1.2.3",site="clinic-north"} 1',
    'medusa_open_associations{listener="tls"} 3',
    'medusa_received_bytes_total{peer="CT1"} 3221225472',
    'medusa_associations_ended_total{peer="CT1",how="aborted_by_peer"} 1',
    'medusa_associations_rejected_total{peer="CT1",reason="temporaryCongestion"} 1',
    'medusa_instances_refused_total{peer="CT1",status="A700H"} 2',
    'medusa_peer_goodput_bytes_per_second{peer="CT1",quantile="0.2"} 12582912',
    'medusa_peer_acknowledge_seconds_bucket{peer="CT1",le="0.1"} 4900',
    'medusa_peer_acknowledge_seconds_sum{peer="CT1"} 42.5',
    'medusa_peer_link_minutes{peer="CT1",window="24h",evidence="bad"} 1',
    'medusa_limit{limit="idleTimeout",unit="seconds"} 60',
    'medusa_limit_in_use{limit="associations"} 110',
    'medusa_limit_hits_total{limit="idleTimeout"} 4',
    'medusa_peer_limit{peer="CT1",limit="associations",unit="count"} 8',
    'medusa_peer_limit_hits_total{peer="CT1",limit="associations"} 2',
    'medusa_held_seconds_total{reason="intake"} 30.5',
    'medusa_spool_instances{state="routed"} 1234',
    'medusa_queue_oldest_age_seconds{store="ceph"} 600',
    'medusa_store_up{store="ceph"} 0',
    'medusa_warning{code="store.unavailable",severity="error"} 1',
    'medusa_warning{code="spool.refusing",severity="critical"} 0',
  ]) {
    expect(lines).toContain(line);
  }
  expect(lines.filter((line) => line.startsWith('medusa_limit{limit="associationBytes"'))).toEqual([]);
  expect(lines.filter((line) => line.startsWith('medusa_warning{'))).toHaveLength(Object.keys(warningTable).length);
});

it('has no link for a name under which several are gathered', () => {
  const { link: _, ...gathered } = samplePeer({ aeTitle: '(unidentified callers)' });
  const rendered = renderMetrics(statusMetrics(sampleStatus({ peers: [gathered] })));
  expect(rendered).toContain(
    'medusa_associations_rejected_total{peer="(unidentified callers)",reason="temporaryCongestion"} 1',
  );
  expect(rendered).not.toContain('medusa_peer_availability_ratio{');
  expect(rendered).not.toContain('medusa_peer_acknowledge_seconds_bucket{');
});

it('escapes what strangers choose', () => {
  const peers = [samplePeer({ aeTitle: 'A"B\\C\nD' })];
  expect(renderMetrics(statusMetrics(sampleStatus({ peers })))).toContain('{peer="A\\"B\\\\C\\nD"} 40');
});
