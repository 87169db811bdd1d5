/** What the local API tells and takes about peers, learn mode and a changed configuration. */
import type { Timestamp } from './status.ts';

/** Somebody who asked for associations and was turned away. All texts are printable and cut. */
export type KnockEntry = {
  /** Given again at the earliest a quarter of an hour later, or to another one of the same address that pushes it out. */
  id: number;
  callingAeTitle: string;
  calledAeTitle: string;
  address: string;
  listener: string;
  /** `problem`: why it is not trusted; left out when it is. `invalid`: it is out of date, revoked or flawed, and counts nowhere. */
  certificate?: {
    fingerprint: string;
    subject: string;
    problem?: string;
    invalid?: true;
    /** Fingerprints of those above it, when it is trusted. */
    authorities?: string[];
  };
  implementationVersionName?: string;
  sopClasses: string[];
  transferSyntaxes: string[];
  /** Of the last time. */
  why: string;
  hint: string;
  /** It ran into a limit; it is no stranger. */
  limit?: string;
  count: number;
  firstAt: Timestamp;
  lastAt: Timestamp;
};

export type PeersAnswer = {
  /** The latest first. */
  knocks: KnockEntry[];
  /** Learn mode is on until then. */
  learningUntil?: Timestamp;
};

export type LearnRequest = { forMs: number } | { off: true };
export type LearnAnswer = { learningUntil?: Timestamp };

export type ReloadProblem = { line: number; column: number; key: string; message: string; hint?: string };

export type ReloadAnswer = {
  /** The file that was read. */
  file: string;
  /** false: something is wrong with it, and nothing has changed. */
  reloaded: boolean;
  problems: ReloadProblem[];
  /** Changed keys that are in force now. */
  applied: string[];
  /** Changed keys that wait for the next start. */
  needRestart: string[];
  /** What came of reading the files of each TLS listener again. */
  tls: Array<{ listener: string; state: 'unchanged' | 'reloaded' | 'failed'; problem?: string }>;
};
