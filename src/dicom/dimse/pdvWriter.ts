/** Cuts a command set or a data set into P-DATA-TF PDUs (PS3.8 9.3.5), one presentation data value each. Pure. */

const pduHeader = 6;
const pdvHeader = 6;

/** Used when the peer says "no limit" (0). */
const defaultLength = 128 * 1024;

/** Bytes of payload that fit one P-DATA-TF for a peer that receives variable fields of at most `peerMaximum` bytes. */
export function payloadPerPdu(peerMaximum: number): number {
  const maximum = peerMaximum === 0 ? defaultLength : Math.min(peerMaximum, defaultLength);
  return Math.max(2, (maximum - pdvHeader) & ~1); // even, as the fragments of a data set should be
}

type Kind = 'command' | 'data-set';

function writeHeader(into: Buffer, at: number, pdv: { contextId: number; length: number; kind: Kind; last: boolean }) {
  into[at] = 0x04;
  into[at + 1] = 0;
  into.writeUInt32BE(pdv.length + pdvHeader, at + 2);
  into.writeUInt32BE(pdv.length + 2, at + 6);
  into[at + 10] = pdv.contextId;
  into[at + 11] = (pdv.kind === 'command' ? 1 : 0) | (pdv.last ? 2 : 0);
}

/** The 12 bytes in front of `length` bytes of payload. */
export function pdvHeaderBytes(contextId: number, length: number, kind: Kind, last: boolean): Buffer {
  const header = Buffer.allocUnsafe(pduHeader + pdvHeader);
  writeHeader(header, 0, { contextId, length, kind, last });
  return header;
}

/**
 * A whole command set or a whole small data set as P-DATA-TF PDUs in one buffer, to be written at once. No object is made
 * for a PDU: a peer may say that it takes two bytes in each.
 */
export function encodePData(contextId: number, payload: Buffer, kind: Kind, peerMaximum: number): Buffer {
  const step = payloadPerPdu(peerMaximum);
  const pdus = Math.max(1, Math.ceil(payload.length / step));
  const bytes = Buffer.allocUnsafe(pdus * (pduHeader + pdvHeader) + payload.length);
  for (let at = 0, offset = 0, left = pdus; left > 0; left--) {
    const length = Math.min(step, payload.length - offset);
    writeHeader(bytes, at, { contextId, length, kind, last: left === 1 });
    at += pduHeader + pdvHeader;
    payload.copy(bytes, at, offset, offset + length);
    at += length;
    offset += length;
  }
  return bytes;
}
