/** Small data sets for tests, written element by element in any of the encodings. */
import { deflateRawSync } from 'node:zlib';
import { uid } from '../../src/dicom/uids.ts';

export type Encoding = 'implicit' | 'explicit' | 'big-endian';

export const transferSyntaxOf: Record<Encoding, string> = {
  implicit: uid.implicitVrLittleEndian,
  explicit: uid.explicitVrLittleEndian,
  'big-endian': uid.explicitVrBigEndian,
};

const longForm = new Set(['OB', 'OW', 'SQ', 'UN', 'UT', 'UC']);
export const undefinedLength = 0xffffffff;

/** An element's header, with `length` as it is told, true or not. */
export function header(encoding: Encoding, tag: number, vr: string, length: number): Buffer {
  const big = encoding === 'big-endian';
  const isDelimiter = Math.floor(tag / 0x10000) === 0xfffe;
  const short = !longForm.has(vr);
  const head = Buffer.alloc(encoding === 'implicit' || isDelimiter || short ? 8 : 12);
  const u16 = (value: number, at: number) => (big ? head.writeUInt16BE(value, at) : head.writeUInt16LE(value, at));
  const u32 = (value: number, at: number) => (big ? head.writeUInt32BE(value, at) : head.writeUInt32LE(value, at));
  u16(Math.floor(tag / 0x10000), 0);
  u16(tag & 0xffff, 2);
  if (encoding === 'implicit' || isDelimiter) {
    u32(length, 4);
    return head;
  }
  head.write(vr, 4, 'latin1');
  if (short) u16(length, 6);
  else u32(length, 8);
  return head;
}

export function element(encoding: Encoding, tag: number, vr: string, value: string | Buffer): Buffer {
  let bytes = typeof value === 'string' ? Buffer.from(value, 'latin1') : value;
  if (bytes.length % 2 === 1) bytes = Buffer.concat([bytes, Buffer.from(vr === 'UI' ? '\0' : ' ')]);
  return Buffer.concat([header(encoding, tag, vr, bytes.length), bytes]);
}

const item = 0xfffee000;
const itemEnd = 0xfffee00d;
const sequenceEnd = 0xfffee0dd;

/** A sequence of undefined length with items of undefined length, `inItems` encoded as `itemEncoding`. */
export function openSequence(
  encoding: Encoding,
  tag: number,
  inItems: Buffer[],
  vr = 'SQ',
  itemEncoding: Encoding = encoding,
): Buffer {
  return Buffer.concat([
    header(encoding, tag, vr, undefinedLength),
    ...inItems.flatMap((content) => [
      header(itemEncoding, item, '', undefinedLength),
      content,
      header(itemEncoding, itemEnd, '', 0),
    ]),
    header(itemEncoding, sequenceEnd, '', 0),
  ]);
}

/** A sequence whose lengths are all told. */
export function closedSequence(encoding: Encoding, tag: number, inItems: Buffer[]): Buffer {
  const content = Buffer.concat(
    inItems.map((bytes) => Buffer.concat([header(encoding, item, '', bytes.length), bytes])),
  );
  return Buffer.concat([header(encoding, tag, 'SQ', content.length), content]);
}

export const secondaryCapture = '1.2.840.10008.5.1.4.1.1.7';

export type Identity = {
  sopClassUid: string;
  sopInstanceUid: string;
  modality: string;
  patientId: string;
  studyInstanceUid: string;
  seriesInstanceUid: string;
};

export const identity: Identity = {
  sopClassUid: secondaryCapture,
  sopInstanceUid: '1.2.3.4.5',
  modality: 'OT',
  patientId: 'PAT007',
  studyInstanceUid: '1.2.3.4',
  seriesInstanceUid: '1.2.3.4.1',
};

/** An object with everything that is looked for, `extra` put in before the study UID, and `pixels` at its end. */
export function dataSet(
  encoding: Encoding,
  options: Partial<Identity> & { extra?: Buffer[]; pixels?: Buffer } = {},
): Buffer {
  const id = { ...identity, ...options };
  return Buffer.concat([
    element(encoding, 0x00080016, 'UI', id.sopClassUid),
    element(encoding, 0x00080018, 'UI', id.sopInstanceUid),
    element(encoding, 0x00080060, 'CS', id.modality),
    element(encoding, 0x00100020, 'LO', id.patientId),
    ...(options.extra ?? []),
    element(encoding, 0x0020000d, 'UI', id.studyInstanceUid),
    element(encoding, 0x0020000e, 'UI', id.seriesInstanceUid),
    element(encoding, 0x00280010, 'US', Buffer.from([1, 0])),
    element(encoding, 0x7fe00010, 'OW', options.pixels ?? Buffer.from('pixels')),
  ]);
}

/** As PS3.5 A.5 wants it: raw deflate, padded to even length unless told otherwise. */
export function deflate(explicitDataSet: Buffer, pad = true): Buffer {
  const bytes = deflateRawSync(explicitDataSet);
  return pad && bytes.length % 2 === 1 ? Buffer.concat([bytes, Buffer.from([0])]) : bytes;
}
