/**
 * Frames a byte stream into PDUs. It never waits for a P-DATA-TF to be whole: presentation data value bytes are handed
 * on as they come, so that memory does not grow with what the peer declares. Pure: bytes in, calls out.
 */
import { GatheredBytes } from './gatheredBytes.ts';
import { decodePdu, type Pdu, pduType } from './pdu.ts';
import { abortReason, PduError } from './pduError.ts';

export type PduLimits = {
  /** Largest A-ASSOCIATE-RQ or -AC body, bytes. */
  associatePduLength: number;
  /** Largest P-DATA-TF variable field: what we advertised, bytes. */
  maximumLength: number;
};

export type PduHandler = {
  onPdu(pdu: Pdu): void;
  /** A P-DATA-TF begins. */
  onPData(): void;
  /**
   * Bytes of one presentation data value. `bytes` is a view that is valid during the call only. `fragmentEnds` is true
   * with the value's last bytes; a value may come in many calls and an empty one in a single call with no bytes.
   */
  onPdv(contextId: number, control: number, bytes: Buffer, fragmentEnds: boolean): void;
};

const headerLength = 6;
const pdvHeaderLength = 6; // item length (4), presentation context ID (1), message control header (1)

type Phase =
  | { name: 'header' }
  | { name: 'body'; type: number; length: number }
  | { name: 'pdv-header'; pduLeft: number }
  | { name: 'pdv-data'; pduLeft: number; pdvLeft: number; contextId: number; control: number };

export class PduReader {
  readonly #associatePduLength: number;
  readonly #handler: PduHandler;
  #maximumLength: number;
  #completed = 0;
  /** What came while nothing may be handed on; undefined: everything is. */
  #backlog: Buffer[] | undefined;
  #phase: Phase = { name: 'header' };
  /** A header or a body that has not come whole yet. */
  readonly #pending = new GatheredBytes();

  constructor(limits: PduLimits, handler: PduHandler) {
    this.#associatePduLength = limits.associatePduLength;
    this.#maximumLength = limits.maximumLength;
    this.#handler = handler;
  }

  /** Largest P-DATA-TF variable field from now on: what was announced to the peer; 0 is no limit (PS3.8 D.1). */
  set maximumLength(length: number) {
    this.#maximumLength = length === 0 ? Number.POSITIVE_INFINITY : length;
  }

  /** PDUs that have come whole. */
  get completed(): number {
    return this.#completed;
  }

  /** True between two PDUs: a connection that ends here was not cut in the middle of one. */
  get atBoundary(): boolean {
    return this.#phase.name === 'header' && this.#pending.length === 0 && this.#backlog === undefined;
  }

  /** Hands nothing more on until `resume`; called from within a handler, not even the rest of the chunk. */
  hold(): void {
    this.#backlog ??= [];
  }

  /** Hands on what has come since `hold`. Throws as `push` does. */
  resume(): void {
    const backlog = this.#backlog;
    this.#backlog = undefined;
    if (backlog) this.push(Buffer.concat(backlog));
  }

  /**
   * Takes `chunk` whole. Throws `PduError` on what cannot be a PDU; the reader must not be used after that. On hold it
   * keeps a copy: whoever holds it stops the peer as well, so that this is no more than what was on its way.
   */
  push(chunk: Buffer): void {
    const consumed = this.#backlog ? 0 : this.#read(chunk);
    if (consumed < chunk.length) this.#backlog?.push(Buffer.from(chunk.subarray(consumed)));
  }

  /** Returns how much of the chunk it took: all, unless a handler put it on hold. */
  #read(chunk: Buffer): number {
    let offset = 0;
    // A value of zero bytes has nothing to wait for, so there may be something to do at the end of the chunk as well.
    const more = () => offset < chunk.length || (this.#phase.name === 'pdv-data' && this.#phase.pdvLeft === 0);
    while (this.#backlog === undefined && more()) {
      switch (this.#phase.name) {
        case 'header':
          offset = this.#fill(chunk, offset, headerLength, (bytes) => this.#beginPdu(bytes));
          break;
        case 'body': {
          const { type, length } = this.#phase;
          offset = this.#fill(chunk, offset, length, (bytes) => {
            this.#phase = { name: 'header' };
            this.#completed++;
            this.#handler.onPdu(decodePdu(type, bytes));
          });
          break;
        }
        case 'pdv-header':
          offset = this.#fill(chunk, offset, pdvHeaderLength, (bytes) => this.#beginPdv(bytes));
          break;
        case 'pdv-data':
          offset = this.#passData(chunk, offset);
          break;
      }
    }
    return offset;
  }

  /** Gathers `wanted` bytes, then calls `then` with them; returns the new offset in `chunk`. */
  #fill(chunk: Buffer, offset: number, wanted: number, then: (bytes: Buffer) => void): number {
    const end = Math.min(chunk.length, offset + wanted - this.#pending.length);
    const piece = chunk.subarray(offset, end);
    if (this.#pending.length === 0 && piece.length === wanted) {
      then(piece);
      return end;
    }
    this.#pending.add(piece, wanted);
    if (this.#pending.length === wanted) then(this.#pending.take());
    return end;
  }

  #beginPdu(header: Buffer): void {
    const type = header.readUInt8(0);
    const length = header.readUInt32BE(2);
    if (type === pduType.pDataTf) {
      if (length > this.#maximumLength) {
        const message = `P-DATA-TF of ${length} bytes, ${this.#maximumLength} were negotiated`;
        throw new PduError(message, abortReason.invalidParameterValue, 'maxPduLength');
      }
      if (length < pdvHeaderLength) {
        throw new PduError(`P-DATA-TF of ${length} bytes holds no value`, abortReason.invalidParameterValue);
      }
      this.#handler.onPData();
      this.#phase = { name: 'pdv-header', pduLeft: length };
      return;
    }
    if (type < pduType.associateRq || type > pduType.abort) {
      throw new PduError(`unrecognised PDU type ${type.toString(16).padStart(2, '0')}H`, abortReason.unrecognizedPdu);
    }
    const isAssociate = type === pduType.associateRq || type === pduType.associateAc;
    const limit = isAssociate ? this.#associatePduLength : 4;
    if (length > limit || (!isAssociate && length !== 4)) {
      throw new PduError(
        `PDU type 0${type}H declares ${length} bytes, ${isAssociate ? 'at most ' : ''}${limit} are allowed`,
        abortReason.invalidParameterValue,
        isAssociate ? 'associateRequestBytes' : undefined,
      );
    }
    this.#phase = { name: 'body', type, length };
    if (length === 0) throw new PduError('A-ASSOCIATE PDU without a body', abortReason.invalidParameterValue);
  }

  #beginPdv(header: Buffer): void {
    if (this.#phase.name !== 'pdv-header') return;
    const itemLength = header.readUInt32BE(0);
    const pduLeft = this.#phase.pduLeft - 4 - itemLength;
    if (itemLength < 2 || pduLeft < 0 || (pduLeft > 0 && pduLeft < pdvHeaderLength)) {
      throw new PduError(
        `presentation data value of ${itemLength} bytes does not fit its P-DATA-TF`,
        abortReason.invalidParameterValue,
      );
    }
    this.#phase = {
      name: 'pdv-data',
      pduLeft,
      pdvLeft: itemLength - 2,
      contextId: header.readUInt8(4),
      control: header.readUInt8(5),
    };
  }

  #passData(chunk: Buffer, offset: number): number {
    if (this.#phase.name !== 'pdv-data') return offset;
    const phase = this.#phase;
    const end = Math.min(chunk.length, offset + phase.pdvLeft);
    phase.pdvLeft -= end - offset;
    const ends = phase.pdvLeft === 0;
    if (ends) this.#phase = phase.pduLeft === 0 ? { name: 'header' } : { name: 'pdv-header', pduLeft: phase.pduLeft };
    if (ends && phase.pduLeft === 0) this.#completed++;
    this.#handler.onPdv(phase.contextId, phase.control, chunk.subarray(offset, end), ends);
    return end;
  }
}
