/**
 * What the gateway and the courier process say to each other. Jobs go in, confirmations come out: the courier has no
 * database and no key, and nothing that it forgets is lost, for the gateway's queue still has it.
 */
import type { Confirmation, StoreConfiguration } from './store/objectStore.ts';

/** Where a piece of an object lies on this machine's disk: `length` bytes from `offset` of `path`. */
export type FileRange = { path: string; offset: number; length: number };

/** The content of a job: ranges of spool segments, in order, or a few bytes carried along (manifests, receipts). */
export type JobContent = { ranges: FileRange[] } | { base64: string };

export type CourierJob = {
  /** The delivery's identity in the gateway's queue. */
  id: number;
  store: string;
  key: string;
  size: number;
  sha256: string;
  content: JobContent;
  contentType: string;
  /** false only for the manifest, which is replaced by a later revision of itself. */
  ifAbsent: boolean;
};

export type JobFailure = {
  id: number;
  code: string;
  message: string;
  hint?: string;
  /** true: trying again cannot help; the delivery goes to quarantine. */
  permanent: boolean;
  /** true: the whole store is unavailable, so its other jobs need not be tried now. */
  storeUnavailable: boolean;
};

export type CourierConfiguration = {
  stores: StoreConfiguration[];
  /** Jobs under way at a time, for each store by itself: a store that hangs takes nothing from another. */
  concurrency: number;
  /** Where stores keep what they must know again after a restart (uploads under way). */
  stateDirectory: string;
};

export type ToCourier =
  /** Also later: stores that have not changed go on undisturbed. */
  | ({ type: 'configure' } & CourierConfiguration)
  | { type: 'jobs'; jobs: CourierJob[] }
  /** Asks for `alive`: a courier that hangs does not answer, and is replaced. */
  | { type: 'ping' }
  /** Finish what is under way for at most `graceMs`, then exit. Jobs that wait are not begun: the gateway has them. */
  | { type: 'stop'; graceMs: number };

export type FromCourier =
  /** The first `configure` has been taken in: jobs may come. */
  | { type: 'ready' }
  | { type: 'alive' }
  | { type: 'confirmed'; confirmations: Array<{ id: number; confirmation: Confirmation }> }
  | { type: 'failed'; failures: JobFailure[] }
  | {
      type: 'log';
      level: 'debug' | 'info' | 'warn' | 'error';
      event: string;
      message: string;
      fields: Record<string, unknown>;
    };
