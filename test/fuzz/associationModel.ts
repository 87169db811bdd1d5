/**
 * What an association has to do, by PS3.8 table 9-10 as it is typed anew for the tests, from bytes that the reference reader
 * framed. Two rules are ours: after an invalid PDU, a protocol error found above it, or an A-ABORT sent in Sta13 the peer is
 * not listened to any more; and data go to the user in Sta6 and Sta7 only.
 */
import type { PduLimits } from '../../src/dicom/upperLayer/pduReader.ts';
import type { Event, Role, State } from '../../src/dicom/upperLayer/stateMachine.ts';
import { standardAction } from '../support/protocolMachine.ts';
import { type Frame, referenceFrames } from './referenceFrames.ts';

/** How the user of the association, in the model and in the real one, reacts from within a call. */
export type Manners = {
  acceptsAtOnce: boolean;
  answersReleaseAtOnce: boolean;
  objectsToData: boolean;
  abortsOnData: boolean;
};

const eventOf = {
  'associate-ac': 'Evt3',
  'associate-rj': 'Evt4',
  'associate-rq': 'Evt6',
  'release-rq': 'Evt12',
  'release-rp': 'Evt13',
  abort: 'Evt16',
} as const;

export class AssociationModel {
  readonly trace: string[] = [];
  state: State = 'Sta1';
  artim = false;
  readonly #role: Role;
  readonly #manners: Manners;
  readonly #frames: Frame[];
  #received = 0;
  #next = 0;
  #deaf = false;
  #closed = false;
  /** Evt12 reacts in the middle of an action. */

  constructor(role: Role, manners: Manners, stream: Buffer, limits: PduLimits) {
    this.#role = role;
    this.#manners = manners;
    this.#frames = referenceFrames(stream, limits);
  }

  get closed(): boolean {
    return this.#closed;
  }

  receive(length: number): void {
    const before = this.#received;
    this.#received += length;
    // What an association no longer listens to is not even framed: nothing of it comes later either.
    if (this.#deaf || this.#closed) {
      this.#deaf = true;
      return;
    }
    for (; this.#next < this.#frames.length && !this.#deaf; this.#next++) {
      const frame = this.#frames[this.#next] as Frame;
      if (frame.kind === 'pdv') {
        this.#data(frame, before);
        if (frame.at > this.#received || !frame.whole) return;
        continue;
      }
      if (frame.at > this.#received) return;
      if (frame.kind === 'p-data') this.event('Evt10');
      else if (frame.kind === 'pdu') this.event(eventOf[frame.pdu.type]);
      else {
        this.#deaf = true;
        this.event('Evt19');
      }
    }
  }

  #data(frame: Extract<Frame, { kind: 'pdv' }>, before: number): void {
    const from = Math.max(frame.start, before);
    const to = Math.min(frame.at, this.#received, frame.start + frame.data.length);
    const empty = frame.whole && frame.at === frame.start && frame.start <= this.#received;
    if (to <= from && !empty) return;
    if (this.state !== 'Sta6' && this.state !== 'Sta7') return;
    this.trace.push(`data ${frame.data.subarray(from - frame.start, to - frame.start).toString('hex')}`);
    if (this.#manners.objectsToData && frame.contextId > 0x80) this.protocolError();
    else if (this.#manners.abortsOnData && frame.control > 0x80) this.abort();
  }

  protocolError(): void {
    this.#deaf = true;
    this.event('Evt19');
  }

  abort(): void {
    const before = this.state;
    this.event('Evt15');
    if (before !== this.state) this.trace.push('aborted');
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.event('Evt17');
    this.artim = false;
    this.trace.push('closed');
  }

  artimExpires(): void {
    if (!this.artim) return;
    if (this.state === 'Sta2') this.trace.push('aborted');
    this.event('Evt18');
    this.trace.push('destroy');
  }

  event(event: Event): void {
    const before = this.state;
    const action = standardAction(before, event, this.#role);
    if (action === undefined) return;
    const [effects, next] = action;
    this.state = next;
    for (const effect of effects) this.#perform(effect, before);
  }

  #perform(effect: string, before: State): void {
    switch (effect) {
      case 'send-p-data':
        this.trace.push('sent p-data');
        break;
      case 'send-abort-user':
        this.trace.push('sent abort 0');
        if (before === 'Sta2') this.trace.push('aborted');
        break;
      case 'send-abort-provider':
        this.trace.push('sent abort 2');
        if (before === 'Sta13') this.#deaf = true;
        break;
      case 'close-transport':
        this.trace.push('end');
        break;
      case 'start-artim':
        this.artim = true;
        break;
      case 'stop-artim':
        this.artim = false;
        break;
      case 'indicate-associate':
        this.trace.push('associate requested');
        if (this.#manners.acceptsAtOnce) this.event('Evt7');
        break;
      case 'confirm-accept':
        this.trace.push('accepted');
        break;
      case 'confirm-reject':
        this.trace.push('rejected');
        break;
      case 'indicate-release':
        this.trace.push('release requested');
        if (this.#manners.answersReleaseAtOnce) this.event('Evt14');
        break;
      case 'confirm-release':
        this.trace.push('released');
        break;
      case 'indicate-abort':
      case 'indicate-p-abort':
        this.trace.push('aborted');
        break;
      case 'indicate-p-data':
      case 'connect-transport':
        break;
      default:
        this.trace.push(effect.replace(/^send-/, 'sent ')); // send-associate-ac and so on
    }
  }
}
