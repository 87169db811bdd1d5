/** OpenMetrics 1.0 text. Pure. */

export type Labels = Record<string, string>;
/** `suffix`: of a histogram's sample; others have the one of their type. */
export type Sample = { labels?: Labels; value: number; suffix?: '_bucket' | '_count' | '_sum' };

export type MetricFamily = {
  /** Without `_total`, which counters get when written. */
  name: string;
  type: 'counter' | 'gauge' | 'histogram' | 'info';
  help: string;
  unit?: 'bytes' | 'seconds';
  samples: Sample[];
};

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function writeLabels(labels: Labels = {}): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

const suffixes = { counter: '_total', gauge: '', histogram: '', info: '_info' };

export function renderMetrics(families: readonly MetricFamily[]): string {
  const lines: string[] = [];
  for (const { name, type, help, unit, samples } of families) {
    lines.push(`# TYPE ${name} ${type}`);
    if (unit) lines.push(`# UNIT ${name} ${unit}`);
    lines.push(`# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}`);
    for (const { labels, value, suffix = suffixes[type] } of samples) {
      lines.push(`${name}${suffix}${writeLabels(labels)} ${value}`);
    }
  }
  return `${lines.join('\n')}\n# EOF\n`;
}

export const gauge = (name: string, help: string, samples: Sample[]): MetricFamily => ({
  ...{ name, type: 'gauge', help, samples },
});
export const counter = (name: string, help: string, samples: Sample[]): MetricFamily => ({
  ...{ name, type: 'counter', help, samples },
});
export const bytes = (family: MetricFamily): MetricFamily => ({ ...family, unit: 'bytes' });
export const seconds = (family: MetricFamily): MetricFamily => ({ ...family, unit: 'seconds' });

/** What one labelled histogram has: cumulative counts by upper bound, all of them, and their sum. */
export type HistogramValue = { buckets: Array<[bound: number, count: number]>; count: number; sum: number };

/** `le` as OpenMetrics wants it: always with a point. */
const bound = (value: number) => (Number.isInteger(value) ? value.toFixed(1) : String(value));

export function histogram(
  name: string,
  help: string,
  values: ReadonlyArray<{ labels: Labels; value: HistogramValue }>,
): MetricFamily {
  const samples = values.flatMap(({ labels, value: { buckets, count, sum } }): Sample[] => [
    ...buckets.map(([le, value]): Sample => ({ labels: { ...labels, le: bound(le) }, value, suffix: '_bucket' })),
    { labels: { ...labels, le: '+Inf' }, value: count, suffix: '_bucket' },
    { labels, value: count, suffix: '_count' },
    { labels, value: sum, suffix: '_sum' },
  ]);
  return { name, type: 'histogram', help, samples };
}
