/** A status with something in every part, for tests. */
import type { KnockEntry } from '../../src/web/peers.ts';
import type { ApiSources, GatewayStatus, PeerStatus, QueueEntry, RunEntry } from '../../src/web/status.ts';
import { Health } from '../../src/web/warnings.ts';

export const sampleNow = Date.UTC(2026, 10, 24, 12, 0, 0);
const minute = 60_000;

export function sampleHealth(): Health {
  let now = sampleNow - 10 * minute;
  const health = new Health(() => now);
  health.raise('store.unavailable', { store: 'ceph', reason: 'connection refused', queued: 1234 }, 'ceph');
  now = sampleNow;
  return health;
}

/** A sender with every figure. */
export function samplePeer(change: Partial<PeerStatus> = {}): PeerStatus {
  const { aeTitle = 'CT1' } = change;
  const bounds = [0.001, 0.01, 0.1, 1];
  return {
    ...{ aeTitle, openAssociations: 3, associations: 40, released: 34, abortedByPeer: 1, abortedByUs: 1, broken: 1 },
    ...{ instances: 5000, duplicates: 20, bytes: 3 * 2 ** 30, lastSeenAt: sampleNow - 5000 },
    rejected: { temporaryCongestion: 1 },
    refused: { A700H: 2 },
    acknowledged: {
      buckets: bounds.map((bound, at) => [bound, [0, 4000, 4900, 5000][at] ?? 0]),
      ...{ count: 5000, sumSeconds: 42.5 },
    },
    link: {
      ...{ aeTitle, since: sampleNow - 30 * 24 * 3600_000 },
      ...{ lastSeenAt: sampleNow - 5000, lastSuccessAt: sampleNow - 5000, associations24h: 37 },
      ...{ bytesPerSecondP50: 45 * 2 ** 20, bytesPerSecondP20: 12 * 2 ** 20 },
      ...{ imagesPerSecondP50: 90.2, imagesPerSecondP20: 24.3 },
      ...{ bytesPerSecondLastMinute: 5 * 2 ** 20, imagesPerSecondLastMinute: 10 },
      ...{ acknowledgements24h: 5000, acknowledgeMsP50: 6.4, acknowledgeMsP99: 84.2 },
      ...{ goodMinutes24h: 95, badMinutes24h: 1, availability24h: 95 / 96 },
      ...{ goodMinutes: 4000, badMinutes: 3, availability: 4000 / 4003 },
      tooFewSamples: [],
    },
    ...change,
  };
}

export function sampleStatus(change: Partial<GatewayStatus> = {}): GatewayStatus {
  return {
    site: 'clinic-north',
    version: '1.2.3',
    aeTitle: 'MEDUSA',
    startedAt: sampleNow - 3 * 3600_000,
    now: sampleNow,
    listeners: [{ name: 'tls', address: '0.0.0.0:2762', tls: true, listening: true, openAssociations: 3 }],
    peers: [samplePeer()],
    limits: [
      { name: 'associations', key: 'limits.associations', unit: 'count', limit: 128, inUse: 110, hits: 0 },
      {
        ...{ name: 'idleTimeout', key: 'limits.idleTimeout', unit: 'seconds', limit: 60 },
        ...{ hits: 4, lastHitAt: sampleNow - 2 * 3600_000 },
      },
      { name: 'connections', key: 'limits.connections', unit: 'count', limit: 4096, inUse: 112, hits: 0 },
      { name: 'associationBytes', key: 'limits.associationBytes', unit: 'bytes', hits: 0 },
      {
        ...{ name: 'associations', key: 'peers[CT1].limits.associations', peer: 'CT1', unit: 'count', limit: 8 },
        ...{ inUse: 3, hits: 2, lastHitAt: sampleNow - 3600_000 },
      },
    ],
    held: { intake: { times: 12, seconds: 30.5 }, answers: { times: 0, seconds: 0 }, window: { times: 0, seconds: 0 } },
    spool: {
      quotaBytes: 20 * 2 ** 30,
      usedBytes: 5 * 2 ** 30,
      freeSegments: 120,
      totalSegments: 160,
      instances: { received: 1, routed: 1234, delivered: 3765, quarantined: 0 },
      refusing: false,
    },
    stores: [
      {
        ...{ name: 'ceph', type: 's3', state: 'waiting', queued: 1234, inFlight: 0, delivered: 3765 },
        ...{ deliveredBytes: 2 ** 31, quarantined: 0, oldestQueuedAt: sampleNow - 10 * minute },
        lastError: { code: 'store.unavailable', message: 'connection refused', at: sampleNow - 1000 },
        nextAttemptAt: sampleNow + 30_000,
      },
    ],
    receipts: { count: 3765, lastSeq: 3765 },
    studies: { open: 1, complete: 12 },
    applications: [
      {
        ...{ application: 'triage', version: '1.0.0', runs: 4, instancesIn: 400, instancesOut: 390, files: 800 },
        ...{ notSelected: 2, quarantined: 8, bytesIn: 210e6, bytesOut: 90e6, ratio: 90 / 210, promisedRatio: 0.5 },
        ...{ cpuSeconds: 12.5, peakMemoryBytes: 60e6, wallMs: 20_000 },
        tasks: { gathering: 1, due: 2, running: 1, finished: 4, skipped: 1, quarantined: 1 },
        lastFailure: { code: 'application.exit', message: 'ended with status 1', study: '1.2.3', at: sampleNow - 5000 },
      },
    ],
    commitments: [{ aeTitle: 'CT1', pending: 2, reporting: 1, reported: 40, failed: 3, dropped: 0, refused: 1 }],
    warnings: sampleHealth().active(),
    ...change,
  };
}

export const sampleKnock: KnockEntry = {
  id: 3,
  callingAeTitle: 'MR7',
  calledAeTitle: 'MEDUSA',
  address: '10.1.2.7',
  listener: 'tls',
  sopClasses: [],
  transferSyntaxes: [],
  why: 'the calling AE title is not among the peers',
  hint: 'admit it',
  count: 2,
  firstAt: sampleNow - minute,
  lastAt: sampleNow,
};

export const sampleRun: RunEntry = {
  ...{ id: 12, route: 'ct', application: 'ct-quantification', version: '1.0.0', scope: 'series', store: 'ceph' },
  ...{
    unit: '1.3',
    study: '1.2',
    revision: 2,
    state: 'quarantined',
    priority: 'normal',
    instances: 40,
    bytes: 2 ** 24,
  },
  attempts: 3,
  lastError: { code: 'application.timeout', message: 'it took longer than 10 min', at: sampleNow - minute },
};

/** Sources that answer from memory and remember what was asked of them. */
export function sampleSources(status: GatewayStatus = sampleStatus()): ApiSources & { asked: unknown[] } {
  const asked: unknown[] = [];
  const entry: QueueEntry = {
    id: 7,
    store: 'ceph',
    key: 'medusa/clinic-north/studies/1.2/series/1.3/1.4.dcm',
    state: 'quarantined',
    bytes: 524_288,
    priority: 'normal',
    attempts: 10,
    queuedAt: sampleNow - minute,
    lastError: { code: 'store.refused', message: '403 AccessDenied', hint: 'check the rights', at: sampleNow },
  };
  return {
    asked,
    status: () => status,
    queue: (query) => {
      asked.push(query);
      return { entries: [entry], next: 7 };
    },
    queueEntry: (id) => (id === entry.id ? entry : undefined),
    studies: (query) => {
      asked.push(query);
      const study = { studyInstanceUid: '1.2', state: 'open', instances: 3, bytes: 100, delivered: 1 } as const;
      return { entries: [{ ...study, lastInstanceAt: sampleNow }] };
    },
    receipts: async (query) => {
      asked.push(query);
      return { receipts: [{ seq: query.from }] };
    },
    runs: (query) => {
      asked.push(query);
      return { entries: [sampleRun], next: sampleRun.id };
    },
    run: (id) => {
      if (id !== sampleRun.id) return undefined;
      const reason = 'Burned In Annotation (0028,0301) is YES';
      const refused = { instance: '1.4.1', outcome: 'quarantined', code: 'deidentify.burned-in', reason } as const;
      return { ...sampleRun, inputs: [{ instance: '1.4', outcome: 'used' }, refused] };
    },
    retryRuns: (selection) => {
      asked.push(selection);
      return 'all' in selection ? 2 : Number(selection.id === sampleRun.id);
    },
    peers: () => ({ knocks: [sampleKnock] }),
    learn: (request) => {
      asked.push(request);
      return 'forMs' in request ? { learningUntil: sampleNow + request.forMs } : {};
    },
    reload: async () => {
      asked.push('reload');
      return { file: '/etc/g.yaml', reloaded: true, problems: [], applied: ['peers'], needRestart: [], tls: [] };
    },
    retry: (selection) => {
      asked.push(selection);
      return 'all' in selection ? 3 : Number(selection.id === entry.id);
    },
  };
}
