/** Metrics of split applications. Pure. */
import { bytes, counter, gauge, type MetricFamily, type Sample, seconds } from './openMetrics.ts';
import type { ApplicationStatus, GatewayStatus } from './status.ts';

export function applicationMetrics({ applications }: GatewayStatus): MetricFamily[] {
  const labels = ({ application, version }: ApplicationStatus) => ({ application, version });
  const of = (pick: (one: ApplicationStatus) => number): Sample[] =>
    applications.map((one) => ({ labels: labels(one), value: pick(one) }));
  const tasks = applications.flatMap((one) =>
    Object.entries(one.tasks).map(([state, value]) => ({ labels: { ...labels(one), state }, value })),
  );
  const promised = applications.flatMap((one) =>
    one.promisedRatio === undefined ? [] : [{ labels: labels(one), value: one.promisedRatio }],
  );
  const name = (end: string) => `medusa_app_${end}`;
  return [
    gauge(name('tasks'), 'Tasks, by state; running ones are among those that are due', tasks),
    counter(
      name('runs'),
      'Tasks that were run to their end',
      of((one) => one.runs),
    ),
    counter(
      name('instances_in'),
      'Instances that went in',
      of((one) => one.instancesIn),
    ),
    counter(
      name('instances_out'),
      'Instances to be delivered',
      of((one) => one.instancesOut),
    ),
    counter(
      name('files'),
      'Other results to be delivered',
      of((one) => one.files),
    ),
    counter(
      name('instances_quarantined'),
      'Instances that could not be processed',
      of((one) => one.quarantined),
    ),
    bytes(
      counter(
        name('in_bytes'),
        'Bytes that went in',
        of((one) => one.bytesIn),
      ),
    ),
    bytes(
      counter(
        name('out_bytes'),
        'Bytes to be delivered',
        of((one) => one.bytesOut),
      ),
    ),
    gauge(name('ratio_promised'), 'Largest share of the bytes in that the bytes out may have', promised),
    seconds(
      counter(
        name('cpu_seconds'),
        'CPU time of threads and data parts',
        of((one) => one.cpuSeconds),
      ),
    ),
    seconds(
      counter(
        name('wall_seconds'),
        'Time from begin to end of runs',
        of((one) => one.wallMs / 1000),
      ),
    ),
    bytes(
      gauge(
        name('peak_memory_bytes'),
        'Highest memory of any run',
        of((one) => one.peakMemoryBytes),
      ),
    ),
    gauge(
      name('waits'),
      '1 while something that it needs is away',
      of((one) => Number(one.waitsFor !== undefined)),
    ),
  ];
}
