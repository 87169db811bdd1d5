/** OpenMetrics 1.0 text of a status. Pure. */
import type { GatewayStatus } from './status.ts';
import { warningTable } from './warnings.ts';

type Labels = Record<string, string>;
type Sample = { labels?: Labels; value: number };

export type MetricFamily = {
  /** Without `_total`, which counters get when written. */
  name: string;
  type: 'counter' | 'gauge' | 'info';
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

const suffix = { counter: '_total', gauge: '', info: '_info' };

export function renderMetrics(families: readonly MetricFamily[]): string {
  const lines: string[] = [];
  for (const { name, type, help, unit, samples } of families) {
    lines.push(`# TYPE ${name} ${type}`);
    if (unit) lines.push(`# UNIT ${name} ${unit}`);
    lines.push(`# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}`);
    for (const { labels, value } of samples) lines.push(`${name}${suffix[type]}${writeLabels(labels)} ${value}`);
  }
  return `${lines.join('\n')}\n# EOF\n`;
}

const gauge = (name: string, help: string, samples: Sample[]): MetricFamily => ({ name, type: 'gauge', help, samples });
const counter = (name: string, help: string, samples: Sample[]): MetricFamily => ({
  name,
  type: 'counter',
  help,
  samples,
});
const bytes = (family: MetricFamily): MetricFamily => ({ ...family, unit: 'bytes' });
const seconds = (family: MetricFamily): MetricFamily => ({ ...family, unit: 'seconds' });

function receptionMetrics({ listeners, peers }: GatewayStatus): MetricFamily[] {
  const ofListeners = (pick: (listener: GatewayStatus['listeners'][number]) => number): Sample[] =>
    listeners.map((listener) => ({ labels: { listener: listener.name }, value: pick(listener) }));
  const ofPeers = (pick: (peer: GatewayStatus['peers'][number]) => number | undefined): Sample[] =>
    peers.flatMap((peer) => {
      const value = pick(peer);
      return value === undefined ? [] : [{ labels: { peer: peer.aeTitle }, value }];
    });
  return [
    gauge(
      'medusa_listener_up',
      '1 while the listener accepts connections',
      ofListeners((l) => Number(l.listening)),
    ),
    gauge(
      'medusa_open_associations',
      'Open associations',
      ofListeners((l) => l.openAssociations),
    ),
    counter(
      'medusa_associations',
      'Associations accepted',
      ofPeers((p) => p.associations),
    ),
    counter(
      'medusa_associations_rejected',
      'Associations rejected',
      ofPeers((p) => p.rejected),
    ),
    counter(
      'medusa_instances_received',
      'Instances acknowledged with Success',
      ofPeers((p) => p.instances),
    ),
    counter(
      'medusa_instances_refused',
      'Instances answered with anything but Success',
      ofPeers((p) => p.refused),
    ),
    bytes(
      counter(
        'medusa_received_bytes',
        'Bytes of instances received',
        ofPeers((p) => p.bytes),
      ),
    ),
    seconds(
      gauge(
        'medusa_peer_last_seen_timestamp_seconds',
        'When the peer last sent something',
        ofPeers((p) => (p.lastSeenAt === undefined ? undefined : p.lastSeenAt / 1000)),
      ),
    ),
  ];
}

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
  ];
}
