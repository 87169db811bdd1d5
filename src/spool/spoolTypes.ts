/** What the spool is told and what it tells. */
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { RouteInstance } from './index/instanceIndex.ts';
import type { StoredOutcome } from './instanceCommitter.ts';
import type { InstanceDescription } from './segmentFormat.ts';
import type { InstanceState } from './states.ts';
import type { ResultKey } from './work/resultQueue.ts';

export type SpoolOptions = {
  directory: string;
  /** Bytes of one segment file; at least 4 MiB, a multiple of 4096. */
  segmentSize: number;
  /** Most bytes in segment files. */
  quota: number;
  /** Free segments to keep allocated ahead. */
  preallocate: number;
  /** Bytes that must stay free on the disk for the index and the receipts. */
  reserve: number;
  keepDeliveredMs: number;
  /** Bytes of memory for instances that are coming in. */
  bufferMemory: number;
  route: RouteInstance;
  /** Whether the configuration has a route of this name; all are, when it is left out. Tasks of others are taken over. */
  hasRoute?: (route: string) => boolean;
  /** Most bytes that results of split applications may take, beside the quota. */
  resultsQuota: number;
  /** Key of a result in its store; the same for the same version. */
  resultKey: ResultKey;
  clock: Clock;
  log: Log;
};

export type IncomingToSpool = {
  write(bytes: Uint8Array): boolean;
  onDrain(callback: () => void): void;
  commit(description: InstanceDescription): Promise<StoredOutcome>;
  discard(): void;
};

/** What is known of one version of an instance. */
export type Holding = {
  /** '' when only its receipt is left. */
  sopClassUid: string;
  state: InstanceState;
  /** Its bytes are in the spool, and nothing is known against them. */
  isIntact: boolean;
  /** A store has confirmed it, or all results of a run in which it was used. */
  isConfirmed: boolean;
};

/** `length` bytes from `offset` of a segment file. */
export type FileRange = { path: string; offset: number; length: number };

/** Ranges that stay readable until `release` is called. */
export type Lease = { ranges: FileRange[]; release(): void };

export type SpoolStatus = {
  quota: number;
  segmentSize: number;
  segments: number;
  freeSegments: number;
  bytesAvailable: number;
  bufferedBytes: number;
  refusal: string | undefined;
};
