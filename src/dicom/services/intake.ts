/** Where the instances of C-STORE go, and what becomes of them: the port that the composition root fills. */

export type InstanceHeader = {
  sopClassUid: string;
  sopInstanceUid: string;
  transferSyntaxUid: string;
  /** Who sends: the calling AE title. */
  peer: string;
};

/** What became of an instance. `stored` and `duplicate` both mean: its bytes are durable here. `study`: what it is of. */
export type IntakeOutcome =
  | { kind: 'stored'; study?: string }
  | { kind: 'duplicate' }
  /** Same SOP Instance UID as an earlier instance but other bytes: kept beside it. */
  | { kind: 'new-version'; version: number; study?: string }
  | { kind: 'refused'; reason: string };

export type IncomingInstance = {
  /** Takes a copy of `bytes`. False: the intake is full for now, stop the sender until `onDrain`. */
  write(bytes: Buffer): boolean;
  onDrain(callback: () => void): void;
  /** The data set is whole. Resolves when it is durable (or refused); never before. */
  finish(): Promise<IntakeOutcome>;
  /** The sender went away or broke the rules: forget what has come. */
  discard(): void;
};

/** Where instances go: the spool, as the composition root hands it in. */
export type Intake = {
  begin(header: InstanceHeader): IncomingInstance | { refused: string };
};

export type StorageResult = {
  header: InstanceHeader;
  bytes: number;
  status: number;
  outcome: IntakeOutcome | undefined;
  comment: string | undefined;
  /** It was larger than that: a refusal for what it is, not for want of room. */
  limit?: 'instanceBytes';
  /** Monotonic milliseconds from the last byte of the data set to the response. */
  acknowledgeMs: number;
  /**
   * Monotonic milliseconds, up to this response and since the one before, in which a C-STORE was under way: from its
   * command to its response. The sum over an association is its time at work, its pauses left out.
   */
  busyMs: number;
};
