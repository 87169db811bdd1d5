/** What the running gateway tells of itself. The composition root fills these in; page, API and metrics only render. */
import type { InnerLink } from './innerLink.ts';
import type { LearnAnswer, LearnRequest, PeersAnswer, ReloadAnswer } from './peers.ts';
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

/** One calling AE title; counts are over restarts. */
export type PeerStatus = {
  aeTitle: string;
  openAssociations: number;
  /** Accepted; the four that follow say how those ended that are over. */
  associations: number;
  released: number;
  abortedByPeer: number;
  abortedByUs: number;
  /** Closed without A-RELEASE or A-ABORT. */
  broken: number;
  /** Acknowledged with Success, duplicates included. */
  instances: number;
  duplicates: number;
  bytes: number;
  /** Associations that were rejected, by reason. */
  rejected: Record<string, number>;
  /** Instances that were answered with anything but Success, by status. */
  refused: Record<string, number>;
  lastSeenAt?: Timestamp;
  /** Instances by how long their acknowledgement took: at most so many seconds, cumulative. */
  acknowledged: { buckets: Array<[seconds: number, count: number]>; count: number; sumSeconds: number };
  /** Left out where several are gathered under one name. */
  link?: InnerLink;
};

export type LimitUnit = 'count' | 'bytes' | 'seconds' | 'bytesPerSecond';

export type LimitStatus = {
  /** Last part of `key`. */
  name: string;
  /** The configuration's key: `limits.associations`, `peers[CT1].limits.associations`. */
  key: string;
  /** The entry of `peers` whose own limit it is; left out: everybody's. */
  peer?: string;
  unit: LimitUnit;
  /** Left out: unlimited. */
  limit?: number;
  /**
   * Left out where it is not something that is used up. For `associationsPerPeer`, and `associations` of `peers[*]`: of the
   * AE title that has most among those to which it applies.
   */
  inUse?: number;
  /** Since the start: how often a sender ran into it. */
  hits: number;
  lastHitAt?: Timestamp;
};

/** Since the start: how often senders had to wait, and for how long in all. */
export type HeldStatus = { times: number; seconds: number };

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

/** Storage commitment, for one entry of peers; but for the first two counts, since the start. */
export type CommitmentStatus = {
  aeTitle: string;
  /** Requests that are not decided yet. */
  pending: number;
  /** Decided, and not reported yet. */
  reporting: number;
  /** Reports that were taken; of these, with failures in them. */
  reported: number;
  failed: number;
  /** Reports that nobody took until they were given up. */
  dropped: number;
  /** Requests that were answered with anything but Success. */
  refused: number;
};

/** What one version of a split application has to do, and what it came to over all its runs. */
export type ApplicationStatus = {
  application: string;
  version: string;
  /** Tasks by state; `running` are among `due`. */
  tasks: Record<RunState | 'running', number>;
  runs: number;
  instancesIn: number;
  instancesOut: number;
  files: number;
  notSelected: number;
  quarantined: number;
  bytesIn: number;
  /** Of what is delivered. */
  bytesOut: number;
  /** bytesOut / bytesIn; left out while nothing has come in. */
  ratio?: number;
  /** What its manifest promises at most. */
  promisedRatio?: number;
  cpuSeconds: number;
  /** The highest of any run. */
  peakMemoryBytes: number;
  wallMs: number;
  lastRun?: { study: string; finishedAt: Timestamp; bytesIn: number; bytesOut: number; promiseKept?: boolean };
  /** Since the start. */
  lastFailure?: { code: string; message: string; study: string; at: Timestamp };
  /** Something it needs is away. */
  waitsFor?: { code: string; message: string; hint: string; since: Timestamp };
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
  limits: LimitStatus[];
  /**
   * `intake`: spool.bufferMemory was in use; `answers`: the sender did not read our answers; `window`: it asked for more at
   * a time than was agreed (limits.operationsWindow).
   */
  held: Record<'intake' | 'answers' | 'window', HeldStatus>;
  spool: SpoolStatus;
  stores: StoreStatus[];
  receipts: { count: number; lastSeq: number };
  studies: { open: number; complete: number };
  commitments: CommitmentStatus[];
  applications: ApplicationStatus[];
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
  /** Of what a split application made. */
  result?: QueuedResult;
};

/** `study` as it is in the store: the replacement where it was de-identified. `from`: instances that it was made from. */
export type QueuedResult = { application: string; version: string; revision: number; study: string; from: number };

/** `after`: the id of the last entry of the page before. Without `states`: all but delivered. */
export type QueueQuery = { states?: QueueState[]; store?: string; after?: number; limit: number };
/** `next`: what to give as `after` for the page that follows. */
export type QueuePage = { entries: QueueEntry[]; next?: number };

/**
 * A task: a split application over one study, series or instance. running: an attempt is under way.
 * gathering: more instances may come. `unit` and `study`: UIDs as received.
 */
export type RunState = 'gathering' | 'due' | 'finished' | 'skipped' | 'quarantined';

export type RunEntry = {
  id: number;
  route: string;
  application: string;
  version: string;
  scope: 'instance' | 'series' | 'study';
  unit: string;
  study: string;
  store: string;
  revision: number;
  state: RunState;
  priority: 'normal' | 'urgent';
  instances: number;
  bytes: number;
  attempts: number;
  /** While it is gathering or due. */
  dueAt?: Timestamp;
  finishedAt?: Timestamp;
  lastError?: { code: string; message: string; at?: Timestamp };
  /** What it cost and saved, once it is finished; only in the answer about one. Bytes out are those of its results. */
  figures?: {
    bytesIn: number;
    bytesOut: number;
    instancesIn: number;
    instancesOut: number;
    files: number;
    notSelected: number;
    quarantined: number;
    cpuSeconds: number;
    peakMemoryBytes: number;
    wallMs: number;
    /** bytesOut / bytesIn as the manifest promised it; null: nothing. */
    promisedRatio: number | null;
  };
  /** What became of its instances, once it is over; only in the answer about one. `reason` names tags, never values. */
  inputs?: Array<{
    instance: string;
    outcome: 'used' | 'not-selected' | 'quarantined';
    code?: string;
    reason?: string;
  }>;
};

/** `after`: the id of the last entry of the page before. Without `states`: those that are open or in quarantine. */
export type RunQuery = { states?: RunState[]; application?: string; after?: number; limit: number };
export type RunPage = { entries: RunEntry[]; next?: number };

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
  /** Tasks of split applications. */
  runs(query: RunQuery): RunPage;
  run(id: number): RunEntry | undefined;
  /** Has tasks in quarantine tried again; answers how many. */
  retryRuns(selection: RetrySelection): number;
  /** Who knocked, and whether learn mode is on. */
  peers(): PeersAnswer;
  learn(request: LearnRequest): LearnAnswer;
  /** Reads the configuration file again. */
  reload(): Promise<ReloadAnswer>;
};
