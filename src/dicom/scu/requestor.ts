/**
 * The requestor's side of one association: opens it, sends DIMSE requests, as many at a time as were negotiated, releases
 * it. Whatever ends it early (rejection, abort, a broken connection, silence, cancellation) becomes one error, which every
 * later call throws as well.
 */
import type { Socket } from 'node:net';
import type { GatewayError } from '../../base/errors.ts';
import { type CommandSet, encodeCommandSet } from '../dimse/commandSet.ts';
import { MessageReader } from '../dimse/messageReader.ts';
import { encodePData } from '../dimse/pdvWriter.ts';
import { socketTransport, systemTimers } from '../transport/socketTransport.ts';
import { type AbortInfo, Association, type AssociationUser } from '../upperLayer/association.ts';
import type { AssociateAc, AssociateRj, ProposedContext } from '../upperLayer/pdu.ts';
import { abortReason } from '../upperLayer/pduError.ts';
import { Agreement, maximumLength, type Proposal, requestFor } from './agreement.ts';
import { Condition } from './condition.ts';
import { cancelled, connectToPeer, socketError, timedOut } from './connect.ts';
import { aborted, abortedByUs, rejected, releasedByPeer } from './endings.ts';
import { OutstandingRequests } from './outstandingRequests.ts';
import { isRequest, PeerRequests } from './peerRequests.ts';
import { defaultTimeouts, type ScuTarget, type ScuTimeouts, subjectOf } from './target.ts';

export type { Proposal } from './agreement.ts';
export { defaultTimeouts, type ScuTarget, type ScuTimeouts } from './target.ts';

export class Requestor implements AssociationUser {
  readonly #target: ScuTarget;
  readonly #subject: string;
  readonly #socket: Socket;
  readonly #timeouts: ScuTimeouts;
  readonly #association: Association;
  readonly #messages: MessageReader;
  readonly #proposal: Proposal;
  #agreement: Agreement | undefined;
  readonly #outstanding: OutstandingRequests;
  /** Ends when the message that is being sent is sent: messages do not mix. */
  #sending: Promise<void> = Promise.resolve();
  #released = false;
  #draining = false;
  #ended: GatewayError | undefined;
  #socketError: Error | undefined;
  #closed = false;
  readonly #over = Promise.withResolvers<void>();
  readonly #condition = new Condition();
  readonly #onCancel = () => this.#end(cancelled('association', this.#subject), true);

  /** Use `Requestor.open`. */
  private constructor(target: ScuTarget, socket: Socket, proposal: Proposal) {
    this.#target = target;
    this.#subject = subjectOf(target);
    this.#proposal = proposal;
    this.#socket = socket;
    this.#timeouts = { ...defaultTimeouts, ...target.timeouts };
    const { responseMs } = this.#timeouts;
    const hint = 'the peer hangs or is overloaded; look at its log, or allow it more time';
    this.#outstanding = new OutstandingRequests({
      responseMs,
      unanswered: () => timedOut('association', this.#subject, `no response within ${responseMs} ms`, hint),
      onGivenUp: (error) => this.#end(error, true),
    });
    this.#association = new Association(socketTransport(socket), this, {
      role: 'requestor',
      limits: { associatePduLength: 1024 * 1024, maximumLength },
      artimMs: 2_000,
      timers: systemTimers,
    });
    const requests = new PeerRequests(proposal.serve ?? (() => undefined), (contextId, response) => {
      const bytes = encodePData(contextId, encodeCommandSet(response), 'command', this.payload + 6);
      this.#association.sendPData(bytes);
    });
    this.#messages = new MessageReader({
      onCommand: (contextId, command, hasDataSet) => {
        if (isRequest(command)) return requests.onCommand(contextId, command, hasDataSet);
        this.#onResponse(command);
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
    const socket = await connectToPeer(target, connectMs, target.signal);
    const requestor = new Requestor(target, socket, proposal);
    await requestor.#associate(contexts);
    return requestor;
  }

  async #associate(contexts: ProposedContext[]): Promise<void> {
    this.#association.request(requestFor(this.#target, contexts, this.#proposal));
    const what = 'no answer to A-ASSOCIATE-RQ';
    await this.#until(() => this.#agreement, this.#timeouts.associateMs, what, 'is this port a DICOM port?');
  }

  /** Resolves when the association is over, however it ended. */
  get over(): Promise<void> {
    return this.#over.promise;
  }

  /** Why no request can be made any more, when it is so: the association is over, or a request was not answered in time. */
  get ended(): GatewayError | undefined {
    return this.#ended ?? this.#outstanding.givenUp;
  }

  /** PS3.8 table 9-18; undefined when the peer did not answer the proposal at all. */
  contextResult(contextId: number): number | undefined {
    return this.#agreement?.contextResult(contextId);
  }

  isAccepted(contextId: number): boolean {
    return this.#agreement?.isAccepted(contextId) ?? false;
  }

  /** Our roles for a SOP class, as they were granted; SCU where nothing else was proposed. */
  roles(sopClassUid: string): { scu: boolean; scp: boolean } {
    return this.#agreement?.roles(sopClassUid) ?? { scu: true, scp: false };
  }

  /** Requests that may be unanswered at a time: as many as were proposed, or fewer. */
  get operationsWindow(): number {
    return this.#agreement?.operationsWindow ?? 1;
  }

  /** Bytes of payload in a P-DATA-TF that the peer takes. */
  get payload(): number {
    return this.#agreement?.payload ?? maximumLength;
  }

  /** Whether the answer to this Message ID may still come: it is not free for another request. */
  isWaitingFor(messageId: number): boolean {
    return this.#outstanding.has(messageId);
  }

  /** Sends one request, and resolves with its response: see `request`. */
  async exchange(messageId: number, frames: AsyncIterable<Buffer> | Iterable<Buffer>): Promise<CommandSet> {
    const { response } = await this.request(messageId, frames);
    return response;
  }

  /**
   * Sends one request, whose P-DATA-TF PDUs `frames` yields (no more of it is held than the socket takes), after those
   * that were begun before. Resolves when it is sent whole, and `response` when it is answered; keeping to the operations
   * window is the caller's part. A `frames` that throws leaves half a message behind, so the association is aborted.
   */
  async request(
    messageId: number,
    frames: AsyncIterable<Buffer> | Iterable<Buffer>,
  ): Promise<{ response: Promise<CommandSet> }> {
    if (this.ended) throw this.ended;
    const response = this.#outstanding.expect(messageId);
    const sending = this.#send(this.#sending, frames);
    this.#sending = sending.catch(() => {});
    await sending;
    this.#outstanding.sent(messageId);
    return { response };
  }

  async #send(before: Promise<void>, frames: AsyncIterable<Buffer> | Iterable<Buffer>): Promise<void> {
    await before;
    try {
      if (this.#ended) throw this.#ended;
      for await (const frame of frames) await this.#write(frame);
    } catch (error) {
      this.abort('the message could not be sent whole');
      throw this.#ended?.code === 'scu.aborted-by-us' ? error : (this.#ended ?? error);
    }
  }

  #onResponse(response: CommandSet): void {
    if (this.#outstanding.answered(response)) return;
    const message = `response to message ${response.messageIdBeingRespondedTo}, which does not wait for one`;
    this.#association.protocolError(message, abortReason.invalidParameterValue);
  }

  async #write(frame: Buffer): Promise<void> {
    if (this.#ended) throw this.#ended;
    if (this.#association.sendPData(frame)) return;
    this.#draining = true;
    this.#socket.once('drain', () => {
      this.#draining = false;
      this.#condition.changed();
    });
    const hint = 'the peer hangs or is overloaded; look at its log';
    await this.#until(() => (this.#draining ? undefined : true), this.#timeouts.responseMs, 'nothing taken', hint);
  }

  /**
   * Ends the association in order, when everything is answered, if it still exists. What was answered stays answered, so
   * this does not throw.
   */
  async release(): Promise<void> {
    await this.#outstanding.idle();
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
    this.#end(abortedByUs(this.#subject, message), true);
  }

  /** Waits until `ready` yields a value; throws what ended the association, or `scu.timeout` after `ms`. */
  async #until<T>(ready: () => T | undefined, ms: number, what: string, hint: string): Promise<T> {
    const late = () => this.#end(timedOut('association', this.#subject, `${what} within ${ms} ms`, hint), true);
    return this.#condition.until(
      () => {
        const value = ready();
        if (value === undefined && this.#ended) throw this.#ended;
        return value;
      },
      ms,
      late,
    );
  }

  #end(error: GatewayError, abort: boolean): void {
    if (this.#ended === undefined) {
      this.#ended = error;
      if (abort) this.#association.abort(error.message);
      this.#socket.destroySoon();
      // A peer that takes nothing more would keep what is queued, and with it the socket, for ever.
      setTimeout(() => this.#socket.destroy(), 2_000).unref();
      this.#stopListening();
      this.#outstanding.fail(error);
    }
    this.#condition.changed();
  }

  #stopListening(): void {
    this.#target.signal?.removeEventListener('abort', this.#onCancel);
  }

  // AssociationUser

  onAccepted(answer: AssociateAc): void {
    this.#agreement = new Agreement(answer, this.#proposal);
    this.#condition.changed();
  }

  onRejected(answer: AssociateRj): void {
    this.#end(rejected(this.#subject, answer), false);
  }

  onPdv(contextId: number, control: number, bytes: Buffer, fragmentEnds: boolean): void {
    this.#messages.onPdv(contextId, control, bytes, fragmentEnds);
  }

  /** An acceptor may ask for the release as well (rare); it gets it, and what was still to be sent fails. */
  onReleaseRequested(): void {
    this.#association.respondRelease();
    if (!this.#released) this.#end(releasedByPeer(this.#subject), false);
  }

  onReleased(): void {
    this.#released = true;
    this.#condition.changed();
  }

  onAborted(info: AbortInfo): void {
    if (info.by === 'transport') return; // onClosed follows, and knows the socket's own reason
    this.#end(aborted(this.#subject, info.message), false);
  }

  onClosed(): void {
    this.#closed = true;
    this.#stopListening();
    const closed = Object.assign(new Error('closed without A-RELEASE'), { code: 'ECONNRESET' });
    if (!this.#released) this.#ended ??= socketError(this.#target, 'association', this.#socketError ?? closed);
    if (this.#ended) this.#outstanding.fail(this.#ended);
    this.#over.resolve();
    this.#condition.changed();
  }
}
