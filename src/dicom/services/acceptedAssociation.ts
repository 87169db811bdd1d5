/**
 * The acceptor's side of one association, from the first byte to the last: admission, negotiation, dispatch of DIMSE
 * messages to Verification and Storage, release, abort. One log line when it ends.
 */
import type { Log } from '../../base/log.ts';
import { type CommandSet, commandField, encodeCommandSet, noDataSet } from '../dimse/commandSet.ts';
import { MessageReader } from '../dimse/messageReader.ts';
import { encodePData } from '../dimse/pdvWriter.ts';
import { status } from '../dimse/status.ts';
import { implementationClassUid, implementationVersionName, isUid } from '../uids.ts';
import {
  type AbortInfo,
  Association,
  type AssociationUser,
  type Timers,
  type Transport,
} from '../upperLayer/association.ts';
import { type AcceptedContext, answerRoles, type NegotiationPolicy, negotiate } from '../upperLayer/negotiation.ts';
import type { AssociateRq } from '../upperLayer/pdu.ts';
import { abortReason } from '../upperLayer/pduError.ts';
import type { AccessPolicy, Admission, AssociationLimits, Caller, LimitName } from './access.ts';
import { admissionOf } from './admission.ts';
import { type AssociationCounters, AssociationLog, type Ending } from './associationLog.ts';
import { printable } from './printable.ts';
import type { AssociationService, ServedAssociation, ServiceHost } from './service.ts';
import { type Intake, StorageReceiver, type StorageResult } from './storage.ts';
import { verificationService } from './verification.ts';

export type AssociationObserver = {
  onAdmitted(association: AcceptedAssociation): void;
  onRejected(knock: Knock): void;
  onInstance(association: AcceptedAssociation, result: StorageResult): void;
  onClosed(association: AcceptedAssociation, ending: Ending): void;
  /** The sender had to wait for `ms` (back-pressure): for our intake, or because it does not read our answers. */
  onHeld(association: AcceptedAssociation, why: Hold, ms: number): void;
  /** A connection ended in its TLS handshake: nobody knows yet who called, only from where. */
  onHandshakeFailed(caller: { address: string }): void;
  /** A peer ran into a limit; `caller` as far as it is known. */
  onLimit(limit: LimitName, caller: { address: string }): void;
};

/** An association that was asked for and refused. Texts as they came: whoever shows them makes them printable. */
export type Knock = { request: AssociateRq; caller: Caller; verdict: Extract<Admission, { admitted: false }> };

export type AcceptedAssociationContext = {
  caller: Caller;
  limits: AssociationLimits;
  access: AccessPolicy;
  negotiation: NegotiationPolicy;
  intake: Intake;
  /** Services beside Verification and Storage; each is for the contexts that the negotiation policy accepts. */
  services?(association: ServedAssociation): AssociationService[];
  observer: AssociationObserver;
  timers: Timers;
  monotonic: () => number;
  log: Log;
};

/** The intake is full; or the peer does not read our answers, which must not gather here. */
export type Hold = 'intake' | 'answers';

export class AcceptedAssociation implements AssociationUser {
  readonly #context: AcceptedAssociationContext;
  readonly #transport: Transport;
  readonly #association: Association;
  readonly #messages: MessageReader;
  readonly #log: AssociationLog;
  readonly counters: AssociationCounters = { instances: 0, duplicates: 0, refused: 0, bytes: 0, echoes: 0 };
  #contexts = new Map<number, AcceptedContext>();
  #peerMaximum = 0;
  #services: AssociationService[] = [];
  /** Takes the data set that comes now; undefined: it is read over. */
  #receiver: AssociationService | undefined;
  #callingAeTitle = '';
  #receivedBytes = 0;
  #lastActivity: number;
  #startedAt: number;
  #ending: Ending | undefined;
  #admitted = false;
  #endSaid = false;
  /** Why nothing is read from the peer at present, and since when. */
  readonly #holds = new Map<Hold, number>();

  constructor(transport: Transport, context: AcceptedAssociationContext) {
    this.#context = context;
    this.#transport = transport;
    this.#log = new AssociationLog(context.log, context.caller);
    this.#startedAt = context.monotonic();
    this.#lastActivity = this.#startedAt;
    const { limits } = context;
    this.#association = new Association(transport, this, {
      role: 'acceptor',
      limits: { associatePduLength: limits.associateRequestBytes, maximumLength: limits.maxPduLength },
      artimMs: limits.artimMs,
      timers: context.timers,
    });
    this.#messages = new MessageReader({
      onCommand: (id, command, hasDataSet) => this.#onCommand(id, command, hasDataSet),
      onDataSet: (bytes, last) => this.#onDataSet(bytes, last),
      onViolation: (message, reason) => this.#association.protocolError(message, reason),
    });
    this.#association.transportConnected();
  }

  get callingAeTitle(): string {
    return this.#callingAeTitle;
  }

  /** False for a connection that never became an association. */
  get admitted(): boolean {
    return this.#admitted;
  }

  get caller(): Caller {
    return this.#context.caller;
  }

  receive(chunk: Buffer): void {
    this.#lastActivity = this.#context.monotonic();
    this.#receivedBytes += chunk.length;
    try {
      this.#association.receive(chunk);
    } catch (error) {
      this.#onFault(error);
    }
    if (this.#receivedBytes > this.#context.limits.associationBytes && this.#association.established) {
      this.#abortFor('associationBytes', `more than ${this.#context.limits.associationBytes} bytes on one association`);
    }
  }

  /** A fault of ours, not the peer's: it ends this association and no other. */
  #onFault(error: unknown): void {
    const message = this.#log.fault(error);
    this.#association.protocolError(message, abortReason.notSpecified);
  }

  transportClosed(): void {
    this.#association.transportClosed();
  }

  /** Called now and then by the listener: ends an association on which nothing has moved for too long. */
  checkIdle(now: number): void {
    // A peer that waits for us is not idle; one that does not read our answers is.
    if (!this.#association.established || this.#owesAnswer || this.#holds.has('intake')) return;
    if (now - this.#lastActivity < this.#context.limits.idleMs) return;
    this.#abortFor('idleTimeout', `nothing received for ${this.#context.limits.idleMs} ms`);
  }

  /** A limit that the peer ran into, which ends the association. */
  #abortFor(limit: LimitName, message: string): void {
    this.#ending ??= { how: 'aborted', by: 'us', limit, midMessage: !this.betweenMessages, detail: message };
    this.#context.observer.onLimit(limit, this.#context.caller);
    this.#association.abort(message);
  }

  /** Ends the association now: for a stopping gateway. */
  abort(message: string): void {
    this.#association.abort(message);
  }

  /** True between two messages: a good moment to stop. */
  get betweenMessages(): boolean {
    return !this.#messages.inMessage;
  }

  // AssociationUser

  onAssociateRequested(request: AssociateRq): void {
    this.#callingAeTitle = printable(request.callingAeTitle);
    this.#log.peer = this.#callingAeTitle;
    const { caller, access, limits } = this.#context;
    const verdict = admissionOf(request, caller, access, limits);
    if (!verdict.admitted) return this.#reject(request, verdict);
    const negotiated = negotiate(request.contexts, this.#context.negotiation);
    if ('problem' in negotiated) {
      return this.#association.protocolError(negotiated.problem, abortReason.invalidParameterValue);
    }
    this.#contexts = negotiated.accepted;
    this.#peerMaximum = request.userInformation.maximumLength;
    this.#admitted = true;
    this.#services = this.#createServices(request);
    this.#context.observer.onAdmitted(this);
    this.#association.accept({
      type: 'associate-ac',
      calledAeTitle: request.calledAeTitle,
      callingAeTitle: request.callingAeTitle,
      contexts: negotiated.results,
      userInformation: {
        maximumLength: this.#context.limits.maxPduLength,
        implementationClassUid,
        implementationVersionName,
        roleSelections: answerRoles(request.userInformation.roleSelections, this.#acceptedSyntaxes()),
      },
    });
    this.#logRefusedContexts(request);
  }

  onPdv(contextId: number, control: number, bytes: Buffer, fragmentEnds: boolean): void {
    if (!this.#contexts.has(contextId)) {
      const message = `data on presentation context ${contextId}, which was not accepted`;
      return this.#association.protocolError(message, abortReason.invalidParameterValue);
    }
    this.#messages.onPdv(contextId, control, bytes, fragmentEnds);
  }

  onReleaseRequested(): void {
    // A peer that releases before the answers to its last instances still gets them first.
    const respond = () => {
      this.#ending ??= { how: 'released' };
      this.#association.respondRelease();
    };
    let waiting = this.#services.length;
    for (const service of this.#services) {
      service.whenIdle(() => {
        if (--waiting === 0) respond();
      });
    }
  }

  onAborted(info: AbortInfo): void {
    const how = info.by === 'transport' ? 'closed' : 'aborted';
    const midMessage = !this.betweenMessages || this.#owesAnswer;
    this.#ending ??= { how, by: info.by, midMessage, detail: info.message };
    this.#closeServices();
    this.#sayEnd(); // at once: the peer may keep the connection open for as long as ARTIM allows
    this.#transport.resume(); // a paused transport would never tell that it is closed
  }

  onClosed(): void {
    this.#closeServices();
    this.#sayEnd();
    for (const why of this.#holds.keys()) this.#sayHeld(why);
    this.#holds.clear();
    this.#context.observer.onClosed(this, this.#ending ?? { how: 'closed', by: 'transport' });
  }

  /** One line, once. */
  #sayEnd(): void {
    if (this.#endSaid) return;
    this.#endSaid = true;
    const seconds = Math.round(this.#context.monotonic() - this.#startedAt) / 1000;
    this.#log.ended(this.#ending ?? { how: 'closed' }, this.counters, seconds, this.#admitted);
  }

  #reject(request: AssociateRq, verdict: Extract<Admission, { admitted: false }>): void {
    this.#ending = { how: 'rejected', detail: verdict.why };
    this.#log.rejected(verdict);
    const { observer, caller } = this.#context;
    observer.onRejected({ request, caller, verdict });
    if (verdict.limit) observer.onLimit(verdict.limit, caller);
    this.#association.reject({ type: 'associate-rj', ...verdict.rejection });
  }

  get #owesAnswer(): boolean {
    return this.#services.some((service) => service.owesAnswer);
  }

  #closeServices(): void {
    for (const service of this.#services) service.close();
  }

  #createServices({ calledAeTitle }: AssociateRq): AssociationService[] {
    const host: ServiceHost = {
      send: (contextId, command, dataSet) => this.#send(contextId, command, dataSet),
      pause: () => this.#hold('intake'),
      resume: () => this.#letGo('intake'),
      abort: (message) => this.#association.abort(message),
    };
    const { intake, limits, monotonic, services } = this.#context;
    return [
      verificationService(host, () => this.counters.echoes++),
      new StorageReceiver({
        host,
        intake,
        peer: this.#callingAeTitle,
        limits,
        monotonic,
        onResult: (result) => this.#onStored(result),
      }),
      ...(services?.({
        host,
        peer: this.#callingAeTitle,
        calledAeTitle: printable(calledAeTitle),
        contexts: [...this.#contexts.values()],
      }) ?? []),
    ];
  }

  #onCommand(contextId: number, command: CommandSet, hasDataSet: boolean): void {
    const context = this.#contexts.get(contextId);
    if (context === undefined) return;
    const service = this.#services.find((candidate) => candidate.takes(context, command));
    this.#receiver = hasDataSet ? service : undefined;
    if (service) service.onCommand(context, command, hasDataSet);
    else this.#refuseOperation(contextId, command, hasDataSet);
  }

  /** An operation that this presentation context does not offer: answered, and its data set, if any, is read over. */
  #refuseOperation(contextId: number, command: CommandSet, hasDataSet: boolean): void {
    const code = `${command.commandField.toString(16).padStart(4, '0')}H`;
    this.#log.operationRefused(code);
    if ((command.commandField & 0x8000) !== 0 || command.commandField === commandField.cCancelRq) {
      // Nothing was asked of us: a response or a cancel has no answer. With a data set it is out of place altogether.
      if (hasDataSet) this.#association.protocolError(`unexpected message ${code}`, abortReason.notSpecified);
      return;
    }
    this.#send(contextId, {
      commandField: command.commandField | 0x8000,
      ...(isUid(command.affectedSopClassUid) ? { affectedSopClassUid: command.affectedSopClassUid } : {}),
      messageIdBeingRespondedTo: command.messageId ?? 0,
      commandDataSetType: noDataSet,
      status: status.unrecognizedOperation,
    });
  }

  #onDataSet(bytes: Buffer, last: boolean): void {
    this.#receiver?.onDataSet(bytes, last);
  }

  #send(contextId: number, command: CommandSet, dataSet?: Buffer): void {
    this.#lastActivity = this.#context.monotonic();
    const encoded = encodePData(contextId, encodeCommandSet(command), 'command', this.#peerMaximum);
    const bytes =
      dataSet === undefined
        ? encoded
        : Buffer.concat([encoded, encodePData(contextId, dataSet, 'data-set', this.#peerMaximum)]);
    if (this.#association.sendPData(bytes) || this.#holds.has('answers')) return;
    this.#hold('answers');
    this.#transport.onDrain(() => this.#letGo('answers'));
  }

  #hold(why: Hold): void {
    if (!this.#holds.has(why)) this.#holds.set(why, this.#context.monotonic());
    this.#transport.pause();
  }

  #letGo(why: Hold): void {
    this.#sayHeld(why);
    this.#holds.delete(why);
    this.#lastActivity = this.#context.monotonic();
    if (this.#holds.size === 0) this.#transport.resume();
  }

  #sayHeld(why: Hold): void {
    const since = this.#holds.get(why);
    if (since !== undefined) this.#context.observer.onHeld(this, why, this.#context.monotonic() - since);
  }

  #onStored(result: StorageResult): void {
    this.counters.bytes += result.bytes;
    if (result.status !== status.success) this.counters.refused++;
    else if (result.outcome?.kind === 'duplicate') this.counters.duplicates++;
    else this.counters.instances++;
    this.#log.instance(result);
    this.#context.observer.onInstance(this, result);
  }

  #acceptedSyntaxes(): Set<string> {
    return new Set([...this.#contexts.values()].map((context) => context.abstractSyntax));
  }

  #logRefusedContexts({ contexts }: AssociateRq): void {
    const refused = contexts.filter((context) => !this.#contexts.has(context.id));
    if (refused.length > 0) this.#log.contextsRefused(refused, contexts.length);
  }
}
