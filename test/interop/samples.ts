/** Small images that every toolkit takes for what they are, in the uncompressed encodings. */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeFileMeta } from '../../src/dicom/dataSet/fileMeta.ts';
import { type Encoding, element, secondaryCapture, transferSyntaxOf } from '../support/dataSets.ts';

export type Sample = {
  path: string;
  encoding: Encoding;
  sopInstanceUid: string;
  transferSyntaxUid: string;
  dataSet: Buffer;
  pixels: Buffer;
};

const us = (encoding: Encoding, value: number) => {
  const bytes = Buffer.alloc(2);
  if (encoding === 'big-endian') bytes.writeUInt16BE(value);
  else bytes.writeUInt16LE(value);
  return bytes;
};

const edge = 64;

function image(encoding: Encoding, sopInstanceUid: string, pixels: Buffer): Buffer {
  const text = (tag: number, vr: string, value: string) => element(encoding, tag, vr, value);
  const number = (tag: number, value: number) => element(encoding, tag, 'US', us(encoding, value));
  return Buffer.concat([
    text(0x00080016, 'UI', secondaryCapture),
    text(0x00080018, 'UI', sopInstanceUid),
    text(0x00080020, 'DA', '20260102'),
    text(0x00080030, 'TM', '030405'),
    text(0x00080050, 'SH', 'ACC1'),
    text(0x00080060, 'CS', 'OT'),
    text(0x00080064, 'CS', 'WSD'),
    text(0x00080090, 'PN', 'Nobody^Real'),
    text(0x00100010, 'PN', 'Nobody^Real'),
    text(0x00100020, 'LO', 'TEST1'),
    text(0x00100030, 'DA', '19700101'),
    text(0x00100040, 'CS', 'O'),
    text(0x0020000d, 'UI', '2.25.20261124'),
    text(0x0020000e, 'UI', '2.25.202611241'),
    text(0x00200010, 'SH', 'S1'),
    text(0x00200011, 'IS', '1'),
    text(0x00200013, 'IS', '1'),
    number(0x00280002, 1),
    text(0x00280004, 'CS', 'MONOCHROME2'),
    number(0x00280010, edge),
    number(0x00280011, edge),
    number(0x00280100, 8),
    number(0x00280101, 8),
    number(0x00280102, 7),
    number(0x00280103, 0),
    element(encoding, 0x7fe00010, encoding === 'implicit' ? 'OW' : 'OB', pixels),
  ]);
}

let written = 0;

/** Three files of one image each, with UIDs that no other call gives. */
export function writeSamples(directory: string): Sample[] {
  written++;
  return (['explicit', 'implicit', 'big-endian'] as const).map((encoding, i) => {
    const sopInstanceUid = `2.25.20261124.${process.pid}.${written}.${i + 1}`;
    const transferSyntaxUid = transferSyntaxOf[encoding];
    const pixels = randomBytes(edge * edge);
    const dataSet = image(encoding, sopInstanceUid, pixels);
    const path = join(directory, `${encoding}.dcm`);
    writeFileSync(
      path,
      Buffer.concat([encodeFileMeta({ sopClassUid: secondaryCapture, sopInstanceUid, transferSyntaxUid }), dataSet]),
    );
    return { path, encoding, sopInstanceUid, transferSyntaxUid, dataSet, pixels };
  });
}
