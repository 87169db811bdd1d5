/** A status with something in every part, for tests. */
import type { ApiSources, GatewayStatus, QueueEntry } from '../../src/web/status.ts';
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

export function sampleStatus(change: Partial<GatewayStatus> = {}): GatewayStatus {
  return {
    site: 'clinic-north',
    version: '1.2.3',
    aeTitle: 'MEDUSA',
    startedAt: sampleNow - 3 * 3600_000,
    now: sampleNow,
    listeners: [{ name: 'tls', address: '0.0.0.0:2762', tls: true, listening: true, openAssociations: 3 }],
    peers: [
      {
        ...{ aeTitle: 'CT1', openAssociations: 3, associations: 40, instances: 5000, bytes: 3 * 2 ** 30 },
        ...{ rejected: 1, refused: 2, lastSeenAt: sampleNow - 5000 },
      },
    ],
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
    warnings: sampleHealth().active(),
    ...change,
  };
}

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
    retry: (selection) => {
      asked.push(selection);
      return 'all' in selection ? 3 : Number(selection.id === entry.id);
    },
  };
}
