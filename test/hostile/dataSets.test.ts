/**
 * Attack classes 1, 2, 3, 7, 8 and 10 where they aim at what is behind the protocol: data sets that mean harm, through a
 * listener into a real spool. What is acknowledged is kept byte for byte, under a name that is a UID; nothing is parsed that
 * need not be, and nothing of it is said in the log.
 */
import { describe, expect, it } from 'vitest';
import { createMemoryLog } from '../../src/base/log.ts';
import { instanceKey } from '../../src/delivery/objectKeys.ts';
import { encodeFileMeta } from '../../src/dicom/dataSet/fileMeta.ts';
import { uid } from '../../src/dicom/uids.ts';
import { spoolIntake } from '../../src/gateway/intake.ts';
import type { Spool } from '../../src/spool/spool.ts';
import { MiB, open, readBack, temporaryDirectory } from '../spool/support.ts';
import {
  dataSet,
  deflate,
  element,
  header as elementHeader,
  openSequence,
  secondaryCapture,
} from '../support/dataSets.ts';
import { dataPdus, storageContext, storeCommand } from '../support/rawPeer.ts';
import { hostileSite, secretPatient } from './hostileSite.ts';

const directory = temporaryDirectory('medusa-hostile-');
const memory = createMemoryLog();
let spool: Spool;
const site = hostileSite({
  intake: () => {
    spool = open(directory.path, {
      quota: 512 * MiB,
      segmentSize: 64 * MiB,
      bufferMemory: 32 * MiB,
      log: memory.log,
    }).spool;
    return spoolIntake(spool, memory.log);
  },
  done: async () => {
    await spool.close();
    directory.remove();
    const text = JSON.stringify(memory.lines);
    expect(text).not.toContain(secretPatient);
    expect(text).not.toMatch(/[^\x20-\x7e]|\\u00|\\n/);
  },
});

let instances = 0;
const nextUid = () => `2.25.${++instances}`;

/** Sends a data set under a new SOP Instance UID (or `sopInstanceUid`), expects Success, and gives what the spool has of it. */
async function stored(
  bytes: Buffer,
  options: { sopInstanceUid?: string; transferSyntax?: string; peer?: string } = {},
) {
  const sopInstanceUid = options.sopInstanceUid ?? nextUid();
  const transferSyntax = options.transferSyntax ?? uid.explicitVrLittleEndian;
  const peer = await site.associated({
    callingAeTitle: options.peer ?? 'HOSTILE',
    contexts: [{ ...storageContext, transferSyntaxes: [transferSyntax] }],
  });
  peer.send(storeCommand({ affectedSopInstanceUid: sopInstanceUid }), dataPdus(bytes));
  expect(await peer.answer()).toBe('status 0000 to 1');
  spool.flushIndex();
  const record = spool.index.versionsOf(sopInstanceUid).at(-1);
  if (record === undefined) throw new Error('acknowledged, but not in the index');
  const meta = encodeFileMeta({ sopClassUid: secondaryCapture, sopInstanceUid, transferSyntaxUid: transferSyntax });
  expect((await readBack(spool, sopInstanceUid, record.version)).equals(Buffer.concat([meta, bytes]))).toBe(true);
  const key = instanceKey(
    { prefix: '', site: 'site' },
    { studyInstanceUid: undefined, seriesInstanceUid: undefined, ...record },
  );
  expect(key).toMatch(
    /^site\/studies\/([0-9.]+|unidentified)\/series\/([0-9.]+|unidentified)\/[0-9.]+(\.v[0-9]+)?\.dcm$/,
  );
  return { record, key };
}

describe('identifiers as paths (class 1, CVE-2022-2119, CVE-2022-2120)', () => {
  it.each([
    ['a path', '../../../etc/cron.d/evil'],
    ['an absolute path', '/etc/passwd'],
    ['a NUL', '1.2\0.3'],
    ['a newline', '1.2\n3'],
    ['over 64 characters', `1.${'2'.repeat(64)}`],
    ['dots only', '..'],
    ['nothing', ''],
    ['a Windows path', 'C:\\windows\\x'],
    ['a shell’s words', '1.2;rm -rf $HOME`id`'],
  ])('a study and series UID that is %s becomes no part of a key', async (_what, name) => {
    const { record, key } = await stored(dataSet('explicit', { studyInstanceUid: name, seriesInstanceUid: name }));
    expect(record.studyInstanceUid).toBeUndefined();
    expect(record.seriesInstanceUid).toBeUndefined();
    expect(record.flags).toEqual(expect.arrayContaining(['noStudyInstanceUid', 'noSeriesInstanceUid']));
    expect(key).toContain('/unidentified/');
  });
});

describe('command and data set disagree (class 2)', () => {
  it('the name that was acknowledged is the command’s, and the contradiction is flagged', async () => {
    const inside = { sopInstanceUid: '1.2.999', sopClassUid: '1.2.840.10008.5.1.4.1.1.2' };
    const { record, key } = await stored(dataSet('explicit', inside));
    expect(record.flags).toEqual(['sopInstanceUidMismatch', 'sopClassUidMismatch']);
    expect(key).not.toContain('1.2.999');
    expect(spool.index.versionsOf('1.2.999')).toEqual([]);
  });

  it('nobody overwrites: other bytes under the same UID, from another peer for another patient, are kept beside the first', async () => {
    const sopInstanceUid = nextUid();
    const first = dataSet('explicit', { sopInstanceUid, patientId: 'ONE' });
    const second = dataSet('explicit', { sopInstanceUid, patientId: 'TWO' });
    expect((await stored(first, { sopInstanceUid, peer: 'OWNER' })).record.version).toBe(1);
    expect((await stored(second, { sopInstanceUid, peer: 'HOSTILE' })).record.version).toBe(2);
    expect((await readBack(spool, sopInstanceUid, 1)).subarray(-first.length).equals(first)).toBe(true);
    expect(spool.index.versionsOf(sopInstanceUid).map((one) => [one.version, one.peer])).toEqual([
      [1, 'OWNER'],
      [2, 'HOSTILE'],
    ]);
  });

  it('a replay is a duplicate, and changes nothing', async () => {
    const sopInstanceUid = nextUid();
    const bytes = dataSet('explicit', { sopInstanceUid });
    await stored(bytes, { sopInstanceUid, peer: 'OWNER' });
    await stored(bytes, { sopInstanceUid, peer: 'REPLAY' });
    expect(spool.index.versionsOf(sopInstanceUid).map((one) => one.peer)).toEqual(['OWNER']);
  });
});

describe('preamble polyglot (class 3, CVE-2019-11687)', () => {
  it('a whole file with a program in its preamble, sent as a data set, lies behind our own preamble of zeros', async () => {
    const program = Buffer.concat([Buffer.from('MZ\x90\0'), Buffer.alloc(124, 0x90), Buffer.from('DICM')]);
    const sopInstanceUid = nextUid();
    await stored(Buffer.concat([program, dataSet('explicit')]), { sopInstanceUid });
    const file = await readBack(spool, sopInstanceUid);
    expect(file.subarray(0, 132)).toEqual(Buffer.concat([Buffer.alloc(128), Buffer.from('DICM')]));
  });
});

const e = 'explicit';
const secret = element(e, 0x00100010, 'PN', secretPatient);
const nested = (depth: number) =>
  Buffer.concat([
    element(e, 0x00080018, 'UI', '1.2'),
    ...Array.from({ length: depth }, () => Buffer.from('1000021053510000ffffffff' + 'feff00e0ffffffff', 'hex')),
  ]);

describe('data sets that mean harm to a parser (class 7) are kept, and named for what they are', () => {
  const malformed: Array<[string, Buffer]> = [
    ['nested 20,000 deep', nested(20_000)],
    [
      'a sequence of undefined length without an end',
      Buffer.concat([secret, elementHeader(e, 0x00101002, 'SQ', 0xffffffff)]),
    ],
    ['a length of 4 GB', Buffer.concat([secret, elementHeader(e, 0x00101002, 'OB', 0xfffffffe), Buffer.alloc(50)])],
    ['a VR of zeros', Buffer.concat([secret, Buffer.from('1000200000000400', 'hex'), Buffer.alloc(4)])],
    ['a VR of a language nobody speaks', Buffer.concat([secret, Buffer.from('1000200021217f00', 'hex')])],
    ['an item outside a sequence', Buffer.concat([elementHeader(e, 0xfffee000, '', 4), Buffer.alloc(4)])],
    ['a delimiter outside a sequence', elementHeader(e, 0xfffee0dd, '', 0)],
    ['an element where an item belongs', Buffer.concat([elementHeader(e, 0x00101002, 'SQ', 0xffffffff), secret])],
    [
      'elements in no order',
      Buffer.concat([element(e, 0x00100020, 'LO', secretPatient), element(e, 0x00080018, 'UI', '1.2')]),
    ],
    ['the same element a thousand times', Buffer.concat(Array.from({ length: 1000 }, () => secret))],
    ['noise', Buffer.alloc(5000, 0xff)],
    ['one byte', Buffer.from([8])],
  ];
  it.each(malformed)('%s', async (_what, bytes) => {
    const { record } = await stored(bytes);
    expect(record.flags).toContain('malformed');
    expect(record.flags).toContain('noStudyInstanceUid');
  });

  const object = dataSet(e, { patientId: secretPatient });
  const tolerated: Array<[string, Buffer]> = [
    [
      'group 0000 before it (CVE-2024-34508, CVE-2024-34509)',
      Buffer.concat([element(e, 0x00000002, 'UI', '9.9'), element(e, 0x00000100, 'US', Buffer.from([1, 0])), object]),
    ],
    [
      'group 0002 before it (CVE-2022-2121)',
      Buffer.concat([element(e, 0x00020003, 'UI', '9.9'), element(e, 0x00020010, 'UI', '1.2.840.10008.1.2'), object]),
    ],
    ['a group length that lies', Buffer.concat([element(e, 0x00080000, 'UL', Buffer.from('ffffffff', 'hex')), object])],
    [
      'a decoy study inside a sequence',
      dataSet(e, {
        patientId: secretPatient,
        extra: [openSequence(e, 0x00101002, [element(e, 0x0020000d, 'UI', '6.6.6')])],
      }),
    ],
    ['four kilobytes after its end', Buffer.concat([object, Buffer.alloc(4096, 0x41)])],
  ];
  it.each(tolerated)('%s: the object’s own identity is found', async (_what, bytes) => {
    const { record } = await stored(bytes);
    expect(record).toMatchObject({ studyInstanceUid: '1.2.3.4', seriesInstanceUid: '1.2.3.4.1', modality: 'OT' });
    expect(record.flags).not.toContain('malformed');
  });
});

describe('deflate (class 8)', () => {
  const transferSyntax = uid.deflatedExplicitVrLittleEndian;
  const whole = deflate(dataSet(e, { patientId: secretPatient }));

  it('a bomb of a hundred megabytes is kept as the hundred kilobytes that it is', async () => {
    const bomb = deflate(
      Buffer.concat([
        element(e, 0x00080018, 'UI', '1.2'),
        elementHeader(e, 0x00091010, 'UN', 100 * MiB),
        Buffer.alloc(100 * MiB),
      ]),
    );
    expect(bomb.length).toBeLessThan(MiB);
    const { record } = await stored(bomb, { transferSyntax });
    expect(record.flags).toContain('malformed');
    expect(record.size).toBeLessThan(MiB);
  });

  it.each([
    ['corrupt from its first byte', Buffer.alloc(400, 0xff)],
    ['cut off in the middle', whole.subarray(0, 30)],
    ['not deflated at all', dataSet(e, { patientId: secretPatient })],
  ])('%s', async (_what, bytes) => {
    expect((await stored(bytes, { transferSyntax })).record.flags).toContain('noSeriesInstanceUid');
  });
});

describe('strings that are programs (class 10)', () => {
  it.each([
    ['SQL', "x'); DROP TABLE instances; --"],
    ['HTML', '<script>alert(1)</script>'],
    ['a log line of its own', 'x\r\n{"level":"error","event":"forged"}'],
    ['a terminal’s orders', '\x1b]0;owned\x07\x1b[2J'],
    ['right to left', '\u202e\u2066gnp.exe'],
    ['a format', ['%s%n%x$', '{jndi:ldap://x}'].join('')],
  ])('%s in every text of the data set', async (_what, text) => {
    const latin1 = Buffer.from(text, 'utf8').toString('latin1');
    const bytes = dataSet(e, { patientId: latin1, modality: latin1, extra: [element(e, 0x00104000, 'LT', latin1)] });
    const { record } = await stored(bytes);
    expect(record.modality).toBeUndefined(); // no code string: not worth an entry
    expect(record.studyInstanceUid).toBe('1.2.3.4');
    expect(record.patientId).toBe(latin1.trim().slice(0, 64));
    expect(spool.index.versionsOf(record.sopInstanceUid)).toHaveLength(1);
    const lines = JSON.stringify([site.running.lines, memory.lines]);
    expect(lines).not.toMatch(/DROP TABLE|<script>|forged|owned|exe|jndi/);
  });
});
