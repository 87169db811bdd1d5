/**
 * What one association and the DIMSE services on it (PS3.7) know of each other. The association takes messages apart and
 * gives each command, and the data set that follows it, to the first service that takes it.
 */
import type { CommandSet } from '../dimse/commandSet.ts';
import type { AcceptedContext } from '../upperLayer/negotiation.ts';

/** The association, as a service sees it. */
export type ServiceHost = {
  /** Sends one message: a response, or a request of ours. Nothing is sent once the association is over. */
  send(contextId: number, command: CommandSet, dataSet?: Buffer): void;
  /** Stops reading from the peer until `resume`. */
  pause(): void;
  resume(): void;
  /** A-ABORT by us; `message` is for the log. */
  abort(message: string): void;
};

export type AssociationService = {
  /** Whether this command, on this context, is for this service. */
  takes(context: AcceptedContext, command: CommandSet): boolean;
  /** A command that it takes. `hasDataSet`: `onDataSet` will follow, for this service, before the next command. */
  onCommand(context: AcceptedContext, command: CommandSet, hasDataSet: boolean): void;
  /** Bytes of the data set, valid during the call only; `last` with the final ones. */
  onDataSet(bytes: Buffer, last: boolean): void;
  /** True while the peer waits for us, not we for it. */
  readonly owesAnswer: boolean;
  /** Calls back once, when the peer has every answer that it waits for. */
  whenIdle(callback: () => void): void;
  /** The association is over. */
  close(): void;
};

/** An association that was admitted and negotiated, for services that are added to Verification and Storage. */
export type ServedAssociation = {
  host: ServiceHost;
  /** Calling AE title, printable. */
  peer: string;
  /** As the peer called us, printable. */
  calledAeTitle: string;
  contexts: readonly AcceptedContext[];
};
