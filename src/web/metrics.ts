/** The metrics of a status: every one is explained in docs/metrics.md. Pure. */
import { applicationMetrics } from './applicationMetrics.ts';
import { commitmentMetrics } from './commitmentMetrics.ts';
import { bytes, counter, gauge, type MetricFamily, type Sample, seconds } from './openMetrics.ts';
import { receptionMetrics } from './receptionMetrics.ts';
import type { GatewayStatus } from './status.ts';
import { warningTable } from './warnings.ts';

export { renderMetrics } from './openMetrics.ts';

function spoolMetrics({ spool, studies }: GatewayStatus): MetricFamily[] {
  const states = Object.entries(spool.instances).map(([state, value]) => ({ labels: { state }, value }));
  return [
    bytes(gauge('medusa_spool_quota_bytes', 'Disk space that the spool may take', [{ value: spool.quotaBytes }])),
    bytes(gauge('medusa_spool_used_bytes', 'Bytes in the spool', [{ value: spool.usedBytes }])),
    gauge('medusa_spool_free_segments', 'Segments that can be written', [{ value: spool.freeSegments }]),
    gauge('medusa_spool_segments', 'Segments in all', [{ value: spool.totalSegments }]),
    gauge('medusa_spool_instances', 'Instances in the spool, by state', states),
    gauge('medusa_spool_refusing', '1 while senders are answered A700', [{ value: Number(spool.refusing) }]),
    gauge('medusa_studies', 'Studies in the spool, by state', [
      { labels: { state: 'open' }, value: studies.open },
      { labels: { state: 'complete' }, value: studies.complete },
    ]),
  ];
}

function deliveryMetrics({ stores, receipts, now }: GatewayStatus): MetricFamily[] {
  const ofStores = (pick: (store: GatewayStatus['stores'][number]) => number): Sample[] =>
    stores.map((store) => ({ labels: { store: store.name }, value: pick(store) }));
  return [
    gauge(
      'medusa_store_up',
      '1 unless the last attempts failed',
      ofStores((s) => Number(s.state !== 'waiting')),
    ),
    gauge(
      'medusa_queue_waiting',
      'Deliveries that wait',
      ofStores((s) => s.queued),
    ),
    gauge(
      'medusa_queue_in_flight',
      'Deliveries under way',
      ofStores((s) => s.inFlight),
    ),
    gauge(
      'medusa_queue_quarantined',
      'Deliveries that failed for good',
      ofStores((s) => s.quarantined),
    ),
    seconds(
      gauge(
        'medusa_queue_oldest_age_seconds',
        'Age of the oldest delivery that waits',
        ofStores((s) => (s.oldestQueuedAt === undefined ? 0 : Math.max(0, now - s.oldestQueuedAt) / 1000)),
      ),
    ),
    counter(
      'medusa_delivered',
      'Deliveries that the store confirmed',
      ofStores((s) => s.delivered),
    ),
    bytes(
      counter(
        'medusa_delivered_bytes',
        'Bytes that the store confirmed',
        ofStores((s) => s.deliveredBytes),
      ),
    ),
    counter('medusa_receipts', 'Receipts signed', [{ value: receipts.count }]),
  ];
}

/** All families of a status. Every declared warning is a sample, 0 or 1, so that alerts on it can be written beforehand. */
export function statusMetrics(status: GatewayStatus): MetricFamily[] {
  const raised = new Set<string>(status.warnings.map((warning) => warning.code));
  const warnings = Object.entries(warningTable).map(([code, { severity }]) => ({
    labels: { code, severity },
    value: Number(raised.has(code)),
  }));
  return [
    {
      name: 'medusa_build',
      type: 'info',
      help: 'Version and site',
      samples: [{ labels: { version: status.version, site: status.site }, value: 1 }],
    },
    seconds(gauge('medusa_start_timestamp_seconds', 'Start of the gateway', [{ value: status.startedAt / 1000 }])),
    gauge('medusa_warning', '1 while the warning is raised', warnings),
    ...receptionMetrics(status),
    ...spoolMetrics(status),
    ...deliveryMetrics(status),
    ...commitmentMetrics(status),
    ...applicationMetrics(status),
  ];
}
