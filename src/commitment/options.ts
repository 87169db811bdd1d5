/** What storage commitment is handed: the terms of each peer, the spool, the disk, the clock. */
import type { BackoffPolicy } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { ScuTarget } from '../dicom/scu/requestor.ts';
import type { Holding } from '../spool/spoolTypes.ts';
import type { Meaning } from './judgement.ts';

/** What holds for one peer, by the configuration in force. */
export type CommitmentTerms = {
  /** The entry of the configuration that speaks of it: what is counted, and limited, together. */
  account: string;
  means: Meaning;
  /** The report goes on the association of the request while that is open. */
  sameAssociation: boolean;
  /** Whether the SOP class is taken from this peer. */
  supports(sopClassUid: string): boolean;
  /**
   * Where reports go on an association that we open; undefined: none is opened, they wait for one of the peer's. Called at
   * each attempt; throws when certificates cannot be read.
   */
  target: ((transaction: { peer: string; calledAeTitle: string }) => ScuTarget) | undefined;
};

export type CommitmentOptions = {
  /** For the files of pending transactions; holds nothing else. Made when missing. */
  directory: string;
  /** By calling AE title; undefined: the peer may not ask for commitment. */
  terms(peer: string): CommitmentTerms | undefined;
  /** The spool. `flushIndex` is false when its index cannot be brought up to date at present. */
  spool: { flushIndex(): boolean; holdings(sopInstanceUid: string): Holding[] };
  /** Milliseconds after which what is not reached is reported as failed. */
  giveUpAfterMs: number;
  reportRetry: BackoffPolicy & { giveUpAfterMs: number };
  /** How long a peer may take to answer a report, milliseconds. */
  answerMs: number;
  pendingPerPeer: number;
  instancesPerRequest: number;
  clock: Clock;
  log: Log;
};
