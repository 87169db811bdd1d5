/**
 * Storage SCP (PS3.4 annex B): takes one C-STORE after another from an association and streams each data set into an
 * intake, which keeps it and says when it is durable. Never parses more than it needs, never holds a data set.
 */

import { type CommandSet, commandField, noDataSet } from '../dimse/commandSet.ts';
import { status } from '../dimse/status.ts';
import { isStorageSopClass, isUid } from '../uids.ts';
import type { AcceptedContext } from '../upperLayer/negotiation.ts';
import type { AssociationService, ServiceHost } from './service.ts';

export type InstanceHeader = {
  sopClassUid: string;
  sopInstanceUid: string;
  transferSyntaxUid: string;
  /** Who sends: the calling AE title. */
  peer: string;
};

/** What became of an instance. `stored` and `duplicate` both mean: its bytes are durable here. */
export type IntakeOutcome =
  | { kind: 'stored' }
  | { kind: 'duplicate' }
  /** Same SOP Instance UID as an earlier instance but other bytes: kept beside it. */
  | { kind: 'new-version'; version: number }
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

export type StorageCounters = { stored: number; duplicates: number; refused: number; bytes: number };

export type StorageResult = {
  header: InstanceHeader;
  bytes: number;
  status: number;
  outcome: IntakeOutcome | undefined;
  comment: string | undefined;
  /** Monotonic milliseconds from the last byte of the data set to the response. */
  acknowledgeMs: number;
  /**
   * Monotonic milliseconds, up to this response and since the one before, in which a C-STORE was under way: from its
   * command to its response. The sum over an association is its time at work, its pauses left out.
   */
  busyMs: number;
};

type Current = {
  command: CommandSet;
  contextId: number;
  header: InstanceHeader;
  bytes: number;
  sink: IncomingInstance | undefined;
  /** Set when the instance is refused: its data set is still read to the end, then answered with this. */
  refusal: { status: number; comment: string } | undefined;
};

export class StorageReceiver implements AssociationService {
  readonly #intake: Intake;
  readonly #host: ServiceHost;
  readonly #onResult: (result: StorageResult) => void;
  readonly #limits: { instanceBytes: number };
  readonly #peer: string;
  readonly #monotonic: () => number;
  #current: Current | undefined;
  #closed = false;
  /** Instances that are whole but not answered yet. */
  #finishing = 0;
  /** Since when a C-STORE has been under way and not yet been reported as `busyMs`. */
  #busySince: number | undefined;
  #onIdle: (() => void) | undefined;

  constructor(options: {
    intake: Intake;
    host: ServiceHost;
    onResult: (result: StorageResult) => void;
    limits: { instanceBytes: number };
    peer: string;
    monotonic: () => number;
  }) {
    this.#intake = options.intake;
    this.#host = options.host;
    this.#onResult = options.onResult;
    this.#limits = options.limits;
    this.#peer = options.peer;
    this.#monotonic = options.monotonic;
  }

  takes(context: AcceptedContext, command: CommandSet): boolean {
    return command.commandField === commandField.cStoreRq && isStorageSopClass(context.abstractSyntax);
  }

  onCommand(context: AcceptedContext, command: CommandSet): void {
    const header: InstanceHeader = {
      sopClassUid: command.affectedSopClassUid ?? '',
      sopInstanceUid: command.affectedSopInstanceUid ?? '',
      transferSyntaxUid: context.transferSyntax,
      peer: this.#peer,
    };
    const current: Current = { command, contextId: context.id, header, bytes: 0, sink: undefined, refusal: undefined };
    this.#current = current;
    this.#busySince ??= this.#monotonic();
    const problem = this.#problemWith(header, context);
    if (problem) {
      current.refusal = problem;
    } else {
      const begun = this.#intake.begin(header);
      if ('refused' in begun) current.refusal = { status: status.outOfResources, comment: begun.refused };
      else current.sink = begun;
    }
    if (command.commandDataSetType === noDataSet) {
      current.refusal = { status: status.cannotUnderstand, comment: 'C-STORE-RQ without a data set' };
      this.#finish(current);
    }
  }

  onDataSet(bytes: Buffer, last: boolean): void {
    const current = this.#current;
    if (current === undefined) return;
    current.bytes += bytes.length;
    if (current.bytes > this.#limits.instanceBytes) {
      this.#host.abort(`instance larger than the limit of ${this.#limits.instanceBytes} bytes`);
      return;
    }
    if (current.sink && !current.refusal && bytes.length > 0 && !current.sink.write(bytes)) {
      this.#host.pause();
      current.sink.onDrain(() => this.#host.resume());
    }
    if (last) this.#finish(current);
  }

  /** The association is over: what has not come whole is forgotten, what has come whole stays. */
  close(): void {
    this.#closed = true;
    this.#current?.sink?.discard();
    this.#current = undefined;
  }

  /** True while the peer waits for us, not we for it. */
  get owesAnswer(): boolean {
    return this.#finishing > 0;
  }

  /** Calls back when every instance that has come whole is answered. */
  whenIdle(callback: () => void): void {
    if (this.#finishing === 0) callback();
    else this.#onIdle = callback;
  }

  #problemWith(header: InstanceHeader, context: AcceptedContext): Current['refusal'] {
    if (header.sopClassUid !== context.abstractSyntax) {
      const comment = "Affected SOP Class UID is not the presentation context's";
      return { status: status.sopClassNotSupported, comment };
    }
    if (!isUid(header.sopInstanceUid)) {
      return { status: status.invalidSopInstance, comment: 'Affected SOP Instance UID is not a UID' };
    }
    return undefined;
  }

  #finish(current: Current): void {
    this.#current = undefined;
    const lastByteAt = this.#monotonic();
    if (current.refusal || current.sink === undefined) {
      current.sink?.discard();
      const refusal = current.refusal ?? { status: status.outOfResources, comment: 'no intake' };
      this.#answer(current, refusal.status, undefined, refusal.comment, lastByteAt);
      return;
    }
    this.#finishing++;
    current.sink
      .finish()
      .then(
        (outcome) => {
          const code = outcome.kind === 'refused' ? status.outOfResources : status.success;
          const comment = outcome.kind === 'refused' ? outcome.reason : undefined;
          this.#answer(current, code, outcome, comment, lastByteAt);
        },
        (error: unknown) => {
          const comment = 'the gateway could not store it';
          this.#answer(current, status.outOfResources, { kind: 'refused', reason: String(error) }, comment, lastByteAt);
        },
      )
      .finally(() => {
        this.#finishing--;
        if (this.#finishing === 0) this.#onIdle?.();
      });
  }

  #answer(
    current: Current,
    code: number,
    outcome: IntakeOutcome | undefined,
    comment: string | undefined,
    lastByteAt: number,
  ): void {
    if (!this.#closed) {
      this.#host.send(current.contextId, {
        commandField: commandField.cStoreRsp,
        affectedSopClassUid: current.header.sopClassUid,
        messageIdBeingRespondedTo: current.command.messageId ?? 0,
        commandDataSetType: noDataSet,
        status: code,
        // Echoed only if it is a UID: what a peer made up is not repeated to it.
        ...(isUid(current.header.sopInstanceUid) ? { affectedSopInstanceUid: current.header.sopInstanceUid } : {}),
        ...(comment === undefined ? {} : { errorComment: comment }),
      });
    }
    const now = this.#monotonic();
    const acknowledgeMs = now - lastByteAt;
    const busyMs = now - (this.#busySince ?? now);
    // This one is still counted among those that finish, unless it was refused on the spot.
    const underWay = this.#current !== undefined || this.#finishing > (outcome === undefined ? 0 : 1);
    this.#busySince = underWay ? now : undefined;
    this.#onResult({
      header: current.header,
      bytes: current.bytes,
      status: code,
      outcome,
      comment,
      acknowledgeMs,
      busyMs,
    });
  }
}
