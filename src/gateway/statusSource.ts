/** Answers the local API from the running parts. Every function is quick and bounded: the page may be open all day. */
import type { Commitments } from '../commitment/commitments.ts';
import type { Dispatcher } from '../delivery/dispatcher.ts';
import { instanceObjectKey } from '../delivery/jobs.ts';
import type { LaneStatus } from '../delivery/lane.ts';
import type { KeySpace } from '../delivery/objectKeys.ts';
import type { UsableLedger } from '../delivery/openLedger.ts';
import type { Receipt } from '../delivery/receipt.ts';
import { hintOf } from '../delivery/store/storeErrors.ts';
import type { ConnectionGate } from '../dicom/transport/connectionGate.ts';
import type { Listener } from '../dicom/transport/listener.ts';
import { type Delivery, priorities } from '../spool/index/deliveryQueue.ts';
import type { Spool } from '../spool/spool.ts';
import type { RunHeader } from '../spool/work/resultQueue.ts';
import type {
  ApiSources,
  GatewayStatus,
  LimitStatus,
  ListenerStatus,
  PeerStatus,
  QueuedResult,
  QueueEntry,
  QueuePage,
  QueueQuery,
  QueueState,
  ReceiptPage,
  RetrySelection,
  StoreStatus,
  StudyPage,
  StudyQuery,
} from '../web/status.ts';
import type { Health } from '../web/warnings.ts';
import { commitmentStatuses } from './commitments.ts';
import type { Configuration } from './config/configuration.ts';
import type { PeerRecord } from './innerLink/peerRecord.ts';
import type { LimitFigures } from './limitFigures.ts';
import type { PeerRegister } from './peerFigures.ts';
import { peerLimitsInUse } from './peerLimitsInUse.ts';
import { applicationStatuses } from './processing/applicationStatus.ts';
import type { Processing } from './processing/processing.ts';
import { runEntry, runPage, wantedVersion } from './runSource.ts';
import { version } from './version.ts';

/** Answered by who decides about callers. */
export type FrontDoorSources = Pick<ApiSources, 'peers' | 'learn' | 'reload'>;

export type StatusParts = {
  config: Configuration;
  startedAt: number;
  spool: Spool;
  ledger: UsableLedger;
  dispatcher: Dispatcher;
  listeners: readonly Listener[];
  peers: PeerRegister;
  limits: LimitFigures;
  gate: Pick<ConnectionGate, 'open' | 'pending'>;
  commitments: Commitments;
  processing: Processing;
  health: Health;
  keySpaces: ReadonlyMap<string, KeySpace>;
  /** Brings the warnings up to date. */
  refreshHealth(): void;
  /** Where the status page is, once it is served. */
  pageUrl(): string | undefined;
  now(): number;
};

export function statusSource(parts: StatusParts, door: FrontDoorSources): ApiSources {
  return {
    ...door,
    status: () => gatewayStatus(parts),
    queue: (query) => queuePage(parts, query),
    queueEntry: (id) => {
      const delivery = parts.spool.queue.get(id);
      return delivery && queueEntry(parts, delivery);
    },
    runs: (query) => runPage(parts.spool, query),
    run: (id) => runEntry(parts.spool, id),
    retryRuns: (selection) => {
      const { tasks } = parts.spool;
      const wanted = wantedVersion(parts.config.routes, parts.processing.applications);
      const released = 'all' in selection ? tasks.releaseAll(wanted) : Number(tasks.release(selection.id, wanted));
      parts.processing.engine.wake();
      return released;
    },
    studies: (query) => studyPage(parts, query),
    receipts: ({ from, limit }) => receiptPage(parts, from, limit),
    retry: (selection) => retry(parts, selection),
  };
}

function gatewayStatus(parts: StatusParts): GatewayStatus {
  const { config, ledger, health } = parts;
  parts.refreshHealth();
  const pageUrl = parts.pageUrl();
  return {
    ...(pageUrl === undefined ? {} : { pageUrl }),
    site: config.site,
    version,
    aeTitle: config.aeTitle,
    startedAt: parts.startedAt,
    now: parts.now(),
    listeners: parts.listeners.map(listenerStatus),
    peers: parts.peers.all.map((peer) => peerStatus(peer, parts)),
    limits: limitStatuses(parts),
    held: parts.limits.held,
    spool: spoolStatus(parts),
    stores: storeStatuses(parts),
    receipts: { count: ledger.end.seq, lastSeq: ledger.end.seq },
    studies: parts.spool.index.studyCounts(),
    commitments: commitmentStatuses(parts.commitments),
    applications: applicationStatuses(parts),
    warnings: health.active(),
  };
}

function listenerStatus(listener: Listener): ListenerStatus {
  return {
    name: listener.name,
    address: listener.address,
    tls: listener.isTls,
    listening: listener.port !== 0,
    openAssociations: listener.associations.size,
  };
}

function peerStatus(peer: PeerRecord, { peers }: StatusParts): PeerStatus {
  const { aeTitle, openAssociations, counters, lastSeenAt, acknowledged } = peer;
  const link = peers.innerLink(aeTitle);
  return {
    ...{ aeTitle, openAssociations, ...counters, acknowledged: acknowledged.cumulative },
    ...(lastSeenAt === undefined ? {} : { lastSeenAt }),
    ...(link === undefined ? {} : { link }),
  };
}

function limitStatuses({ config, gate, limits, peers, spool }: StatusParts): LimitStatus[] {
  const { bufferedBytes, segments, freeSegments, segmentSize } = spool.status;
  const { perPeer, own } = peerLimitsInUse(config.peers, peers.openByTitle);
  return limits.statuses(
    { ...config.limits, bufferMemory: config.spool.bufferMemory, quota: config.spool.quota },
    {
      connections: gate.open,
      pendingConnections: gate.pending,
      associations: peers.total(),
      associationsPerPeer: perPeer,
      bufferMemory: bufferedBytes,
      quota: (segments - freeSegments) * segmentSize,
    },
    own,
  );
}

function spoolStatus({ spool }: StatusParts): GatewayStatus['spool'] {
  const { quota, segments, freeSegments, refusal, segmentSize } = spool.status;
  const instances = { received: 0, routed: 0, delivered: 0, quarantined: 0 };
  for (const row of spool.index.countsByState()) {
    if (row.state === 'ready') instances.routed += row.instances;
    else if (row.state !== 'pruned') instances[row.state] += row.instances;
  }
  return {
    quotaBytes: quota,
    usedBytes: (segments - freeSegments) * segmentSize,
    freeSegments,
    totalSegments: segments,
    instances,
    refusing: refusal !== undefined,
    ...(refusal === undefined ? {} : { reason: refusal }),
  };
}

/** Each store of the configuration, as its lane sees it. */
export function storeStatuses({
  config,
  spool,
  dispatcher,
}: Pick<StatusParts, 'config' | 'spool' | 'dispatcher'>): StoreStatus[] {
  const counts = spool.queue.counts();
  const lanes = new Map(dispatcher.lanes.map((lane) => [lane.name, lane]));
  return config.stores.map(({ name, type }) => {
    const of = (state: Delivery['state']) =>
      counts.filter((row) => row.store === name && row.state === state).reduce((sum, row) => sum + row.n, 0);
    const lane = lanes.get(name);
    return {
      name,
      type,
      state: lane === undefined ? 'unknown' : lane.state,
      queued: of('ready'),
      inFlight: lane?.inFlight ?? 0,
      delivered: of('delivered'),
      deliveredBytes: lane?.deliveredBytes ?? 0,
      quarantined: of('quarantined'),
      ...lastErrorOf(lane),
      ...(lane?.nextAttemptAt === undefined ? {} : { nextAttemptAt: lane.nextAttemptAt }),
    };
  });
}

function lastErrorOf(lane: LaneStatus | undefined): Pick<StoreStatus, 'lastError'> {
  if (lane?.lastFailure === undefined) return {};
  const { code, message, hint, at } = lane.lastFailure;
  return { lastError: { code, message, at, ...(hint === undefined ? {} : { hint }) } };
}

function queueEntry({ spool, dispatcher, keySpaces }: StatusParts, delivery: Delivery): QueueEntry {
  const instance = delivery.instance === null ? undefined : spool.index.get(delivery.instance);
  const made = delivery.kind === 'result' ? spool.resultQueue.about(delivery.id) : undefined;
  const space = keySpaces.get(delivery.store);
  const key = instance && space ? instanceObjectKey(space, instance) : (delivery.key ?? '');
  const states: Record<Delivery['state'], QueueState> = {
    ready: dispatcher.isInFlight(delivery.id) ? 'inFlight' : 'queued',
    delivered: 'delivered',
    quarantined: 'quarantined',
  };
  const { errorCode, errorMessage, failedAt } = delivery;
  const hint = errorCode === null ? undefined : hintOf(errorCode);
  const lastError = errorCode !== null && {
    ...{ code: errorCode, message: errorMessage ?? '', at: failedAt ?? 0 },
    ...(hint !== undefined && { hint }),
  };
  return {
    id: delivery.id,
    store: delivery.store,
    key,
    state: states[delivery.state],
    bytes: instance?.size ?? made?.result.size ?? delivery.bodyBytes ?? 0,
    priority: delivery.priority >= priorities.urgent ? 'urgent' : 'normal',
    attempts: delivery.attempts,
    queuedAt: instance?.receivedAt ?? made?.run?.finishedAt ?? 0,
    ...(delivery.nextAttemptAt > 0 ? { nextAttemptAt: delivery.nextAttemptAt } : {}),
    ...(lastError && { lastError }),
    ...(made?.run === undefined ? {} : { result: queuedResult(made.run, made.result.from.length) }),
  };
}

const queuedResult = ({ application, version, revision, outputStudy }: RunHeader, from: number): QueuedResult => ({
  ...{ application, version, revision, from },
  study: outputStudy,
});

function queuePage(parts: StatusParts, query: QueueQuery): QueuePage {
  const wanted = new Set<QueueState>(query.states ?? ['queued', 'inFlight', 'quarantined']);
  const stored: Delivery['state'][] = [];
  if (wanted.has('queued') || wanted.has('inFlight')) stored.push('ready');
  if (wanted.has('quarantined')) stored.push('quarantined');
  if (wanted.has('delivered')) stored.push('delivered');
  const page = parts.spool.queue.page({
    states: stored,
    after: query.after ?? 0,
    limit: query.limit,
    store: query.store,
  });
  const last = page.at(-1);
  const entries = page.map((delivery) => queueEntry(parts, delivery)).filter((entry) => wanted.has(entry.state));
  return { entries, ...(page.length === query.limit && last ? { next: last.id } : {}) };
}

function studyPage({ spool }: StatusParts, { after, limit }: StudyQuery): StudyPage {
  const rows = spool.index.studies(after ?? '', limit);
  const last = rows.at(-1);
  const entries = rows.map(({ uid, open, ...row }) => ({
    studyInstanceUid: uid,
    state: open ? ('open' as const) : ('complete' as const),
    instances: row.instances,
    bytes: row.bytes,
    delivered: row.delivered,
    lastInstanceAt: row.lastReceivedAt,
  }));
  return { entries, ...(rows.length === limit && last ? { next: last.uid } : {}) };
}

async function receiptPage({ ledger }: StatusParts, from: number, limit: number): Promise<ReceiptPage> {
  const receipts: Receipt[] = [];
  for await (const { receipt } of ledger.read(from)) {
    receipts.push(receipt);
    if (receipts.length === limit) break;
  }
  const last = receipts.at(-1);
  return { receipts, ...(last && last.seq < ledger.end.seq ? { next: last.seq + 1 } : {}) };
}

function retry({ spool, dispatcher, config }: StatusParts, selection: RetrySelection): number {
  if ('id' in selection) {
    const { queue } = spool;
    const released = queue.release(selection.id) ? 1 : queue.hastenOne(selection.id) || queue.redeliver(selection.id);
    dispatcher.wake();
    return released;
  }
  const released = spool.queue.releaseAll();
  for (const store of config.stores) dispatcher.hasten(store.name);
  return released;
}
