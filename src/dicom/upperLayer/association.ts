/**
 * One association: the protocol machine's events come in from the transport and from the local user, its effects go out.
 * Sockets and timers are passed in; both roles use it.
 */
import { type Abort, type AssociateAc, type AssociateRj, type AssociateRq, encodePdu, type Pdu } from './pdu.ts';
import { abortReason, PduError, type ProtocolLimit } from './pduError.ts';
import { type PduLimits, PduReader } from './pduReader.ts';
import { type Effect, type Event, type Role, type State, transition } from './stateMachine.ts';

/** A byte stream to the peer. */
export type Transport = {
  /** Returns false when the peer is slow and `onDrain` should be waited for. */
  write(bytes: Uint8Array): boolean;
  onDrain(callback: () => void): void;
  pause(): void;
  resume(): void;
  /** Sends what is queued, then closes. */
  end(): void;
  /** Closes at once. */
  destroy(): void;
};

export type Timers = { after(ms: number, callback: () => void): () => void };

export type AbortInfo = {
  by: 'peer' | 'us' | 'transport';
  source: number;
  reason: number;
  /** What went wrong, for the log. */
  message: string;
  /** The limit of ours that the peer ran into. */
  limit?: ProtocolLimit;
};

/** The local user of the association: the DIMSE layer. */
export type AssociationUser = {
  onAssociateRequested?(request: AssociateRq): void;
  onAccepted?(answer: AssociateAc): void;
  onRejected?(answer: AssociateRj): void;
  /** See PduHandler.onPdv: the bytes are valid during the call only. */
  onPdv(contextId: number, control: number, bytes: Buffer, fragmentEnds: boolean): void;
  onReleaseRequested(): void;
  onReleased?(): void;
  onAborted(info: AbortInfo): void;
  /** The transport is closed and nothing more will come. Called exactly once, last. */
  onClosed(): void;
};

export type AssociationOptions = { role: Role; limits: PduLimits; artimMs: number; timers: Timers };

type Detail = { pdu?: Pdu; reason?: number; message?: string; limit?: ProtocolLimit };

const source = { serviceUser: 0, serviceProvider: 2 } as const;

const eventOf: Record<Pdu['type'], Event> = {
  'associate-ac': 'Evt3',
  'associate-rj': 'Evt4',
  'associate-rq': 'Evt6',
  'release-rq': 'Evt12',
  'release-rp': 'Evt13',
  abort: 'Evt16',
};

export class Association {
  readonly #options: AssociationOptions;
  readonly #transport: Transport;
  readonly #user: AssociationUser;
  readonly #reader: PduReader;
  #state: State = 'Sta1';
  #cancelArtim: (() => void) | undefined;
  #closed = false;
  /**
   * Set once what follows on the wire is not listened to any more, not even the rest of the chunk that is being read: it can
   * no longer be trusted to be PDUs, or the peer goes on asking although it was told to close.
   */
  #deaf = false;

  constructor(transport: Transport, user: AssociationUser, options: AssociationOptions) {
    this.#transport = transport;
    this.#user = user;
    this.#options = options;
    this.#reader = new PduReader(options.limits, {
      onPdu: (pdu) => {
        if (!this.#deaf) this.#dispatch(eventOf[pdu.type], { pdu });
      },
      onPData: () => {
        if (!this.#deaf) this.#dispatch('Evt10', {});
      },
      onPdv: (id, control, bytes, ends) => {
        if (this.#deaf) return;
        // Data that belongs to a P-DATA-TF which the machine refused or ignored goes nowhere.
        if (this.#state === 'Sta6' || this.#state === 'Sta7') this.#user.onPdv(id, control, bytes, ends);
      },
    });
  }

  get state(): State {
    return this.#state;
  }

  get established(): boolean {
    return this.#state === 'Sta6';
  }

  /** PDUs that have come whole. */
  get completedPdus(): number {
    return this.#reader.completed;
  }

  /** Acceptor: the transport connection is there. */
  transportConnected(): void {
    this.#dispatch('Evt5', {});
  }

  /** Requestor, on a transport that is connected already. */
  request(rq: AssociateRq): void {
    this.#state = 'Sta4'; // AE-1 was the caller's connect
    this.#dispatch('Evt2', { pdu: rq });
  }

  receive(chunk: Buffer): void {
    this.#reading(() => this.#reader.push(chunk));
  }

  /** Nothing that the peer sends is acted on until `resume`. What is still on its way is kept: pause the transport too. */
  hold(): void {
    this.#reader.hold();
  }

  resume(): void {
    this.#reading(() => this.#reader.resume());
  }

  #reading(read: () => void): void {
    if (this.#deaf || this.#closed) return;
    try {
      read();
    } catch (error) {
      if (!(error instanceof PduError)) throw error;
      if (this.#deaf) return;
      this.#deaf = true;
      const { reason, message, limit } = error;
      this.#dispatch('Evt19', { reason, message, ...(limit === undefined ? {} : { limit }) });
    }
  }

  transportClosed(): void {
    if (this.#closed) return;
    this.#closed = true;
    const cut = this.#reader.atBoundary ? '' : ' in the middle of a PDU';
    this.#dispatch('Evt17', { message: `connection closed without A-RELEASE${cut}` });
    this.#stopArtim();
    this.#user.onClosed();
  }

  accept(answer: AssociateAc): void {
    this.#reader.maximumLength = answer.userInformation.maximumLength;
    this.#dispatch('Evt7', { pdu: answer });
  }

  reject(answer: AssociateRj): void {
    this.#dispatch('Evt8', { pdu: answer });
  }

  /** Writes whole P-DATA-TF PDUs (dimse/pdvWriter.ts makes them). Returns false when `onDrain` should be waited for. */
  sendPData(bytes: Uint8Array): boolean {
    if (transition(this.#state, 'Evt9', this.#options.role) === undefined) return true; // gone: nothing to send to
    return this.#transport.write(bytes);
  }

  release(): void {
    this.#dispatch('Evt11', {});
  }

  respondRelease(): void {
    this.#dispatch('Evt14', {});
  }

  /** A-ABORT by us, its user; `message` is for the log. */
  abort(message: string, reason: number = abortReason.notSpecified): void {
    const established = this.#state;
    this.#dispatch('Evt15', { reason, message });
    if (established !== this.#state) this.#user.onAborted({ by: 'us', source: source.serviceUser, reason, message });
  }

  /** A protocol error found above the PDU level (DIMSE): A-ABORT by the provider, with `reason`. */
  protocolError(message: string, reason: number): void {
    this.#deaf = true;
    this.#dispatch('Evt19', { reason, message });
  }

  #dispatch(event: Event, detail: Detail): void {
    const action = transition(this.#state, event, this.#options.role);
    if (action === undefined) return; // a local primitive that came too late: the association is gone
    const before = this.#state;
    this.#state = action.next;
    const unexpected = `${event} (${detail.pdu?.type ?? 'P-DATA-TF'}) is unexpected in ${before}`;
    const info = {
      pdu: detail.pdu,
      reason: detail.reason ?? (detail.message === undefined ? abortReason.unexpectedPdu : abortReason.notSpecified),
      message: detail.message ?? unexpected,
      ...(detail.limit === undefined ? {} : { limit: detail.limit }),
    };
    for (const effect of action.effects) this.#perform(effect, info, before);
  }

  #perform(effect: Effect, info: Omit<AbortInfo, 'by' | 'source'> & { pdu: Pdu | undefined }, before: State): void {
    const { pdu, ...why } = info;
    switch (effect) {
      case 'send-associate-rq':
      case 'send-associate-ac':
      case 'send-associate-rj':
        if (pdu) this.#transport.write(encodePdu(pdu));
        break;
      case 'send-release-rq':
        this.#transport.write(encodePdu({ type: 'release-rq' }));
        break;
      case 'send-release-rp':
        this.#transport.write(encodePdu({ type: 'release-rp' }));
        break;
      case 'send-abort-user':
        this.#transport.write(encodePdu({ type: 'abort', source: source.serviceUser, reason: 0 }));
        // An invalid first PDU (AA-1 in Sta2) has no indication in the table, but the log wants its reason.
        if (before === 'Sta2') this.#user.onAborted({ by: 'us', source: source.serviceUser, ...why });
        break;
      case 'send-abort-provider':
        this.#transport.write(encodePdu({ type: 'abort', source: source.serviceProvider, reason: why.reason }));
        // AA-7, once: a peer that asks again and again, and reads nothing, would make our answers gather.
        if (before === 'Sta13') this.#deaf = true;
        break;
      case 'close-transport':
        this.#transport.end();
        break;
      case 'start-artim':
        this.#startArtim();
        break;
      case 'stop-artim':
        this.#stopArtim();
        break;
      case 'indicate-associate':
        if (pdu?.type === 'associate-rq') this.#user.onAssociateRequested?.(pdu);
        break;
      case 'confirm-accept':
        if (pdu?.type === 'associate-ac') this.#user.onAccepted?.(pdu);
        break;
      case 'confirm-reject':
        if (pdu?.type === 'associate-rj') this.#user.onRejected?.(pdu);
        break;
      case 'indicate-release':
        this.#user.onReleaseRequested();
        break;
      case 'confirm-release':
        this.#user.onReleased?.();
        break;
      case 'indicate-abort': {
        const abort = pdu as Abort;
        const text = `peer sent A-ABORT (source ${abort.source}, reason ${abort.reason})`;
        this.#user.onAborted({ by: 'peer', source: abort.source, reason: abort.reason, message: text });
        break;
      }
      case 'indicate-p-abort': {
        const by = this.#closed ? 'transport' : 'us';
        this.#user.onAborted({ by, source: source.serviceProvider, ...why });
        break;
      }
      case 'connect-transport':
      case 'send-p-data':
      case 'indicate-p-data':
        break; // carried out where the bytes are: by the caller's connect, sendPData and onPdv
    }
  }

  #startArtim(): void {
    this.#stopArtim();
    this.#cancelArtim = this.#options.timers.after(this.#options.artimMs, () => {
      if (this.#state === 'Sta2') {
        const message = `no A-ASSOCIATE-RQ within ${this.#options.artimMs} ms`;
        const reached = { reason: 0, message, limit: 'artimTimeout' } as const;
        this.#user.onAborted({ by: 'us', source: source.serviceProvider, ...reached });
      }
      this.#dispatch('Evt18', {});
      this.#transport.destroy();
    });
  }

  #stopArtim(): void {
    this.#cancelArtim?.();
    this.#cancelArtim = undefined;
  }
}
