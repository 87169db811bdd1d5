/** The 128 bytes before DICM and the file meta information (PS3.10 section 7.1), byte for byte as they are delivered. Pure. */
import { implementationVersionName } from '../../dicom/uids.ts';
import type { GateFinding } from '../engine/gate.ts';
import { tagPath } from './findings.ts';

const preambleLength = 128;
const headLength = 64 * 1024;

export { headLength as fileMetaHead };

/** What may stand there: version, UIDs of class, instance, transfer syntax and implementation, and its version name. */
const allowed = new Set([0x0000, 0x0001, 0x0002, 0x0003, 0x0010, 0x0012, 0x0013]);
const longForm = new Set(['OB', 'OW', 'UN', 'UT', 'SQ', 'UC', 'UR', 'OF', 'OD', 'OL']);

/** `searched`: all of it in which an original value may stand: our own name is not looked at. */
export type FileMetaLook = {
  findings: GateFinding[];
  sopInstanceUid: string;
  isDeflated: boolean;
  end: number;
  searched: Buffer;
};

/** `head`: the beginning of the object. */
export function checkFileMeta(head: Buffer): FileMetaLook {
  const findings: GateFinding[] = [];
  const look: FileMetaLook = {
    findings,
    sopInstanceUid: '',
    isDeflated: false,
    end: preambleLength + 4,
    searched: head,
  };
  if (head.toString('latin1', preambleLength, preambleLength + 4) !== 'DICM') {
    findings.push({ code: 'gate.not-part-10', reason: 'there is no DICM at byte 128' });
    return look;
  }
  if (head.subarray(0, preambleLength).some((byte) => byte !== 0)) {
    findings.push({ code: 'gate.preamble', reason: 'the 128 bytes before DICM are not all zero' });
  }
  const own: Array<[from: number, to: number]> = [];
  let at = preambleLength + 4;
  while (at + 8 <= head.length && head.readUInt16LE(at) === 0x0002) {
    const element = head.readUInt16LE(at + 2);
    const isLong = longForm.has(head.toString('latin1', at + 4, at + 6));
    if (isLong && at + 12 > head.length) break;
    const length = isLong ? head.readUInt32LE(at + 8) : head.readUInt16LE(at + 6);
    const start = at + (isLong ? 12 : 8);
    if (!allowed.has(element)) {
      const reason = `${tagPath([], 0x00020000 + element)} is in the file meta information`;
      findings.push({ code: 'gate.file-meta', reason });
    }
    const text = head.toString('latin1', start, Math.min(start + length, head.length)).replace(/[\0 ]+$/, '');
    if (element === 0x0003) look.sopInstanceUid = text;
    if (element === 0x0010) look.isDeflated = deflated.has(text);
    if (element === 0x0013 && text === implementationVersionName) own.push([start, start + length]);
    at = start + length;
  }
  look.end = at;
  look.searched = Buffer.from(head.subarray(0, Math.min(at, head.length)));
  for (const [from, to] of own) look.searched.fill(0, from, to);
  return look;
}

const deflated = new Set(['1.2.840.10008.1.2.1.99', '1.2.840.10008.1.2.4.95', '1.2.840.10008.1.2.4.205']);
