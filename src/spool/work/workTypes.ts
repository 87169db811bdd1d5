/**
 * Work of split applications as the spool keeps it. A *task* is one application over one study, series or instance that came
 * by one route; what comes late makes another task of the next revision over everything that is there. What a task made is
 * a *run*: files in a directory of its own and a record, durable before the index hears of it, so that a lost index finds
 * it again.
 */

/**
 * gathering: instances still come. due: complete, to be run. running: with the engine (only in memory: a restart finds it due).
 * finished: its results are recorded, with their deliveries. skipped: the application did not want it. quarantined: failed for
 * good, until an operator tries again.
 */
export type TaskState = 'gathering' | 'due' | 'finished' | 'skipped' | 'quarantined';

/** Where an instance goes: to a store as it is, or through an application. */
export type RouteTarget = { store: string; priority: number; application?: ApplicationTarget };

export type ApplicationTarget = {
  route: string;
  /** Name and version of the manifest that the route means. */
  name: string;
  version: string;
  scope: 'instance' | 'series' | 'study';
  /** Milliseconds without a new instance after which the task is due. */
  quietMs: number;
  /** Instances that the unit has in all, when its sender has said so. */
  expected?: number;
};

export type Task = {
  id: number;
  route: string;
  application: string;
  version: string;
  scope: 'instance' | 'series' | 'study';
  /** UID of the study or series, or the sequence number of the instance. */
  unit: string;
  /** As received. */
  study: string;
  store: string;
  /** 1 for the first; the next when instances come after it was begun. */
  revision: number;
  state: TaskState;
  priority: number;
  /** Milliseconds since 1970: when it is due, or tried again. */
  dueAt: number;
  attempts: number;
  instances: number;
  bytes: number;
  errorCode: string | null;
  errorMessage: string | null;
  failedAt: number | null;
  finishedAt: number | null;
};

/** What became of one input. */
export type InputOutcome = {
  instance: number;
  outcome: 'used' | 'not-selected' | 'quarantined';
  code?: string;
  reason?: string;
};

/** Where bytes of a result lie: in a file of the run's directory, or in an instance in the spool. */
export type ResultPiece =
  | { file: string; offset: number; length: number }
  | { instance: number; offset: number; length: number };

export type ResultRecord = {
  /** instance: an object with UIDs, delivered as instances are. file: anything else, below results/<app>/<version>/. */
  kind: 'instance' | 'file';
  /** Of a file: its path there. */
  name: string;
  /** Of an instance, as they are in it now. */
  sopInstanceUid?: string;
  seriesInstanceUid?: string;
  sopClassUid?: string;
  transferSyntaxUid?: string;
  contentType: string;
  size: number;
  sha256: string;
  pieces: ResultPiece[];
  /** Sequence numbers of the instances that it was made from. */
  from: number[];
};

/** What a run cost and saved. Bytes out are those that are delivered. */
export type RunFigures = {
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
  /** bytesOut / bytesIn as the manifest promised it; null when it promised nothing. */
  promisedRatio: number | null;
};

/** run.json in the directory of a run. */
export type RunRecord = {
  format: 'medusa.run/1';
  route: string;
  application: string;
  version: string;
  scope: 'instance' | 'series' | 'study';
  unit: string;
  study: string;
  store: string;
  priority: number;
  revision: number;
  /** The study that the results belong to: the replacement where it was de-identified. */
  outputStudy: string;
  outputUnit: string;
  isDeidentified: boolean;
  steps: Array<{ name: string; version: string; detail: string }>;
  inputs: Array<InputOutcome & { sha256: string; size: number }>;
  results: ResultRecord[];
  figures: RunFigures;
  finishedAt: number;
};
