/**
 * The acceptor's side of one association, from the first byte to the last: admission, negotiation, dispatch of DIMSE
 * messages to Verification and Storage, release, abort. One log line when it ends.
 */
import { type AbortInfo, Association, type AssociationUser, type Transport } from '../upperLayer/association.ts';
import type { AssociateRq } from '../upperLayer/pdu.ts';
import { abortReason } from '../upperLayer/pduError.ts';
import { type Acceptance, acceptanceOf } from './acceptance.ts';
import type { Caller, LimitName } from './access.ts';
import { Activity } from './activity.ts';
import { admissionOf } from './admission.ts';
import type { AcceptedAssociationContext } from './associationContext.ts';
import { AssociationEnd, countInstance } from './associationEnd.ts';
import { type AssociationCounters, AssociationLog } from './associationLog.ts';
import type { Knock } from './associationObserver.ts';
import { BackPressure, type Hold } from './backPressure.ts';
import { DimseProvider } from './dimseProvider.ts';
import { type AssociationLimitName, PeerLimits } from './peerLimits.ts';
import { printable } from './printable.ts';
import type { ServiceHost } from './service.ts';
import { type OperationsWindow, StorageReceiver, type StorageResult } from './storage.ts';
import { verificationService } from './verification.ts';

export type { AcceptedAssociationContext } from './associationContext.ts';
export type { AssociationObserver, Knock, LimitCaller } from './associationObserver.ts';
export type { Hold } from './backPressure.ts';

export class AcceptedAssociation implements AssociationUser {
  readonly #context: AcceptedAssociationContext;
  readonly #transport: Transport;
  readonly #association: Association;
  readonly #log: AssociationLog;
  readonly counters: AssociationCounters = { instances: 0, duplicates: 0, refused: 0, bytes: 0, echoes: 0 };
  /** Once the association is accepted. */
  #dimse: DimseProvider | undefined;
  #callingAeTitle = '';
  #receivedBytes = 0;
  readonly #activity: Activity;
  readonly #pressure: BackPressure;
  readonly #limits: PeerLimits;
  readonly #end: AssociationEnd;
  #admitted = false;

  constructor(transport: Transport, context: AcceptedAssociationContext) {
    this.#context = context;
    this.#transport = transport;
    this.#log = new AssociationLog(context.log, context.caller);
    const { limits, monotonic } = context;
    this.#end = new AssociationEnd(this.#log, this.counters, monotonic);
    this.#activity = new Activity(monotonic());
    this.#limits = new PeerLimits(limits);
    this.#pressure = new BackPressure({ transport, monotonic, onHeld: (why, ms) => this.#onHeld(why, ms) });
    this.#association = new Association(transport, this, {
      role: 'acceptor',
      limits: { associatePduLength: limits.associateRequestBytes, maximumLength: limits.maxPduLength },
      artimMs: limits.artimMs,
      timers: context.timers,
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
    const before = this.#association.completedPdus;
    this.#receivedBytes += chunk.length;
    this.#guarded(() => this.#association.receive(chunk));
    this.#activity.received(this.#context.monotonic(), chunk.length, this.#association.completedPdus > before);
    const { associationBytes } = this.#limits.effective;
    if (this.#receivedBytes > associationBytes && this.#association.established) {
      this.#abortFor('associationBytes', `more than ${associationBytes} bytes on one association`);
    }
  }

  /** A fault of ours, not the peer's, ends this association and no other. */
  #guarded(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#association.protocolError(this.#log.fault(error), abortReason.notSpecified);
    }
  }

  transportClosed(): void {
    this.#association.transportClosed();
  }

  /** Called now and then by the listener: ends an association on which nothing has moved for too long, or too slowly. */
  checkIdle(now: number): void {
    if (!this.#association.established) return;
    // A peer that waits for us is not idle; one that does not read our answers is.
    const situation = { waitsForUs: this.#owesAnswer || this.#pressure.byUs, midMessage: !this.betweenMessages };
    const limit = this.#activity.look(now, situation, this.#limits.effective);
    const { idleMs } = this.#limits.effective;
    if (limit === 'idleTimeout') this.#abortFor(limit, `nothing received for ${idleMs} ms`);
    else if (limit) this.#abortFor(limit, `a message came too slowly for ${idleMs} ms`);
  }

  /** A limit that the peer ran into, which ends the association. */
  #abortFor(limit: AssociationLimitName, what: string): void {
    this.#abortWith(limit, `${what}; ${this.#limitReached(limit)}`);
  }

  #abortWith(limit: AssociationLimitName, detail: string): void {
    this.#end.note({ how: 'aborted', by: 'us', limit, midMessage: !this.betweenMessages, detail });
    this.#association.abort(detail);
  }

  /** Tells the observer; returns words for the log: which limit it was. */
  #limitReached(limit: AssociationLimitName): string {
    this.#tellLimit(limit, this.#admitted ? this.#callingAeTitle : undefined, this.#limits.entryOf(limit));
    return this.#limits.inWords(limit);
  }

  #tellLimit(limit: LimitName, aeTitle: string | undefined, entry: string | undefined): void {
    const { observer, caller } = this.#context;
    const named = { ...(aeTitle === undefined ? {} : { aeTitle }), ...(entry === undefined ? {} : { entry }) };
    observer.onLimit(limit, { address: caller.address, ...named });
  }

  /** Ends the association now: for a stopping gateway. */
  abort(message: string): void {
    this.#association.abort(message);
  }

  /** True between two messages: a good moment to stop. */
  get betweenMessages(): boolean {
    return !this.#dimse?.inMessage;
  }

  // AssociationUser

  onAssociateRequested(request: AssociateRq): void {
    this.#callingAeTitle = printable(request.callingAeTitle);
    this.#log.peer = this.#callingAeTitle;
    const { caller, access, limits } = this.#context;
    const verdict = admissionOf(request, caller, access, limits);
    if (!verdict.admitted) return this.#reject(request, verdict);
    const { terms = {} } = verdict;
    this.#limits.admit(terms);
    const acceptance = acceptanceOf(request, {
      limits: this.#limits.effective,
      negotiation: terms.negotiation ?? this.#context.negotiation,
      userIdentityConfirmed: terms.userIdentityConfirmed ?? false,
    });
    if ('problem' in acceptance) {
      return this.#association.protocolError(acceptance.problem, abortReason.invalidParameterValue);
    }
    this.#admitted = true;
    this.#dimse = this.#createDimse(request, acceptance);
    this.#context.observer.onAdmitted(this);
    this.#association.accept(acceptance.answer);
    const refused = request.contexts.filter((context) => !acceptance.contexts.has(context.id));
    if (refused.length > 0) this.#log.contextsRefused(refused, request.contexts.length);
  }

  onPdv(contextId: number, control: number, bytes: Buffer, fragmentEnds: boolean): void {
    this.#dimse?.onPdv(contextId, control, bytes, fragmentEnds);
  }

  onReleaseRequested(): void {
    // A peer that releases before the answers to its last instances still gets them first.
    this.#dimse?.whenIdle(() => {
      this.#end.note({ how: 'released', midMessage: !this.betweenMessages });
      this.#association.respondRelease();
    });
  }

  onAborted(info: AbortInfo): void {
    const how = info.by === 'transport' ? 'closed' : 'aborted';
    const midMessage = !this.betweenMessages || this.#owesAnswer;
    const { by, limit, message } = info;
    const detail = limit ? `${message}; ${this.#limitReached(limit)}` : message;
    this.#end.note({ how, by, midMessage, detail, ...(limit ? { limit } : {}) });
    this.#dimse?.close();
    this.#end.say(this.#admitted); // at once: the peer may keep the connection open for as long as ARTIM allows
    this.#pressure.end();
  }

  onClosed(): void {
    this.#dimse?.close();
    this.#end.say(this.#admitted);
    this.#pressure.end();
    this.#context.observer.onClosed(this, this.#end.ending);
  }

  #reject(request: AssociateRq, verdict: Knock['verdict']): void {
    this.#end.note({ how: 'rejected', detail: verdict.why });
    this.#log.rejected(verdict);
    const { observer, caller } = this.#context;
    const { userIdentity: _secret, ...userInformation } = request.userInformation;
    observer.onRejected({ request: { ...request, userInformation }, caller, verdict });
    const { identified, limit, limitEntry } = verdict;
    if (limit) this.#tellLimit(limit, identified ? this.#callingAeTitle : undefined, limitEntry);
    this.#association.reject({ type: 'associate-rj', ...verdict.rejection });
  }

  get #owesAnswer(): boolean {
    return this.#dimse?.owesAnswer ?? false;
  }

  #createDimse(request: AssociateRq, { contexts, operationsWindow }: Acceptance): DimseProvider {
    const titles = { peer: this.#callingAeTitle, calledAeTitle: printable(request.calledAeTitle) };
    const served = { ...titles, contexts: [...contexts.values()] };
    return new DimseProvider({
      association: this.#association,
      transport: this.#transport,
      pressure: this.#pressure,
      contexts,
      peerMaximum: request.userInformation.maximumLength,
      operationsWindow,
      createServices: (host, window) => [
        verificationService(host, () => this.counters.echoes++),
        this.#storage(host, window),
        ...(this.#context.services?.({ ...served, host }) ?? []),
      ],
      onSend: () => this.#activity.ours(this.#context.monotonic()),
      onRefused: (code, answered) => this.#log.operationRefused(code, answered),
      guarded: (run) => this.#guarded(run),
    });
  }

  #storage(host: ServiceHost, window: OperationsWindow): StorageReceiver {
    const { intake, monotonic } = this.#context;
    return new StorageReceiver({
      host,
      intake,
      peer: this.#callingAeTitle,
      limits: this.#limits.effective,
      window,
      monotonic,
      onTooLarge: () => this.#limitReached('instanceBytes'),
      abortTooLarge: (detail) => this.#abortWith('instanceBytes', detail),
      onResult: (result) => this.#onStored(result),
    });
  }

  #onHeld(why: Hold, ms: number): void {
    this.#activity.ours(this.#context.monotonic());
    this.#context.observer.onHeld(this, why, ms);
    if (why === 'window') this.#limitReached('operationsWindow');
  }

  #onStored(result: StorageResult): void {
    countInstance(this.counters, result);
    this.#log.instance(result);
    this.#context.observer.onInstance(this, result);
  }
}
