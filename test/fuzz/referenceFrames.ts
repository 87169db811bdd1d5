/**
 * PS3.8 9.3 read once more, the simple way: all bytes at once, nothing streamed. What PduReader makes of a stream is compared
 * with this.
 */
import { decodePdu, type Pdu } from '../../src/dicom/upperLayer/pdu.ts';
import { PduError } from '../../src/dicom/upperLayer/pduError.ts';
import type { PduLimits } from '../../src/dicom/upperLayer/pduReader.ts';

/** `at`: how many bytes have to be there for it to be known. */
export type Frame =
  | { kind: 'pdu'; at: number; pdu: Pdu }
  | { kind: 'p-data'; at: number }
  /** Data from `start`; they end at `at`, or the stream does before (`whole` is false). */
  | { kind: 'pdv'; at: number; start: number; contextId: number; control: number; data: Buffer; whole: boolean }
  | { kind: 'error'; at: number; reason: number };

export function referenceFrames(bytes: Buffer, limits: PduLimits): Frame[] {
  const frames: Frame[] = [];
  let at = 0;
  while (at + 6 <= bytes.length) {
    const type = bytes.readUInt8(at);
    const length = bytes.readUInt32BE(at + 2);
    const body = at + 6;
    const bad = badHeader(type, length, limits);
    if (bad !== undefined) return [...frames, { kind: 'error', at: body, reason: bad }];
    if (type === 4) {
      frames.push({ kind: 'p-data', at: body });
      if (!readValues(bytes, body, body + length, frames)) return frames;
    } else {
      if (body + length > bytes.length) return frames;
      const result = decoded(type, bytes.subarray(body, body + length));
      if (typeof result === 'number') return [...frames, { kind: 'error', at: body + length, reason: result }];
      frames.push({ kind: 'pdu', at: body + length, pdu: result });
    }
    at = body + length;
  }
  return frames;
}

/** The reason that A-ABORT carries, or undefined when nothing is wrong with the header. */
function badHeader(type: number, length: number, limits: PduLimits): number | undefined {
  if (type < 1 || type > 7) return 1;
  if (type === 4) return length < 6 || length > limits.maximumLength ? 6 : undefined;
  if (type <= 2) return length === 0 || length > limits.associatePduLength ? 6 : undefined;
  return length === 4 ? undefined : 6;
}

function decoded(type: number, body: Buffer): Pdu | number {
  try {
    return decodePdu(type, body);
  } catch (error) {
    if (error instanceof PduError) return error.reason;
    throw error;
  }
}

/** False when the stream ends or breaks within. */
function readValues(bytes: Buffer, from: number, to: number, frames: Frame[]): boolean {
  let at = from;
  while (at < to) {
    if (at + 6 > bytes.length) return false;
    const length = bytes.readUInt32BE(at);
    const end = at + 4 + length;
    if (length < 2 || end > to || (end < to && end + 6 > to)) {
      frames.push({ kind: 'error', at: at + 6, reason: 6 });
      return false;
    }
    const [contextId, control] = [bytes.readUInt8(at + 4), bytes.readUInt8(at + 5)];
    const whole = end <= bytes.length;
    frames.push({ kind: 'pdv', at: end, start: at + 6, contextId, control, data: bytes.subarray(at + 6, end), whole });
    if (!whole) return false;
    at = end;
  }
  return true;
}
