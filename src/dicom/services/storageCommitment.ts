/**
 * Storage Commitment Push Model SCP (PS3.4 annex J) on one association: takes N-ACTION, hands the request to the desk and
 * answers Success only when the desk has it durable; sends N-EVENT-REPORT when the desk asks for it.
 */
import { describeError } from '../../base/errors.ts';
import {
  type CommitmentReport,
  type CommitmentRequest,
  commitmentBytes,
  encodeCommitmentReport,
  eventTypeOf,
} from '../dataSet/commitmentDataSets.ts';
import { type CommandSet, commandField, noDataSet } from '../dimse/commandSet.ts';
import { uid } from '../uids.ts';
import { GatheredBytes } from '../upperLayer/gatheredBytes.ts';
import type { AcceptedContext } from '../upperLayer/negotiation.ts';
import { actionStatus, type CommitmentAnswer, decodeRequest, notAuthorized, problemWith } from './commitmentAction.ts';
import type { AssociationService, ServedAssociation } from './service.ts';

/** An open association on which a report may be sent to a peer. */
export type ReportChannel = {
  /** Calling AE title. */
  readonly peer: string;
  /** False as soon as the association ends, or the peer asks for its release. */
  readonly open: boolean;
  /** N-EVENT-REPORT. Resolves with the status of the response; rejects when the association ends before it. */
  report(report: CommitmentReport): Promise<number>;
};

/** Where requests go, and reports come from. */
export type CommitmentDesk = {
  /** undefined: the peer may not ask for commitment. */
  terms(peer: string): { instancesPerRequest: number } | undefined;
  /** Room for a request until it is answered; false when too much of all peers is under way at the time. */
  takeRoom(bytes: number): boolean;
  giveRoom(bytes: number): void;
  /**
   * Runs `work` in a turn of the event loop that no other work of the desk has: to decode many references takes a tenth of a
   * second, and the associations that store have to come in between.
   */
  inTurn(work: () => void): void;
  /** Resolves when the request is durable, or is refused. Never rejects. */
  request(
    request: CommitmentRequest,
    from: { calledAeTitle: string; channel: ReportChannel },
  ): Promise<CommitmentAnswer>;
  /** A peer has opened an association on which reports may go. */
  opened(channel: ReportChannel): void;
  /** A request that got no further: why, for the log. */
  refused(peer: string, answer: CommitmentAnswer): void;
};

type Incoming = {
  command: CommandSet;
  context: AcceptedContext;
  /** Set when it is refused: its data set is still read to the end. */
  refusal: CommitmentAnswer | undefined;
  /** As much as room was taken for. */
  gathered: GatheredBytes;
  limit: number;
  maxReferences: number;
};

type Outstanding = { messageId: number; resolve(status: number): void; reject(error: Error): void };

export type StorageCommitmentOptions = ServedAssociation & { desk: CommitmentDesk };

export class StorageCommitmentService implements AssociationService {
  readonly #options: StorageCommitmentOptions;
  readonly #channel: ReportChannel;
  readonly #reportContext: AcceptedContext | undefined;
  #incoming: Incoming | undefined;
  /** Requests that are whole but not answered yet. */
  #answering = 0;
  #onIdle: (() => void) | undefined;
  #outstanding: Outstanding | undefined;
  #lastMessageId = 0;
  #closed = false;
  #releasing = false;

  constructor(options: StorageCommitmentOptions) {
    this.#options = options;
    this.#reportContext = options.contexts.find(
      ({ abstractSyntax }) => abstractSyntax === uid.storageCommitmentPushModel,
    );
    const isOpen = () => !this.#closed && !this.#releasing;
    this.#channel = {
      peer: options.peer,
      get open() {
        return isOpen();
      },
      report: (report) => this.#report(report),
    };
    // The association is accepted in this turn; reports may go from the next one.
    if (this.#reportContext && options.desk.terms(options.peer)) {
      setImmediate(() => {
        if (isOpen()) options.desk.opened(this.#channel);
      });
    }
  }

  takes(context: AcceptedContext, command: CommandSet): boolean {
    if (context.abstractSyntax !== uid.storageCommitmentPushModel) return false;
    return command.commandField === commandField.nActionRq || command.commandField === commandField.nEventReportRsp;
  }

  onCommand(context: AcceptedContext, command: CommandSet, hasDataSet: boolean): void {
    if (command.commandField === commandField.nEventReportRsp) return this.#onReportAnswered(command);
    const { desk, peer } = this.#options;
    const terms = desk.terms(peer);
    const maxReferences = terms?.instancesPerRequest ?? 0;
    const incoming: Incoming = {
      command,
      context,
      refusal: terms === undefined ? notAuthorized : problemWith(command),
      gathered: new GatheredBytes(),
      limit: commitmentBytes(maxReferences),
      maxReferences,
    };
    if (hasDataSet) {
      this.#incoming = incoming;
      return;
    }
    const comment = 'N-ACTION-RQ without Action Information';
    incoming.refusal ??= { status: actionStatus.invalidArgumentValue, comment };
    this.#finish(incoming);
  }

  onDataSet(bytes: Buffer, last: boolean): void {
    const incoming = this.#incoming;
    if (incoming === undefined) return; // what a response to a report brings is read over
    if (incoming.refusal === undefined) this.#gather(incoming, bytes);
    if (!last) return;
    this.#incoming = undefined;
    this.#finish(incoming);
  }

  #gather(incoming: Incoming, bytes: Buffer): void {
    if (bytes.length === 0) return;
    if (incoming.gathered.length + bytes.length > incoming.limit) {
      const comment = `more than ${incoming.limit} bytes, or ${incoming.maxReferences} instances`;
      incoming.refusal = { status: actionStatus.resourceLimitation, comment };
    } else if (!this.#options.desk.takeRoom(bytes.length)) {
      incoming.refusal = { status: actionStatus.resourceLimitation, comment: 'too many requests at a time' };
    } else {
      incoming.gathered.add(bytes, incoming.limit);
      return;
    }
    this.#drop(incoming);
  }

  #drop(incoming: Incoming): void {
    this.#options.desk.giveRoom(incoming.gathered.length);
    incoming.gathered = new GatheredBytes();
  }

  #finish(incoming: Incoming): void {
    const { desk, host } = this.#options;
    const room = incoming.gathered.length;
    const answered = (answer?: CommitmentAnswer) => {
      desk.giveRoom(room);
      if (answer) this.#answer(incoming, answer);
      this.#answering--;
      if (this.#answering === 0) this.#onIdle?.();
    };
    this.#answering++;
    if (incoming.refusal) return answered(this.#refuse(incoming.refusal));
    const dataSet = incoming.gathered.take();
    desk.inTurn(() => {
      if (this.#closed) return answered(); // nobody was promised anything
      void this.#request(dataSet, incoming).then(answered, (error: unknown) => {
        answered();
        host.abort(`a storage commitment request could not be handled: ${describeError(error)}`);
      });
    });
  }

  async #request(dataSet: Buffer, incoming: Incoming): Promise<CommitmentAnswer> {
    const { desk, calledAeTitle } = this.#options;
    const decoded = decodeRequest(dataSet, incoming.context.transferSyntax, incoming.maxReferences);
    if ('status' in decoded) return this.#refuse(decoded);
    return desk.request(decoded, { calledAeTitle, channel: this.#channel });
  }

  #refuse(answer: CommitmentAnswer): CommitmentAnswer {
    this.#options.desk.refused(this.#options.peer, answer);
    return answer;
  }

  #answer({ command, context }: Incoming, { status, comment }: CommitmentAnswer): void {
    if (this.#closed) return;
    this.#options.host.send(context.id, {
      commandField: commandField.nActionRsp,
      affectedSopClassUid: uid.storageCommitmentPushModel,
      affectedSopInstanceUid: uid.storageCommitmentInstance,
      messageIdBeingRespondedTo: command.messageId ?? 0,
      commandDataSetType: noDataSet,
      status,
      ...(command.actionTypeId === undefined ? {} : { actionTypeId: command.actionTypeId }),
      ...(comment === undefined ? {} : { errorComment: comment }),
    });
  }

  #report(report: CommitmentReport): Promise<number> {
    const context = this.#reportContext;
    if (context === undefined || !this.#channel.open) return Promise.reject(new Error('the association is over'));
    if (this.#outstanding) return Promise.reject(new Error('another report waits for its answer'));
    this.#lastMessageId = (this.#lastMessageId % 0xffff) + 1;
    const messageId = this.#lastMessageId;
    const command: CommandSet = {
      commandField: commandField.nEventReportRq,
      messageId,
      affectedSopClassUid: uid.storageCommitmentPushModel,
      affectedSopInstanceUid: uid.storageCommitmentInstance,
      eventTypeId: eventTypeOf(report),
      commandDataSetType: 0,
    };
    const answered = new Promise<number>((resolve, reject) => {
      this.#outstanding = { messageId, resolve, reject };
    });
    this.#options.host.send(context.id, command, encodeCommitmentReport(report, context.transferSyntax));
    return answered;
  }

  #onReportAnswered(command: CommandSet): void {
    this.#incoming = undefined;
    const outstanding = this.#outstanding;
    if (outstanding === undefined || command.messageIdBeingRespondedTo !== outstanding.messageId) {
      const message = `response to message ${command.messageIdBeingRespondedTo}, which is not an open report of ours`;
      return this.#options.host.abort(message);
    }
    this.#outstanding = undefined;
    outstanding.resolve(command.status ?? 0xffff);
  }

  #endReport(why: string): void {
    this.#outstanding?.reject(new Error(why));
    this.#outstanding = undefined;
  }

  /** True while the peer waits for the answer to its request; while we wait for the answer to a report it owes us one. */
  get owesAnswer(): boolean {
    return this.#answering > 0;
  }

  /** The peer asks for release: it may send nothing more, so an answer to a report will not come. */
  whenIdle(callback: () => void): void {
    this.#releasing = true;
    this.#endReport('the peer released the association without an answer to the report');
    if (this.#answering === 0) callback();
    else this.#onIdle = callback;
  }

  close(): void {
    this.#closed = true;
    if (this.#incoming) this.#drop(this.#incoming);
    this.#incoming = undefined;
    this.#endReport('the association ended without an answer to the report');
  }
}
