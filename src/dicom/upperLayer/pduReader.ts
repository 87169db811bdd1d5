/**
 * Frames a byte stream into PDUs. It never waits for a P-DATA-TF to be whole: presentation data value bytes are handed
 * on as they come, so that memory does not grow with what the peer declares. Pure: bytes in, calls out.
 */
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
  readonly #limits: PduLimits;
  readonly #handler: PduHandler;
  #phase: Phase = { name: 'header' };
  /**
   * Bytes of a header or a small body that has not come whole yet, copied together: a list of the pieces would take a
   * hundred times their size from a peer that sends a byte at a time. It grows with what came, not with what was declared.
   */
  #pending: Buffer = Buffer.alloc(0);
  #pendingLength = 0;

  constructor(limits: PduLimits, handler: PduHandler) {
    this.#limits = limits;
    this.#handler = handler;
  }

  /** True between two PDUs: a connection that ends here was not cut in the middle of one. */
  get atBoundary(): boolean {
    return this.#phase.name === 'header' && this.#pendingLength === 0;
  }

  /** Consumes `chunk` whole. Throws `PduError` on what cannot be a PDU; the reader must not be used after that. */
  push(chunk: Buffer): void {
    let offset = 0;
    // A value of zero bytes has nothing to wait for, so the loop also runs once more at the end of the chunk.
    while (offset < chunk.length || (this.#phase.name === 'pdv-data' && this.#phase.pdvLeft === 0)) {
      switch (this.#phase.name) {
        case 'header':
          offset = this.#fill(chunk, offset, headerLength, (bytes) => this.#beginPdu(bytes));
          break;
        case 'body': {
          const { type, length } = this.#phase;
          offset = this.#fill(chunk, offset, length, (bytes) => {
            this.#phase = { name: 'header' };
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
  }

  /** Gathers `wanted` bytes, then calls `then` with them; returns the new offset in `chunk`. */
  #fill(chunk: Buffer, offset: number, wanted: number, then: (bytes: Buffer) => void): number {
    const end = Math.min(chunk.length, offset + wanted - this.#pendingLength);
    const piece = chunk.subarray(offset, end);
    if (this.#pendingLength + piece.length < wanted) {
      this.#keep(piece, wanted);
      return end;
    }
    let bytes = piece;
    if (this.#pendingLength > 0) {
      this.#keep(piece, wanted);
      bytes = this.#pending.subarray(0, this.#pendingLength);
      this.#pending = Buffer.alloc(0); // `then` has the memory now
      this.#pendingLength = 0;
    }
    then(bytes);
    return end;
  }

  #keep(piece: Buffer, wanted: number): void {
    const needed = this.#pendingLength + piece.length;
    if (needed > this.#pending.length) {
      const grown = Buffer.allocUnsafe(Math.min(wanted, Math.max(needed * 2, 64)));
      this.#pending.copy(grown, 0, 0, this.#pendingLength);
      this.#pending = grown;
    }
    piece.copy(this.#pending, this.#pendingLength); // a copy: the chunk's memory is the caller's
    this.#pendingLength = needed;
  }

  #beginPdu(header: Buffer): void {
    const type = header.readUInt8(0);
    const length = header.readUInt32BE(2);
    if (type === pduType.pDataTf) {
      if (length > this.#limits.maximumLength) {
        const message = `P-DATA-TF of ${length} bytes, ${this.#limits.maximumLength} were negotiated`;
        throw new PduError(message, abortReason.invalidParameterValue);
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
    const limit = isAssociate ? this.#limits.associatePduLength : 4;
    if (length > limit || (!isAssociate && length !== 4)) {
      throw new PduError(
        `PDU type 0${type}H declares ${length} bytes, ${isAssociate ? 'at most ' : ''}${limit} are allowed`,
        abortReason.invalidParameterValue,
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
    this.#handler.onPdv(phase.contextId, phase.control, chunk.subarray(offset, end), ends);
    return end;
  }
}
