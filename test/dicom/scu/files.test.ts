/** What the sender makes of files before a byte is sent: heads, plans, frames. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { encodeFileMeta } from '../../../src/dicom/dataSet/fileMeta.ts';
import { findFiles } from '../../../src/dicom/scu/findFiles.ts';
import { dataSetFrames } from '../../../src/dicom/scu/frames.ts';
import { describeObjectFile, type ObjectFile } from '../../../src/dicom/scu/objectFile.ts';
import { planBatches } from '../../../src/dicom/scu/sendPlan.ts';
import { uid } from '../../../src/dicom/uids.ts';
import { PduReader } from '../../../src/dicom/upperLayer/pduReader.ts';
import {
  dataSet,
  deflate,
  type Encoding,
  element,
  identity,
  secondaryCapture,
  transferSyntaxOf,
} from '../../support/dataSets.ts';

const folder = mkdtempSync(join(tmpdir(), 'scu-files-'));
afterAll(() => rmSync(folder, { recursive: true }));
let written = 0;
function file(...parts: Buffer[]): string {
  const path = join(folder, `file-${written++}`);
  writeFileSync(path, Buffer.concat(parts));
  return path;
}
const meta = encodeFileMeta({
  sopClassUid: secondaryCapture,
  sopInstanceUid: identity.sopInstanceUid,
  transferSyntaxUid: uid.explicitVrLittleEndian,
});
const explicit = dataSet('explicit');
const expected = {
  sopClassUid: secondaryCapture,
  sopInstanceUid: identity.sopInstanceUid,
  transferSyntaxUid: uid.explicitVrLittleEndian,
};

describe('describeObjectFile', () => {
  it.each([
    ['a Part 10 file', [meta, explicit], meta.length],
    ['one without preamble', [meta.subarray(128), explicit], meta.length - 128],
    ['one without preamble and prefix', [meta.subarray(132), explicit], meta.length - 132],
    ['a preamble and prefix with no meta', [meta.subarray(0, 132), explicit], 132],
    ['a bare data set', [explicit], 0],
  ])('reads %s', async (_what, parts, offset) => {
    const path = file(...parts);
    expect(await describeObjectFile(path)).toEqual({ path, ...expected, offset, length: explicit.length });
  });

  it.each(['implicit', 'explicit', 'big-endian'] satisfies Encoding[])(
    'sees that a bare data set is %s',
    async (encoding) => {
      const described = await describeObjectFile(file(dataSet(encoding)));
      expect(described).toMatchObject({ ...expected, transferSyntaxUid: transferSyntaxOf[encoding] });
    },
  );

  it('takes UIDs from the data set when the meta has none', async () => {
    const onlySyntax = Buffer.concat([
      meta.subarray(0, 132),
      element('explicit', 0x00020010, 'UI', uid.deflatedExplicitVrLittleEndian),
    ]);
    const described = await describeObjectFile(file(onlySyntax, deflate(explicit)));
    expect(described).toMatchObject({ ...expected, transferSyntaxUid: uid.deflatedExplicitVrLittleEndian });
  });

  it('reads on when the meta is longer than the head', async () => {
    const privateInformation = element('explicit', 0x00020102, 'OB', Buffer.alloc(300_000));
    const path = file(meta, privateInformation, explicit);
    expect(await describeObjectFile(path)).toMatchObject({
      ...expected,
      offset: meta.length + privateInformation.length,
      length: explicit.length,
    });
  });

  const directory = encodeFileMeta({ ...expected, sopClassUid: '1.2.840.10008.1.3.10' });
  it.each([
    ['text', [Buffer.from('# Read me\nnot an image')], /not a DICOM object/],
    ['an empty file', [], /not a DICOM object/],
    ['a JPEG', [Buffer.from('ffd8ffe000104a46494600010101', 'hex')], /not a DICOM object/],
    ['zeros', [Buffer.alloc(10_000)], /not a DICOM object/],
    ['meta without a data set', [meta], /not a DICOM object/],
    ['a DICOMDIR', [directory, explicit], /DICOMDIR/],
    ['a data set without UIDs', [element('explicit', 0x00080060, 'CS', 'OT')], /no SOP Class UID/],
    [
      'a data set whose instance UID is a path',
      [dataSet('explicit', { sopInstanceUid: '../../x' })],
      /no valid SOP Instance UID/,
    ],
  ])('says why it will not send %s', async (_what, parts, message) => {
    await expect(describeObjectFile(file(...parts))).rejects.toMatchObject({
      code: 'scu.not-an-object',
      message: expect.stringMatching(message),
    });
  });

  it('says so when a file cannot be read', async () => {
    await expect(describeObjectFile(join(folder, 'nowhere'))).rejects.toMatchObject({ code: 'scu.file' });
  });
});

describe('findFiles', () => {
  it('reads folders recursively, in order, and follows links to files only', async () => {
    const root = join(folder, 'tree');
    mkdirSync(join(root, 'b', 'c'), { recursive: true });
    for (const name of ['a', 'b/2', 'b/1', 'b/c/3']) writeFileSync(join(root, name), name);
    symlinkSync(root, join(root, 'b', 'loop'));
    symlinkSync(join(root, 'a'), join(root, 'z'));
    symlinkSync(join(root, 'gone'), join(root, 'dangling'));
    const found = [];
    for await (const path of findFiles([root, join(root, 'a')])) found.push(path.slice(root.length + 1));
    expect(found).toEqual(['a', 'b/1', 'b/2', 'b/c/3', 'z', 'a']);
  });

  it('says which path does not exist', async () => {
    const walking = findFiles([join(folder, 'missing')])[Symbol.asyncIterator]();
    await expect(walking.next()).rejects.toMatchObject({
      code: 'scu.no-such-file',
      subject: join(folder, 'missing'),
    });
  });
});

describe('planBatches', () => {
  const object = (n: number, syntax: string = uid.explicitVrLittleEndian): ObjectFile => ({
    path: `${n}`,
    sopClassUid: `1.2.${n}`,
    sopInstanceUid: '1',
    transferSyntaxUid: syntax,
    offset: 0,
    length: 1,
  });

  it('makes one context for each pair of class and syntax', () => {
    const [batch, ...others] = planBatches([object(1), object(2), object(1), object(1, '1.2.840.10008.1.2.4.70')]);
    expect(others).toEqual([]);
    expect(batch?.contexts.map((one) => [one.id, one.abstractSyntax, ...one.transferSyntaxes])).toEqual([
      [1, '1.2.1', uid.explicitVrLittleEndian],
      [3, '1.2.2', uid.explicitVrLittleEndian],
      [5, '1.2.1', '1.2.840.10008.1.2.4.70'],
    ]);
    expect(batch?.objects.map((one) => one.contextId)).toEqual([1, 3, 1, 5]);
  });

  it('begins another association after 128 contexts, and loses nothing', () => {
    const objects = Array.from({ length: 300 }, (_, i) => object(i % 200));
    const batches = planBatches(objects);
    expect(batches.map((batch) => batch.contexts.length)).toEqual([128, 72]);
    expect(batches.flatMap((batch) => batch.objects.map((one) => one.object))).toHaveLength(300);
    expect(Math.max(...batches.flatMap((batch) => batch.contexts.map((one) => one.id)))).toBe(255);
  });
});

describe('dataSetFrames', () => {
  async function frames(data: Buffer, syntax: string, payload: number) {
    const path = file(Buffer.from('skipped'), data);
    const handle = await open(path, 'r');
    const object = { path, ...expected, transferSyntaxUid: syntax, offset: 7, length: data.length };
    const parts: Buffer[] = [];
    const seen: string[] = [];
    const reader = new PduReader(
      { associatePduLength: 0, maximumLength: payload + 6 },
      {
        onPdu: () => expect.unreachable(),
        onPData: () => {},
        onPdv: (id, control, bytes, ends) => {
          parts.push(Buffer.from(bytes));
          if (ends) seen.push(`${id}/${control}`);
        },
      },
    );
    let largest = 0;
    try {
      for await (const block of dataSetFrames(handle, object, 9, payload, Buffer.alloc(0))) {
        largest = Math.max(largest, block.length);
        reader.push(block);
      }
    } finally {
      await handle.close();
    }
    expect(reader.atBoundary).toBe(true);
    expect(seen.filter((one) => one === '9/2')).toHaveLength(1);
    expect(seen[seen.length - 1]).toBe('9/2');
    return { data: Buffer.concat(parts), largest };
  }

  it.each([2, 100, 16378, 131066])('gives the file back bit for bit in PDUs of %i bytes', async (payload) => {
    for (const length of [0, 1, payload - 1, payload, payload + 1, 3 * payload + 7, 700_000].filter(
      (n) => n < 3000 * payload,
    )) {
      const data = Buffer.from(Array.from({ length }, (_, i) => (i * 31 + (i >> 8)) & 0xff));
      const sent = await frames(data, uid.explicitVrLittleEndian, payload);
      expect(sent.data.equals(data), `${length} bytes`).toBe(true);
      expect(sent.largest).toBeLessThan(300 * 1024);
    }
  });

  it('pads a deflated data set of odd length, at whatever place the PDU ends (PS3.5 A.5), and no other', async () => {
    for (const length of [1, 99, 101, 199, 201, 5001]) {
      const data = Buffer.alloc(length, 7);
      const padded = Buffer.concat([data, Buffer.from([0])]);
      expect((await frames(data, uid.deflatedExplicitVrLittleEndian, 100)).data.equals(padded)).toBe(true);
      expect((await frames(data, uid.explicitVrLittleEndian, 100)).data.equals(data)).toBe(true);
    }
    const even = Buffer.alloc(200, 7);
    expect((await frames(even, uid.deflatedExplicitVrLittleEndian, 100)).data.equals(even)).toBe(true);
  });

  it('puts the command in front, in the same block', async () => {
    const path = file(Buffer.from('data'));
    const handle = await open(path, 'r');
    const blocks = [];
    const object = { path, ...expected, offset: 0, length: 4 };
    for await (const block of dataSetFrames(handle, object, 1, 100, Buffer.from('command'))) blocks.push(block);
    await handle.close();
    expect(blocks).toHaveLength(1);
    expect(blocks[0]?.toString('latin1')).toBe('command\x04\0\0\0\0\x0a\0\0\0\x06\x01\x02data');
  });

  it('says so when the file becomes shorter meanwhile', async () => {
    const path = file(Buffer.alloc(2_000_000));
    const handle = await open(path, 'r');
    const object = { path, ...expected, offset: 0, length: 2_000_000 };
    const reading = (async () => {
      for await (const _ of dataSetFrames(handle, object, 1, 1000, Buffer.alloc(0))) truncateSync(path, 1000);
    })();
    await expect(reading).rejects.toMatchObject({ code: 'scu.file', message: /shorter/ });
    await handle.close();
  });
});
