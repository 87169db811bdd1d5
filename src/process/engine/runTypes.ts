/** One run of a split application, as whoever asks for it and whoever carries it out speak of it. */
import type { FileRange } from '../../spool/spoolTypes.ts';
import type { InputOutcome, RunRecord } from '../../spool/work/workTypes.ts';
import type { Application } from '../application.ts';
import type { DeidentificationKeys, Identity } from '../step.ts';

/** A Part 10 object that goes in. */
export type RunInput = {
  /** Sequence number in the spool, or a number of the caller's; unique in the run. Pieces of results name it. */
  id: number;
  /** Where its bytes lie, in order. They stay there, unchanged, until the run's results are delivered. */
  ranges: FileRange[];
  size: number;
  /** SHA-256, hexadecimal: what is read is held against it, and what is not so is quarantined. */
  sha256: string;
  /** As received; for log lines, which name it by nothing else. '' when it is not known. */
  sopInstanceUid: string;
  /** 1, and more when it came again with other bytes; left out when it is not known. */
  version?: number;
};

/** What the run is for, as it stands in its record. */
export type RunSubject = Pick<RunRecord, 'route' | 'scope' | 'unit' | 'study' | 'store' | 'priority' | 'revision'>;

export type RunRequest = {
  application: Application;
  subject: RunSubject;
  inputs: RunInput[];
  /** Needed when the application de-identifies. */
  keys: DeidentificationKeys | undefined;
  /** An empty directory on the disk that keeps the results: the files that results have pieces in are written here. */
  directory: string;
  /** Where the last words of a foreign data part go; they may hold patient data. Left out: they are not kept. */
  stderrFile?: string;
  /** Ends the run early: `cancelled`. */
  signal?: AbortSignal;
};

/**
 * A run that did not come to results. unavailable: something that it needs is away (the malware scanner, the sandbox, the
 * disk); it says nothing about the task, which is tried again however often that takes. failed: the task's own fault or
 * its data's; tried again as often as is configured when `retryable`.
 */
export type RunFailure = {
  kind: 'unavailable' | 'failed';
  /** Stable: `scan.unavailable`, `application.exit-status`. */
  code: string;
  /** For people; UIDs as received, never values of a data set. */
  message: string;
  hint: string;
  retryable: boolean;
  /** What is known of the inputs, where something is. */
  inputs?: InputOutcome[];
};

export type RunEnding =
  /** Files are written, but not synced; `record` is not written yet. `identities` (one for each that was de-identified) stay on this machine. */
  | { kind: 'finished'; record: RunRecord; identities: Identity[]; infected: InfectedInput[]; unscanned: number }
  /** The application does not want this unit: too few instances. */
  | { kind: 'skipped'; reason: string; inputs: InputOutcome[]; infected: InfectedInput[] }
  | ({ infected: InfectedInput[] } & RunFailure)
  | { kind: 'cancelled' };

/** What the malware scanner found: the name of its signature, and where. */
export type InfectedInput = { instance: number; sopInstanceUid: string; finding: string };
