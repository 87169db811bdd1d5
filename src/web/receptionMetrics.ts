/** Metrics of the reception: listeners, senders and the links to them, limits. Pure. */
import type { InnerLink } from './innerLink.ts';
import { bytes, counter, gauge, histogram, type MetricFamily, type Sample, seconds } from './openMetrics.ts';
import type { GatewayStatus, LimitStatus, ListenerStatus, PeerStatus } from './status.ts';

/** One sample for each that has a value. */
function samplesOf<Of>(
  all: readonly Of[],
  labels: (of: Of) => Record<string, string>,
  pick: (of: Of) => number | undefined,
): Sample[] {
  return all.flatMap((of) => {
    const value = pick(of);
    return value === undefined ? [] : [{ labels: labels(of), value }];
  });
}

function listenerMetrics({ listeners }: GatewayStatus): MetricFamily[] {
  const of = (pick: (listener: ListenerStatus) => number) =>
    samplesOf(listeners, ({ name }) => ({ listener: name }), pick);
  return [
    gauge(
      'medusa_listener_up',
      '1 while the listener accepts connections',
      of((l) => Number(l.listening)),
    ),
    gauge(
      'medusa_open_associations',
      'Open associations',
      of((l) => l.openAssociations),
    ),
  ];
}

const of = (peers: readonly PeerStatus[], pick: (peer: PeerStatus) => number | undefined) =>
  samplesOf(peers, ({ aeTitle }) => ({ peer: aeTitle }), pick);

/** One sample for each peer and each name that it has a count for. */
function byName(
  peers: readonly PeerStatus[],
  label: string,
  pick: (peer: PeerStatus) => Record<string, number>,
): Sample[] {
  return peers.flatMap((peer) =>
    Object.entries(pick(peer)).map(([name, value]) => ({ labels: { peer: peer.aeTitle, [label]: name }, value })),
  );
}

function associationMetrics({ peers }: GatewayStatus): MetricFamily[] {
  const ends = byName(peers, 'how', ({ released, abortedByPeer, abortedByUs, broken }) => ({
    ...{ released, broken },
    ...{ aborted_by_peer: abortedByPeer, aborted_by_us: abortedByUs },
  }));
  return [
    counter(
      'medusa_associations',
      'Associations accepted',
      of(peers, (p) => p.associations),
    ),
    counter('medusa_associations_ended', 'Associations that are over, by how they ended', ends),
    counter(
      'medusa_associations_rejected',
      'Associations rejected, by reason',
      byName(peers, 'reason', (p) => p.rejected),
    ),
    gauge(
      'medusa_peer_open_associations',
      'Open associations of a peer',
      of(peers, (p) => p.openAssociations),
    ),
    seconds(
      gauge(
        'medusa_peer_last_seen_timestamp_seconds',
        'When the peer was last heard of',
        of(peers, (p) => inSeconds(p.lastSeenAt)),
      ),
    ),
  ];
}

const inSeconds = (ms: number | undefined) => (ms === undefined ? undefined : ms / 1000);

function instanceMetrics({ peers }: GatewayStatus): MetricFamily[] {
  return [
    counter(
      'medusa_instances_received',
      'Instances acknowledged with Success',
      of(peers, (p) => p.instances),
    ),
    counter(
      'medusa_instances_duplicate',
      'Instances among them that were here already',
      of(peers, (p) => p.duplicates),
    ),
    counter(
      'medusa_instances_refused',
      'Instances answered with anything but Success, by status',
      byName(peers, 'status', (p) => p.refused),
    ),
    bytes(
      counter(
        'medusa_received_bytes',
        'Bytes of instances acknowledged with Success',
        of(peers, (p) => p.bytes),
      ),
    ),
  ];
}

/** Figures of the inner link: only where peers are not gathered. */
function linkMetrics({ peers }: GatewayStatus): MetricFamily[] {
  const linked = peers.filter(({ link }) => link !== undefined);
  const of = (labels: Record<string, string>, pick: (link: InnerLink) => number | undefined) =>
    samplesOf(
      linked,
      ({ aeTitle }) => ({ peer: aeTitle, ...labels }),
      ({ link }) => link && pick(link),
    );
  const [p50, p20, day, all] = [{ quantile: '0.5' }, { quantile: '0.2' }, { window: '24h' }, { window: 'all' }];
  const acknowledged = linked.map(({ aeTitle, acknowledged: { buckets, count, sumSeconds } }) => ({
    labels: { peer: aeTitle },
    value: { buckets, count, sum: sumSeconds },
  }));
  return [
    seconds(
      gauge(
        'medusa_peer_last_success_timestamp_seconds',
        'When an instance of the peer was last acknowledged with Success',
        of({}, (l) => inSeconds(l.lastSuccessAt)),
      ),
    ),
    gauge('medusa_peer_goodput_bytes_per_second', 'Bytes a second while sending, by association, last 24 hours', [
      ...of(p50, (l) => l.bytesPerSecondP50),
      ...of(p20, (l) => l.bytesPerSecondP20),
    ]),
    gauge('medusa_peer_goodput_images_per_second', 'Images a second while sending, by association, last 24 hours', [
      ...of(p50, (l) => l.imagesPerSecondP50),
      ...of(p20, (l) => l.imagesPerSecondP20),
    ]),
    gauge(
      'medusa_peer_goodput_associations',
      'Associations that the goodput is taken from',
      of({}, (l) => l.associations24h),
    ),
    gauge(
      'medusa_peer_recent_bytes_per_second',
      'Bytes a second over the last minute, pauses included',
      of({}, (l) => l.bytesPerSecondLastMinute),
    ),
    gauge(
      'medusa_peer_recent_images_per_second',
      'Images a second over the last minute, pauses included',
      of({}, (l) => l.imagesPerSecondLastMinute),
    ),
    seconds(
      histogram('medusa_peer_acknowledge_seconds', 'From the last byte of an instance to its Success', acknowledged),
    ),
    gauge('medusa_peer_availability_ratio', 'Share of the minutes with evidence in which the link worked', [
      ...of(day, (l) => l.availability24h),
      ...of(all, (l) => l.availability),
    ]),
    gauge('medusa_peer_link_minutes', 'Minutes with evidence that the link worked (good), or did not (bad)', [
      ...of({ ...day, evidence: 'good' }, (l) => l.goodMinutes24h),
      ...of({ ...day, evidence: 'bad' }, (l) => l.badMinutes24h),
      ...of({ ...all, evidence: 'good' }, (l) => l.goodMinutes),
      ...of({ ...all, evidence: 'bad' }, (l) => l.badMinutes),
    ]),
  ];
}

/** Value, use and hits of some limits. `family`: the beginning of the names; `whose`: of what they are, in words. */
function limitFamilies(family: string, whose: string, limits: readonly LimitStatus[]): MetricFamily[] {
  const labels = ({ name, peer }: LimitStatus) => ({ ...(peer === undefined ? {} : { peer }), limit: name });
  const of = (pick: (limit: LimitStatus) => number | undefined) => samplesOf(limits, labels, pick);
  const values = samplesOf(
    limits,
    (l) => ({ ...labels(l), unit: l.unit }),
    (l) => l.limit,
  );
  return [
    gauge(family, `Limits ${whose}; left out: unlimited`, values),
    gauge(
      `${family}_in_use`,
      `How much of a limit ${whose} is in use`,
      of((l) => l.inUse),
    ),
    counter(
      `${family}_hits`,
      `How often a sender ran into a limit ${whose}`,
      of((l) => l.hits),
    ),
  ];
}

/** Families of their own for the limits that peers have of their own: labels are the same within a family. */
function limitMetrics({ limits, held }: GatewayStatus): MetricFamily[] {
  const own = limits.filter(({ peer }) => peer !== undefined);
  const common = limits.filter(({ peer }) => peer === undefined);
  const reasons = Object.entries(held);
  return [
    ...limitFamilies('medusa_limit', 'for everybody', common),
    ...limitFamilies('medusa_peer_limit', 'of one entry of peers', own),
    counter(
      'medusa_held',
      'How often a sender was held back',
      reasons.map(([reason, { times }]) => ({ labels: { reason }, value: times })),
    ),
    seconds(
      counter(
        'medusa_held_seconds',
        'How long senders were held back, added up',
        reasons.map(([reason, { seconds }]) => ({ labels: { reason }, value: seconds })),
      ),
    ),
  ];
}

export function receptionMetrics(status: GatewayStatus): MetricFamily[] {
  return [listenerMetrics, associationMetrics, instanceMetrics, linkMetrics, limitMetrics].flatMap((of) => of(status));
}
