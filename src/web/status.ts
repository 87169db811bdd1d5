/** What the running gateway tells of itself. The composition root fills these in; page, API and metrics only render. */
import type { ActiveWarning } from './warnings.ts';

/** Milliseconds since 1970 UTC. */
export type Timestamp = number;

export type ListenerStatus = {
  name: string;
  /** `host:port` that it is bound to. */
  address: string;
  tls: boolean;
  listening: boolean;
  openAssociations: number;
};

/** Since the start of the gateway, for one calling AE title of the configuration. */
export type PeerStatus = {
  aeTitle: string;
  openAssociations: number;
  associations: number;
  /** Acknowledged with Success. */
  instances: number;
  bytes: number;
  /** Associations that were rejected. */
  rejected: number;
  /** Instances that were answered with anything but Success. */
  refused: number;
  lastSeenAt?: Timestamp;
};

export type InstanceState = 'received' | 'routed' | 'delivered' | 'quarantined';

export type SpoolStatus = {
  quotaBytes: number;
  usedBytes: number;
  freeSegments: number;
  totalSegments: number;
  instances: Record<InstanceState, number>;
  /** true: senders get A700. */
  refusing: boolean;
  reason?: string;
};

export type StoreStatus = {
  name: string;
  type: 'directory' | 's3';
  /** `waiting`: it failed and is tried again at `nextAttemptAt`. */
  state: 'ok' | 'waiting' | 'unknown';
  queued: number;
  inFlight: number;
  /** Since the queue began, not only since the start. */
  delivered: number;
  deliveredBytes: number;
  quarantined: number;
  oldestQueuedAt?: Timestamp;
  lastError?: { code: string; message: string; hint?: string; at: Timestamp };
  nextAttemptAt?: Timestamp;
};

export type GatewayStatus = {
  site: string;
  version: string;
  aeTitle: string;
  startedAt: Timestamp;
  now: Timestamp;
  /** Where the status page is served, when it is. */
  pageUrl?: string;
  listeners: ListenerStatus[];
  peers: PeerStatus[];
  spool: SpoolStatus;
  stores: StoreStatus[];
  receipts: { count: number; lastSeq: number };
  studies: { open: number; complete: number };
  warnings: ActiveWarning[];
};

export type QueueState = 'queued' | 'inFlight' | 'quarantined' | 'delivered';

/** One delivery: one object on its way to one store. */
export type QueueEntry = {
  id: number;
  store: string;
  /** UIDs only, as all keys. */
  key: string;
  state: QueueState;
  bytes: number;
  priority: 'normal' | 'urgent';
  attempts: number;
  queuedAt: Timestamp;
  nextAttemptAt?: Timestamp;
  lastError?: { code: string; message: string; hint?: string; at: Timestamp };
};

/** `after`: the id of the last entry of the page before. Without `states`: all but delivered. */
export type QueueQuery = { states?: QueueState[]; store?: string; after?: number; limit: number };
/** `next`: what to give as `after` for the page that follows. */
export type QueuePage = { entries: QueueEntry[]; next?: number };

export type StudyEntry = {
  studyInstanceUid: string;
  state: 'open' | 'complete';
  instances: number;
  bytes: number;
  delivered: number;
  lastInstanceAt: Timestamp;
};
/** `after`: the Study Instance UID of the last entry of the page before. */
export type StudyQuery = { after?: string; limit: number };
export type StudyPage = { entries: StudyEntry[]; next?: string };

/** Receipts as they were signed: the reader checks signature and chain, so nothing here may touch them. */
export type ReceiptPage = { receipts: unknown[]; next?: number };

export type RetrySelection = { id: number } | { all: true };

/** What the API is made from: narrow functions, each of them quick and bounded. */
export type ApiSources = {
  status(): GatewayStatus;
  queue(query: QueueQuery): QueuePage;
  queueEntry(id: number): QueueEntry | undefined;
  studies(query: StudyQuery): StudyPage;
  receipts(query: { from: number; limit: number }): ReceiptPage | Promise<ReceiptPage>;
  /** Puts quarantined or waiting deliveries back to the front; answers how many. */
  retry(selection: RetrySelection): number;
};
