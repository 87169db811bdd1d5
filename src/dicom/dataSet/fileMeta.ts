/**
 * The DICOM File Meta Information (PS3.10 section 7.1). We write our own for every received instance. It depends only on
 * the SOP class, the SOP instance and the transfer syntax: the same data set sent again gives the same file and digest.
 */
import { implementationClassUid, implementationVersionName } from '../uids.ts';

export const preambleLength = 128;

function explicit(element: number, vr: 'UI' | 'SH' | 'UL', value: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt16LE(0x0002, 0);
  header.writeUInt16LE(element, 2);
  header.write(vr, 4, 'latin1');
  header.writeUInt16LE(value.length, 6);
  return Buffer.concat([header, value]);
}

const even = (text: string, padding: '\0' | ' ') =>
  Buffer.from(text.length % 2 === 0 ? text : text + padding, 'latin1');

export type FileMeta = { sopClassUid: string; sopInstanceUid: string; transferSyntaxUid: string };

/** Preamble of zeros (never the sender's: CVE-2019-11687), "DICM" and group 0002. The data set follows directly. */
export function encodeFileMeta(meta: FileMeta): Buffer {
  const version = Buffer.concat([
    Buffer.from([0x02, 0x00, 0x01, 0x00, 0x4f, 0x42, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00]), // (0002,0001) OB, 2 bytes
    Buffer.from([0x00, 0x01]),
  ]);
  const body = Buffer.concat([
    version,
    explicit(0x0002, 'UI', even(meta.sopClassUid, '\0')),
    explicit(0x0003, 'UI', even(meta.sopInstanceUid, '\0')),
    explicit(0x0010, 'UI', even(meta.transferSyntaxUid, '\0')),
    explicit(0x0012, 'UI', even(implementationClassUid, '\0')),
    explicit(0x0013, 'SH', even(implementationVersionName, ' ')),
  ]);
  const groupLength = Buffer.alloc(4);
  groupLength.writeUInt32LE(body.length);
  return Buffer.concat([Buffer.alloc(preambleLength), Buffer.from('DICM'), explicit(0x0000, 'UL', groupLength), body]);
}

export type ParsedFileMeta = Partial<FileMeta> & { dataSetOffset: number };

const longForm = new Set(['OB', 'OW', 'OF', 'OD', 'OL', 'OV', 'SQ', 'UC', 'UN', 'UR', 'UT', 'SV', 'UV']);

/**
 * Reads the file meta information at the head of a Part 10 file; tolerates a missing preamble. Returns undefined when
 * there is no group 0002 to be found. The data set begins at `dataSetOffset`.
 */
export function parseFileMeta(head: Buffer): ParsedFileMeta | undefined {
  let offset = 0;
  if (head.toString('latin1', preambleLength, preambleLength + 4) === 'DICM') offset = preambleLength + 4;
  else if (head.toString('latin1', 0, 4) === 'DICM') offset = 4;
  const found: Partial<FileMeta> = {};
  let any = false;
  while (offset + 8 <= head.length && head.readUInt16LE(offset) === 0x0002) {
    const element = head.readUInt16LE(offset + 2);
    const isLong = longForm.has(head.toString('latin1', offset + 4, offset + 6));
    if (isLong && offset + 12 > head.length) break;
    const length = isLong ? head.readUInt32LE(offset + 8) : head.readUInt16LE(offset + 6);
    const start = offset + (isLong ? 12 : 8);
    if (start + length > head.length) break;
    const text = () => head.toString('latin1', start, start + length).replace(/[\0 ]+$/, '');
    if (element === 0x0002) found.sopClassUid = text();
    else if (element === 0x0003) found.sopInstanceUid = text();
    else if (element === 0x0010) found.transferSyntaxUid = text();
    any = true;
    offset = start + length;
  }
  return any ? { ...found, dataSetOffset: offset } : undefined;
}
