/**
 * The requestor's side of one association: opens it, exchanges DIMSE messages one after another, releases it. Whatever
 * ends it early (rejection, abort, a broken connection, silence, cancellation) becomes one error, which every later call
 * throws as well.
 */
import type { Socket } from 'node:net';
import { GatewayError } from '../../base/errors.ts';
import { type CommandSet, encodeCommandSet } from '../dimse/commandSet.ts';
import { MessageReader } from '../dimse/messageReader.ts';
import { encodePData, payloadPerPdu } from '../dimse/pdvWriter.ts';
import { socketTransport, systemTimers } from '../transport/socketTransport.ts';
import { implementationClassUid, implementationVersionName, uid } from '../uids.ts';
import { type AbortInfo, Association, type AssociationUser } from '../upperLayer/association.ts';
import {
  type AssociateAc,
  type AssociateRj,
  contextResult,
  type ProposedContext,
  type RoleSelection,
} from '../upperLayer/pdu.ts';
import { abortReason } from '../upperLayer/pduError.ts';
import { cancelled, connectToPeer, type PeerAddress, socketError, timedOut } from './connect.ts';
import { isRequest, PeerRequests, type Serve } from './peerRequests.ts';
import { explainRejection } from './words.ts';

export type ScuTimeouts = {
  /** TCP connection and TLS handshake, milliseconds. */
  connectMs: number;
  /** From A-ASSOCIATE-RQ to its answer, and for the release. */
  associateMs: number;
  /** From a request's last byte to its response; also how long a peer may take nothing more of what is being sent. */
  responseMs: number;
};

export const defaultTimeouts: ScuTimeouts = { connectMs: 10_000, associateMs: 30_000, responseMs: 60_000 };

export type ScuTarget = PeerAddress & {
  callingAeTitle: string;
  calledAeTitle: string;
  timeouts?: Partial<ScuTimeouts>;
  signal?: AbortSignal;
};

/** What is proposed beside the contexts, and served. */
export type Proposal = {
  /** SOP classes for which we would be something else than SCU only (PS3.7 D.3.3.4). */
  roleSelections?: readonly RoleSelection[];
  /** Requests that we would like to have unanswered at a time (PS3.7 D.3.3.3); 0 is any number. Left out: 1. */
  operationsWindow?: number;
  /** Answers requests that the peer makes of us on the association. Left out: they are refused with 0211H. */
  serve?: Serve;
};

/** What we can receive: responses are small. */
const maximumLength = 16 * 1024;

export class Requestor implements AssociationUser {
  readonly #target: ScuTarget;
  readonly #socket: Socket;
  readonly #timeouts: ScuTimeouts;
  readonly #association: Association;
  readonly #messages: MessageReader;
  #answer: AssociateAc | undefined;
  readonly #responses: CommandSet[] = [];
  #released = false;
  #draining = false;
  #ended: GatewayError | undefined;
  #socketError: Error | undefined;
  #closed = false;
  readonly #over = Promise.withResolvers<void>();
  #wake = () => {};
  readonly #onCancel = () => this.#end(cancelled('association', this.#subject), true);

  /** Use `Requestor.open`. */
  private constructor(target: ScuTarget, socket: Socket, serve: Serve) {
    this.#target = target;
    this.#socket = socket;
    this.#timeouts = { ...defaultTimeouts, ...target.timeouts };
    this.#association = new Association(socketTransport(socket), this, {
      role: 'requestor',
      limits: { associatePduLength: 1024 * 1024, maximumLength },
      artimMs: 2_000,
      timers: systemTimers,
    });
    const requests = new PeerRequests(serve, (contextId, response) => {
      const bytes = encodePData(contextId, encodeCommandSet(response), 'command', this.payload + 6);
      this.#association.sendPData(bytes);
    });
    this.#messages = new MessageReader({
      onCommand: (contextId, command, hasDataSet) => {
        if (isRequest(command)) return requests.onCommand(contextId, command, hasDataSet);
        this.#responses.push(command);
        this.#wake();
      },
      onDataSet: (bytes, last) => requests.onDataSet(bytes, last),
      onViolation: (message, reason) => this.#association.protocolError(message, reason),
    });
    socket.on('error', (error) => {
      this.#socketError ??= error;
    });
    socket.on('data', (bytes: Buffer) => this.#association.receive(bytes));
    socket.on('close', () => this.#association.transportClosed());
    target.signal?.addEventListener('abort', this.#onCancel, { once: true });
    if (target.signal?.aborted) this.#onCancel();
  }

  /**
   * Connects and negotiates. Throws what `connectToPeer` throws, and `scu.rejected`, `scu.aborted`, `scu.timeout`.
   * That a context or a role was refused is no error here: see `contextResult` and `roles`.
   */
  static async open(target: ScuTarget, contexts: ProposedContext[], proposal: Proposal = {}): Promise<Requestor> {
    const { connectMs } = { ...defaultTimeouts, ...target.timeouts };
    const requestor = new Requestor(
      target,
      await connectToPeer(target, connectMs, target.signal),
      proposal.serve ?? (() => undefined),
    );
    await requestor.#associate(contexts, proposal);
    return requestor;
  }

  async #associate(contexts: ProposedContext[], proposal: Proposal): Promise<void> {
    const { roleSelections = [], operationsWindow = 1 } = proposal;
    this.#association.request({
      type: 'associate-rq',
      protocolVersion: 1,
      calledAeTitle: this.#target.calledAeTitle,
      callingAeTitle: this.#target.callingAeTitle,
      applicationContext: uid.applicationContext,
      contexts,
      userInformation: {
        maximumLength,
        implementationClassUid,
        implementationVersionName,
        roleSelections: [...roleSelections],
        // 1/1 is what holds without the item; a peer that does not know it need not see it.
        ...(operationsWindow === 1
          ? {}
          : { asynchronousOperationsWindow: { invoked: operationsWindow, performed: 1 } }),
      },
    });
    const what = 'no answer to A-ASSOCIATE-RQ';
    await this.#until(() => this.#answer, this.#timeouts.associateMs, what, 'is this port a DICOM port?');
  }

  get #subject(): string {
    return `${this.#target.calledAeTitle} at ${this.#target.host}:${this.#target.port}`;
  }

  /** Resolves when the association is over, however it ended. */
  get over(): Promise<void> {
    return this.#over.promise;
  }

  /** Why the association is over, when it is. */
  get ended(): GatewayError | undefined {
    return this.#ended;
  }

  /** PS3.8 table 9-18; undefined when the peer did not answer the proposal at all. */
  contextResult(contextId: number): number | undefined {
    return this.#answer?.contexts.find((context) => context.id === contextId)?.result;
  }

  isAccepted(contextId: number): boolean {
    return this.contextResult(contextId) === contextResult.acceptance;
  }

  /** Our roles for a SOP class. What was not proposed, or not answered, is as it is by default: SCU (PS3.7 D.3.3.4). */
  roles(sopClassUid: string): { scu: boolean; scp: boolean } {
    const answered = this.#answer?.userInformation.roleSelections.find((role) => role.sopClassUid === sopClassUid);
    return answered ? { scu: answered.scu, scp: answered.scp } : { scu: true, scp: false };
  }

  /** Requests that may be unanswered at a time: what was proposed, or less; 0 is any number. */
  get operationsWindow(): number {
    return this.#answer?.userInformation.asynchronousOperationsWindow?.invoked ?? 1;
  }

  /** Bytes of payload in a P-DATA-TF that the peer takes. */
  get payload(): number {
    return payloadPerPdu(this.#answer?.userInformation.maximumLength ?? 0);
  }

  /**
   * Sends one message, whose P-DATA-TF PDUs `frames` yields (no more of it is held than the socket takes), and resolves
   * with its response. A `frames` that throws leaves half a message behind, so the association is aborted.
   */
  async exchange(messageId: number, frames: AsyncIterable<Buffer> | Iterable<Buffer>): Promise<CommandSet> {
    try {
      for await (const frame of frames) await this.#write(frame);
    } catch (error) {
      this.abort('the message could not be sent whole');
      throw this.#ended?.code === 'scu.aborted-by-us' ? error : (this.#ended ?? error);
    }
    const { responseMs } = this.#timeouts;
    const hint = 'the peer hangs or is overloaded; look at its log, or allow it more time';
    const response = await this.#until(() => this.#responses.shift(), responseMs, 'no response', hint);
    if (response.messageIdBeingRespondedTo === messageId) return response;
    const message = `response to message ${response.messageIdBeingRespondedTo}, which is not ${messageId}`;
    this.#association.protocolError(message, abortReason.invalidParameterValue);
    throw this.#ended ?? new Error(message);
  }

  async #write(frame: Buffer): Promise<void> {
    if (this.#ended) throw this.#ended;
    if (this.#association.sendPData(frame)) return;
    this.#draining = true;
    this.#socket.once('drain', () => {
      this.#draining = false;
      this.#wake();
    });
    const hint = 'the peer hangs or is overloaded; look at its log';
    await this.#until(() => (this.#draining ? undefined : true), this.#timeouts.responseMs, 'nothing taken', hint);
  }

  /** Ends the association in order, if it still exists. What was answered stays answered, so this does not throw. */
  async release(): Promise<void> {
    if (this.#association.established) {
      this.#association.release();
      const done = () => (this.#released ? true : undefined);
      await this.#until(done, this.#timeouts.associateMs, 'no answer to A-RELEASE-RQ', '').catch(() => {});
    }
    this.#stopListening();
    if (!this.#closed) this.#socket.destroySoon();
  }

  /** A-ABORT, if the association still exists. */
  abort(message: string): void {
    const operation = 'association';
    const details = { code: 'scu.aborted-by-us', operation, subject: this.#subject };
    this.#end(new GatewayError(`${this.#subject}: ${message}`, details), true);
  }

  /** Waits until `ready` yields a value; throws what ended the association, or `scu.timeout` after `ms`. */
  async #until<T>(ready: () => T | undefined, ms: number, what: string, hint: string): Promise<T> {
    const late = () => this.#end(timedOut('association', this.#subject, `${what} within ${ms} ms`, hint), true);
    const timer = setTimeout(late, ms);
    try {
      for (;;) {
        const value = ready();
        if (value !== undefined) return value;
        if (this.#ended) throw this.#ended;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      clearTimeout(timer);
    }
  }

  #end(error: GatewayError, abort: boolean): void {
    if (this.#ended === undefined) {
      this.#ended = error;
      if (abort) this.#association.abort(error.message);
      this.#socket.destroySoon();
      // A peer that takes nothing more would keep what is queued, and with it the socket, for ever.
      setTimeout(() => this.#socket.destroy(), 2_000).unref();
      this.#stopListening();
    }
    this.#wake();
  }

  #stopListening(): void {
    this.#target.signal?.removeEventListener('abort', this.#onCancel);
  }

  // AssociationUser

  onAccepted(answer: AssociateAc): void {
    this.#answer = answer;
    this.#wake();
  }

  onRejected(answer: AssociateRj): void {
    const { why, hint } = explainRejection(answer);
    const details = { code: 'scu.rejected', operation: 'open association', subject: this.#subject, hint };
    this.#end(new GatewayError(`${this.#subject}: ${why}`, { ...details, retryable: answer.result === 2 }), false);
  }

  onPdv(contextId: number, control: number, bytes: Buffer, fragmentEnds: boolean): void {
    this.#messages.onPdv(contextId, control, bytes, fragmentEnds);
  }

  /** An acceptor may ask for the release as well (rare); it gets it, and what was still to be sent fails. */
  onReleaseRequested(): void {
    this.#association.respondRelease();
    const details = { code: 'scu.released-by-peer', operation: 'association', subject: this.#subject, retryable: true };
    if (!this.#released)
      this.#end(new GatewayError(`${this.#subject}: the peer released the association`, details), false);
  }

  onReleased(): void {
    this.#released = true;
    this.#wake();
  }

  onAborted(info: AbortInfo): void {
    if (info.by === 'transport') return; // onClosed follows, and knows the socket's own reason
    const details = { code: 'scu.aborted', operation: 'association', subject: this.#subject };
    const hint = "look at the peer's log";
    this.#end(new GatewayError(`${this.#subject}: ${info.message}`, { ...details, hint }), false);
  }

  onClosed(): void {
    this.#closed = true;
    this.#stopListening();
    const closed = Object.assign(new Error('closed without A-RELEASE'), { code: 'ECONNRESET' });
    if (!this.#released) this.#ended ??= socketError(this.#target, 'association', this.#socketError ?? closed);
    this.#over.resolve();
    this.#wake();
  }
}
