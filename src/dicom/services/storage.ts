/**
 * Storage SCP (PS3.4 annex B): takes one C-STORE after another from an association and streams each data set into an
 * intake, which keeps it and says when it is durable. As many as the operations window has may wait for that at a time; each
 * is answered when it is done, in whatever order. Never parses more than it needs, never holds a data set.
 */
import { type CommandSet, commandField, noDataSet } from '../dimse/commandSet.ts';
import { status } from '../dimse/status.ts';
import { isStorageSopClass, isUid } from '../uids.ts';
import type { AcceptedContext } from '../upperLayer/negotiation.ts';
import type { IncomingInstance, InstanceHeader, Intake, IntakeOutcome, StorageResult } from './intake.ts';
import type { AssociationService, ServiceHost } from './service.ts';

export type { IncomingInstance, InstanceHeader, Intake, IntakeOutcome, StorageResult } from './intake.ts';

type Current = {
  messageId: number;
  contextId: number;
  header: InstanceHeader;
  bytes: number;
  sink: IncomingInstance | undefined;
  /** Set when the instance is refused: its data set is still read to the end, then answered with this. */
  refusal: { status: number; comment: string } | undefined;
  /** Set when it is larger than it may be: the limit in words. */
  limit: string | undefined;
};

/** An instance over the limit is read to its end, so that its sender gets an answer, but not beyond so many times the limit. */
const readOver = 2;

export type StorageReceiverOptions = {
  intake: Intake;
  host: ServiceHost;
  onResult: (result: StorageResult) => void;
  limits: { instanceBytes: number };
  /** An instance is larger than `instanceBytes`. Returns words that name the limit. */
  onTooLarge(): string;
  /** It is so much larger that the association has to end. */
  abortTooLarge(detail: string): void;
  window: OperationsWindow;
  peer: string;
  monotonic: () => number;
};

/** The asynchronous operations window (PS3.7 D.3.3.3), and how a peer that exceeds it is held back. */
export type OperationsWindow = {
  size: number;
  /** Nothing more of what the peer sends is acted on, not even what has come already. */
  hold(): void;
  /** Calls `first`, then lets the peer go on where it was. */
  letGo(first: () => void): void;
};

export class StorageReceiver implements AssociationService {
  readonly #options: StorageReceiverOptions;
  #current: Current | undefined;
  /** A request beyond the window: it is begun when another is answered. There is never more than one. */
  #next: { context: AcceptedContext; command: CommandSet } | undefined;
  #closed = false;
  /** Instances that are whole but not answered yet. */
  #finishing = 0;
  /** Message IDs of requests that are not answered yet. */
  readonly #outstanding = new Set<number>();
  /** The peer is paused until the current instance's sink has drained. */
  #paused = false;
  /** Since when a C-STORE has been under way and not yet been reported as `busyMs`. */
  #busySince: number | undefined;
  #onIdle: (() => void) | undefined;

  constructor(options: StorageReceiverOptions) {
    this.#options = options;
  }

  takes(context: AcceptedContext, command: CommandSet): boolean {
    return command.commandField === commandField.cStoreRq && isStorageSopClass(context.abstractSyntax);
  }

  onCommand(context: AcceptedContext, command: CommandSet): void {
    if (this.#finishing < this.#options.window.size) return this.#begin(context, command);
    this.#next = { context, command };
    this.#options.window.hold();
  }

  #begin(context: AcceptedContext, command: CommandSet): void {
    const header: InstanceHeader = {
      sopClassUid: command.affectedSopClassUid ?? '',
      sopInstanceUid: command.affectedSopInstanceUid ?? '',
      transferSyntaxUid: context.transferSyntax,
      peer: this.#options.peer,
    };
    const messageId = command.messageId ?? 0;
    const refusal = this.#problemWith(command, context);
    const begins = { bytes: 0, sink: undefined, limit: undefined };
    const current: Current = { messageId, contextId: context.id, header, refusal, ...begins };
    this.#current = current;
    this.#busySince ??= this.#options.monotonic();
    this.#outstanding.add(messageId);
    if (command.commandDataSetType === noDataSet) return this.#finish(current);
    if (current.refusal) return;
    const begun = this.#options.intake.begin(header);
    if ('refused' in begun) current.refusal = { status: status.outOfResources, comment: begun.refused };
    else current.sink = begun;
  }

  onDataSet(bytes: Buffer, last: boolean): void {
    const current = this.#current;
    if (current === undefined) return;
    current.bytes += bytes.length;
    if (current.bytes > this.#options.limits.instanceBytes && !this.#readsOver(current)) return;
    if (current.sink && bytes.length > 0 && !current.sink.write(bytes)) this.#pauseUntilDrained(current.sink);
    if (last) this.#finish(current);
  }

  /**
   * Answered A7xx (out of resources): the limit is one of ours, and nothing is wrong with the data set, as A9xx or Cxxx
   * would say (PS3.4 B.2.3). False: it has no end, and the association is aborted.
   */
  #readsOver(current: Current): boolean {
    const { instanceBytes } = this.#options.limits;
    current.limit ??= this.#options.onTooLarge();
    if (current.bytes > readOver * instanceBytes) {
      this.#options.abortTooLarge(`instance of more than ${readOver * instanceBytes} bytes; ${current.limit}`);
      return false;
    }
    if (current.refusal === undefined) {
      current.refusal = { status: status.outOfResources, comment: `too large: ${current.limit}` };
      current.sink?.discard();
      current.sink = undefined;
      this.#unpause(); // what is discarded never drains
    }
    return true;
  }

  #pauseUntilDrained(sink: IncomingInstance): void {
    if (!this.#paused) this.#options.host.pause();
    this.#paused = true;
    sink.onDrain(() => this.#unpause());
  }

  #unpause(): void {
    if (this.#paused) this.#options.host.resume();
    this.#paused = false;
  }

  /** The association is over: what has not come whole is forgotten, what has come whole stays. */
  close(): void {
    this.#closed = true;
    this.#current?.sink?.discard();
    this.#current = undefined;
    this.#next = undefined;
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

  #problemWith(command: CommandSet, context: AcceptedContext): Current['refusal'] {
    if (command.commandDataSetType === noDataSet) {
      return { status: status.cannotUnderstand, comment: 'C-STORE-RQ without a data set' };
    }
    if (this.#outstanding.has(command.messageId ?? 0)) {
      return { status: status.duplicateInvocation, comment: 'Message ID of a request that is not answered yet' };
    }
    if (command.affectedSopClassUid !== context.abstractSyntax) {
      const comment = "Affected SOP Class UID is not the presentation context's";
      return { status: status.sopClassNotSupported, comment };
    }
    if (!isUid(command.affectedSopInstanceUid)) {
      return { status: status.invalidSopInstance, comment: 'Affected SOP Instance UID is not a UID' };
    }
    return undefined;
  }

  #finish(current: Current): void {
    this.#current = undefined;
    const lastByteAt = this.#options.monotonic();
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
      .finally(() => this.#finished());
  }

  #finished(): void {
    this.#finishing--;
    const next = this.#next;
    if (next) {
      this.#next = undefined;
      this.#options.window.letGo(() => this.#begin(next.context, next.command));
    }
    if (this.#finishing === 0 && this.#next === undefined) this.#onIdle?.();
  }

  #answer(
    current: Current,
    code: number,
    outcome: IntakeOutcome | undefined,
    comment: string | undefined,
    lastByteAt: number,
  ): void {
    if (current.refusal?.status !== status.duplicateInvocation) this.#outstanding.delete(current.messageId);
    if (!this.#closed) {
      this.#options.host.send(current.contextId, {
        commandField: commandField.cStoreRsp,
        affectedSopClassUid: current.header.sopClassUid,
        messageIdBeingRespondedTo: current.messageId,
        commandDataSetType: noDataSet,
        status: code,
        // Echoed only if it is a UID: what a peer made up is not repeated to it.
        ...(isUid(current.header.sopInstanceUid) ? { affectedSopInstanceUid: current.header.sopInstanceUid } : {}),
        ...(comment === undefined ? {} : { errorComment: comment }),
      });
    }
    const now = this.#options.monotonic();
    const acknowledgeMs = now - lastByteAt;
    const busyMs = now - (this.#busySince ?? now);
    // This one is still counted among those that finish, unless it was refused on the spot.
    const underWay = this.#current !== undefined || this.#finishing > (outcome === undefined ? 0 : 1);
    this.#busySince = underWay ? now : undefined;
    this.#options.onResult({
      header: current.header,
      bytes: current.bytes,
      status: code,
      outcome,
      comment,
      ...(current.limit === undefined ? {} : { limit: 'instanceBytes' as const }),
      acknowledgeMs,
      busyMs,
    });
  }
}
