/** Metrics of storage commitment. Pure. */
import { counter, gauge, type MetricFamily, type Sample } from './openMetrics.ts';
import type { CommitmentStatus, GatewayStatus } from './status.ts';

type Figure = Exclude<keyof CommitmentStatus, 'aeTitle'>;

export function commitmentMetrics({ commitments }: GatewayStatus): MetricFamily[] {
  const samples = (figure: Figure): Sample[] =>
    commitments.map((peer) => ({ labels: { peer: peer.aeTitle }, value: peer[figure] }));
  const name = (end: string) => `medusa_storage_commitments_${end}`;
  return [
    gauge(name('pending'), 'Requests that are not decided yet', samples('pending')),
    gauge(name('reporting'), 'Requests that are decided and not reported yet', samples('reporting')),
    counter(name('reported'), 'Reports that the peer took', samples('reported')),
    counter(name('failed'), 'Reports that the peer took, with failures in them', samples('failed')),
    counter(name('dropped'), 'Reports that nobody took until they were given up', samples('dropped')),
    counter(name('refused'), 'Requests answered with anything but Success', samples('refused')),
  ];
}
