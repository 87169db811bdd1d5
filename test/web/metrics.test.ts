import { expect, it } from 'vitest';
import { renderMetrics, statusMetrics } from '../../src/web/metrics.ts';
import { warningTable } from '../../src/web/warnings.ts';
import { sampleStatus } from './sampleStatus.ts';

const text = renderMetrics(statusMetrics(sampleStatus()));
const lines = text.split('\n');

/** OpenMetrics 1.0: exposition format, as far as we use it. */
const metric = /^([a-z_]+)(\{[a-z]+="(?:[^"\\\n]|\\[\\"n])*"(?:,[a-z]+="(?:[^"\\\n]|\\[\\"n])*")*\})? (-?[0-9.e+-]+)$/;

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
      const sample = metric.exec(line);
      expect(sample?.[1], line).toBe(family + (type === 'counter' ? '_total' : type === 'info' ? '_info' : ''));
    }
  }
  expect(lines.filter((line) => line.startsWith('medusa_')).length).toBeGreaterThan(40);
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
    'medusa_spool_instances{state="routed"} 1234',
    'medusa_queue_oldest_age_seconds{store="ceph"} 600',
    'medusa_store_up{store="ceph"} 0',
    'medusa_warning{code="store.unavailable",severity="error"} 1',
    'medusa_warning{code="spool.refusing",severity="critical"} 0',
  ]) {
    expect(lines).toContain(line);
  }
  expect(lines.filter((line) => line.startsWith('medusa_warning{'))).toHaveLength(Object.keys(warningTable).length);
});

it('escapes what strangers choose', () => {
  const [peer] = sampleStatus().peers;
  const peers = peer ? [{ ...peer, aeTitle: 'A"B\\C\nD' }] : [];
  expect(renderMetrics(statusMetrics(sampleStatus({ peers })))).toContain('{peer="A\\"B\\\\C\\nD"} 40');
});
