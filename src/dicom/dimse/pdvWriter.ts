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

/** The 12 bytes in front of `length` bytes of payload. */
export function pdvHeaderBytes(contextId: number, length: number, kind: 'command' | 'data-set', last: boolean): Buffer {
  const header = Buffer.allocUnsafe(pduHeader + pdvHeader);
  header[0] = 0x04;
  header[1] = 0;
  header.writeUInt32BE(length + pdvHeader, 2);
  header.writeUInt32BE(length + 2, 6);
  header[10] = contextId;
  header[11] = (kind === 'command' ? 1 : 0) | (last ? 2 : 0);
  return header;
}

/** A whole command set or a whole small data set as P-DATA-TF PDUs in one buffer, to be written at once. */
export function encodePData(
  contextId: number,
  payload: Buffer,
  kind: 'command' | 'data-set',
  peerMaximum: number,
): Buffer {
  const step = payloadPerPdu(peerMaximum);
  const parts: Buffer[] = [];
  let offset = 0;
  do {
    const piece = payload.subarray(offset, offset + step);
    offset += piece.length;
    parts.push(pdvHeaderBytes(contextId, piece.length, kind, offset >= payload.length), piece);
  } while (offset < payload.length);
  return Buffer.concat(parts);
}
