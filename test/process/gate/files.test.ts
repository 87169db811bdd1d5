/** Files beside DICOM objects, and what is too common to be looked for. */
import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { fileFindings, identityWith } from './gateSupport.ts';

const patient = {
  ...{ pseudonym: 'P-0', patientId: 'MRN48151623', issuer: '', patientName: 'Müller^Jürgen=王^小东' },
  ...{ birthDate: '19470611', sex: 'M' },
};
const values = ['Müller^Jürgen', 'Müller', 'Jürgen', 'MRN48151623', '19470611', 'Max', '10472', '204861', '王^小东'];
const uids = [{ original: '1.2.276.0.4711.20170503.7', replacement: '2.25.99', kind: 'study' as const }];
const identities = [identityWith(values, { patient, uids })];
const codesFor = (bytes: Buffer | string, name = 'result.json') =>
  fileFindings(name, Buffer.from(bytes as string), identities).map(({ code }) => code);

function chunk(type: string, data: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  return Buffer.concat([length, Buffer.from(type), data, Buffer.alloc(4)]);
}
const png = (...chunks: Buffer[]) =>
  Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    ...chunks,
    chunk('IDAT', Buffer.from('Jürgen Müller')),
    chunk('IEND', Buffer.alloc(0)),
  ]);

function zip(content: Buffer, flags = 0): Buffer {
  const packed = deflateRawSync(content);
  const local = Buffer.alloc(31);
  local.write('PK\x03\x04', 'latin1');
  local.writeUInt16LE(1, 26);
  const central = Buffer.alloc(47);
  central.write('PK\x01\x02', 'latin1');
  central.writeUInt16LE(flags, 8);
  central.writeUInt16LE(8, 10);
  central.writeUInt32LE(packed.length, 20);
  central.writeUInt16LE(1, 28);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(local.length + packed.length, 16);
  return Buffer.concat([local, packed, central, end]);
}

describe('original values are found in', () => {
  test.each([
    ['text', 'seen: mueller, juergen'],
    ['capitals without marks', 'MULLER^JURGEN'],
    ['UTF-8', 'Herr MÜLLER'],
    ['ISO 8859-1', Buffer.from('Herr Müller', 'latin1')],
    ['UTF-16 in little endian', Buffer.from('Jürgen', 'utf16le')],
    ['UTF-16 in big endian', Buffer.from('Jürgen', 'utf16le').swap16()],
    ['UTF-16 at an odd place', Buffer.concat([Buffer.from('#'), Buffer.from('MRN48151623', 'utf16le')])],
    ['other scripts', '患者: 王小东'],
    ['a date as Germans write it', 'born 11.06.1947'],
    ['a date as Americans write it', 'born 06/11/1947'],
    ['a date in ISO 8601', '"birth": "1947-06-11"'],
    ['a date with a time', '19470611103000'],
    ['a number with other separators', 'mrn 48151623'],
    ['escapes of JSON', '{"a": "M\\u00fcller"}'],
    ['base64 in JSON', JSON.stringify({ InlineBinary: Buffer.from('patient MRN48151623').toString('base64') })],
    ['a short name as a value of JSON', '{"name": "Max"}'],
    ['a short number as a value of JSON', '{"id": "10472"}'],
    ['a gzip file', gzipSync(Buffer.from('Patient MRN48151623'))],
    ['a ZIP file', zip(Buffer.from('Patient MRN48151623'))],
    ['a text of PNG', png(chunk('tEXt', Buffer.from('Author\0Jürgen Müller', 'latin1')))],
    [
      'a compressed text of PNG',
      png(chunk('zTXt', Buffer.concat([Buffer.from('Author\0\0'), deflateSync('MRN48151623')]))),
    ],
    [
      'an international text of PNG',
      png(chunk('iTXt', Buffer.concat([Buffer.from('Author\0\x01\0de\0Autor\0'), deflateSync('Müller')]))),
    ],
    [
      'a comment of JPEG',
      Buffer.concat([Buffer.from('ffd8fffe000d', 'hex'), Buffer.from('MRN48151623'), Buffer.from('ffd9', 'hex')]),
    ],
    ['behind the end of a JPEG', Buffer.concat([Buffer.from('ffd8ffd9', 'hex'), Buffer.from('MRN48151623')])],
    ['a PDF', '%PDF-1.4 (MRN48151623)'],
    [
      'a compressed stream of PDF',
      Buffer.concat([Buffer.from('%PDF-1.4 stream\n'), deflateSync('(MRN48151623) Tj'), Buffer.from('\nendstream')]),
    ],
    [
      'bytes of no kind',
      Buffer.concat([Buffer.alloc(64, 0x93), Buffer.from('Jürgen', 'latin1'), Buffer.alloc(64, 0x93)]),
    ],
  ])('%s', (_, bytes) => {
    expect(codesFor(bytes)).toContain('gate.original-value');
  });

  test.each([
    'Juergen Mueller.png',
    'mueller_juergen/1.json',
    'juergenmueller.csv',
    '19470611.txt',
    'scan-MRN48151623.nii',
  ])('a name: %s', (name) => expect(codesFor('x', name)).toEqual(['gate.original-value']));
});

describe('original UIDs are found', () => {
  test.each(['uid 1.2.276.0.4711.20170503.7', '1.2.276.0.4711.20170503.7.1', '{"u":"1.2.276.0.4711.20170503.7"}'])(
    '%s',
    (text) => expect(codesFor(text)).toContain('gate.original-uid'),
  );
  test('and others are not', () => expect(codesFor('1.2.276.0.4711.20170503.71 2.25.99')).toEqual([]));
});

describe('what is no finding', () => {
  test.each([
    ['a short name that is a key', '{"max": 7, "min": 1}'],
    ['a short name within text of a program', 'max = 7'],
    ['a short number that is a measurement', '{"volume": 10472.5, "voxels": 10472, "n": [204861.25]}'],
    ['a part of a longer word', 'Maximum, Mullerian, jurgenia'],
    ['a part of a longer number', '{"uid": "2.25.10472048619470611", "t": 119470611}'],
    ['numbers that would be a date in another order', '[11, 6, 1947, 1947, 6, 11]'],
    ['pixels', png()],
  ])('%s', (_, bytes) => {
    expect(codesFor(bytes)).toEqual([]);
  });

  test('chance: 4 MiB of noise', () => {
    const noise = Buffer.alloc(4 * 1024 * 1024);
    let state = 1;
    for (let i = 0; i < noise.length; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) | 0;
      noise[i] = state >>> 24;
    }
    expect(codesFor(noise)).toEqual([]);
  });
});

test.each([
  ['another compression', Buffer.from('fd377a585a0000', 'hex')],
  ['an encrypted archive', zip(Buffer.from('x'), 1)],
  ['an encrypted PDF', Buffer.from('%PDF-1.4 trailer << /Encrypt 7 0 R >>')],
  ['a damaged archive', Buffer.from('1f8b0800ffff', 'hex')],
])('what cannot be looked into is held back: %s', (_, bytes) => {
  expect(codesFor(bytes)).toEqual(['gate.unreadable']);
});

test('bytes behind the end of a PNG are held back', () => {
  expect(codesFor(Buffer.concat([png(), Buffer.from('more')]))).toEqual(['gate.trailing-data']);
});

test('dates that another one was moved to are no originals', () => {
  const of = (values: string[]) => [identityWith(values, { dateShiftDays: -100 })];
  const codes = (day: string) =>
    fileFindings('a.txt', Buffer.from(day), of(['20170503', '20170123'])).map(({ code }) => code);
  expect(codes('20170503')).toEqual(['gate.original-value']);
  expect(codes('20170123')).toEqual([]);
});
