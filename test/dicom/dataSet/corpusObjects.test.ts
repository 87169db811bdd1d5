/**
 * Real objects, and some that are broken on purpose: what is read comes out as it was, DCMTK makes the same of what was
 * transcoded, pydicom the same DICOM JSON.
 */
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { inflateRawSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { GatewayError } from '../../../src/base/errors.ts';
import { type JsonAttribute, type JsonDataSet, toDicomJson } from '../../../src/dicom/dataSet/dicomJson.ts';
import { bytesIn, type DicomObject, element as find } from '../../../src/dicom/dataSet/dicomObject.ts';
import { encodeDataSet, encodePart10 } from '../../../src/dicom/dataSet/encodePart10.ts';
import { parseFileMeta } from '../../../src/dicom/dataSet/fileMeta.ts';
import { parsePart10 } from '../../../src/dicom/dataSet/parsePart10.ts';
import { toExplicitLittleEndian } from '../../../src/dicom/dataSet/transcode.ts';
import { corpusEntries, realObjects } from '../../support/corpus.ts';
import { allBytes, CountingSource } from '../../support/objects.ts';
import { hasProgram } from '../../support/programs.ts';

const run = promisify(execFile);
const entries = corpusEntries();
const outcome = (bytes: Buffer): DicomObject | GatewayError => {
  try {
    return parsePart10(new CountingSource(bytes));
  } catch (error) {
    if (error instanceof GatewayError) return error;
    throw error;
  }
};

/** What is no object, or a broken one, though it lies among the sound ones; DCMTK refuses all but winter.dcm as well. */
const unreadable = new Map([
  ['pydicom/winter.dcm', 'dataset.duplicate-element'], // its file meta swallows the first elements, which come again
  ['pydicom/MR_truncated.dcm', 'dataset.truncated'],
  ['pydicom/rtplan_truncated.dcm', 'dataset.truncated'],
  ['pydicom/no_meta.dcm', 'dataset.not-dicom'],
  ['fo-dicom/GH1339.dcm', 'dataset.malformed'], // ends within its fragments
  ['fo-dicom/GH626.dcm', 'dataset.malformed'], // ends in zeros where elements should be
  ['dcm4che/3gb-bulk-data-truncated', 'dataset.truncated'],
]);

describe.skipIf(entries.length === 0)('objects of the corpus', () => {
  it('come out as they went in, or end in an error that names no value', { timeout: 120_000 }, () => {
    const counts = { same: 0, refused: 0 };
    const wrong: string[] = [];
    for (const { path, absolute, isMalformed } of entries) {
      const bytes = readFileSync(absolute);
      const object = outcome(bytes);
      if (object instanceof GatewayError) {
        counts.refused++;
        const isExpected = isMalformed || path.includes('profuzzbench') || unreadable.get(path) === object.code;
        if (!isExpected || !/^dataset\.[a-z-]+$/.test(object.code))
          wrong.push(`${path}: ${object.code} ${object.message}`);
        if (!/^[\x20-\x7e]+$/.test(object.message)) wrong.push(`${path}: ${JSON.stringify(object.message)}`);
        continue;
      }
      const hasPreamble = bytes.toString('latin1', 128, 132) === 'DICM';
      const dataSet = bytes.subarray(parseFileMeta(bytes)?.dataSetOffset ?? (hasPreamble ? 132 : 0));
      const expected = object.encoding.deflated ? inflateRawSync(dataSet) : dataSet;
      if (allBytes(encodeDataSet(object.dataSet, object.encoding)).equals(expected)) counts.same++;
      else wrong.push(`${path}: comes out otherwise`);
    }
    expect(wrong).toEqual([]);
    expect(counts.same).toBeGreaterThan(500);
    expect(counts.refused).toBeGreaterThan(50);
  });
});

const folder = mkdtempSync(join(tmpdir(), 'medusa-objects-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** What dcmdump says, without lengths and group lengths; of long values the beginning. */
async function dump(path: string): Promise<string[]> {
  const { stdout } = await run('dcmdump', ['-q', path], {
    encoding: 'latin1',
    maxBuffer: 1 << 29,
  });
  return stdout
    .split('\n')
    .filter((line) => /^ *\(/.test(line) && !/^ *\((0002|fffe|[0-9a-f]{4},0000)/.test(line))
    .map((line) => line.replace(/\s+#\s.*$/, '').replace(/\((Sequence|Item) with.*$/, ''));
}

function pixels(path: string): Buffer {
  const value = find(parsePart10(new CountingSource(readFileSync(path))).dataSet, 0x7fe00010)?.value;
  return value?.kind === 'bytes' ? bytesIn(value.bytes) : Buffer.alloc(0);
}

/** Private elements have VRs in DCMTK's own dictionary, in Implicit VR. */
const withPrivateVrs = new Set(['nibabel/0.dcm', 'nibabel/1.dcm', 'fo-dicom/mr.dcm']);

describe.skipIf(entries.length === 0 || !hasProgram('dcmconv'))('as Explicit VR Little Endian', () => {
  it('objects are what DCMTK makes of them', { timeout: 120_000 }, async () => {
    let compared = 0;
    const wrong: string[] = [];
    for (const { path, absolute } of realObjects()) {
      if (withPrivateVrs.has(path)) continue;
      const object = outcome(readFileSync(absolute));
      if (object instanceof GatewayError || toExplicitLittleEndian(object) === object) continue;
      const [ours, theirs] = [join(folder, 'ours.dcm'), join(folder, 'theirs.dcm')];
      writeFileSync(ours, allBytes(encodePart10(toExplicitLittleEndian(object)).pieces));
      await run('dcmconv', ['-q', '+te', absolute, theirs]);
      const [a, b] = await Promise.all([dump(ours), dump(theirs)]);
      compared++;
      const at = a.findIndex((line, index) => line !== b[index]);
      if (!pixels(ours).equals(pixels(theirs))) wrong.push(`${path}: other pixel data`);
      if (at >= 0 || a.length !== b.length) wrong.push(`${path}: ${a[at]} instead of ${b[at]}`);
    }
    expect(wrong).toEqual([]);
    expect(compared).toBeGreaterThan(30);
  });
});

const program = `
import sys, json, warnings, logging, pydicom
warnings.simplefilter('ignore'); logging.disable(logging.CRITICAL)
for line in sys.stdin:
    path = line.strip()
    try:
        made = pydicom.dcmread(path, force=True).to_json_dict(bulk_data_threshold=10**9, suppress_invalid_tags=True)
        print(json.dumps({'path': path, 'json': made}))
    except Exception:
        print(json.dumps({'path': path}))
`;
const python = '/usr/bin/python3';
function hasPydicom(): boolean {
  try {
    execFileSync(python, ['-c', 'import pydicom'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe.skipIf(entries.length === 0 || !hasPydicom())('as DICOM JSON', () => {
  it('objects are what pydicom makes of them', { timeout: 120_000 }, () => {
    const objects = realObjects().filter(({ path }) => !unreadable.has(path));
    const input = objects.map(({ absolute }) => absolute).join('\n');
    const answers = execFileSync(python, ['-c', program], { input, encoding: 'utf8', maxBuffer: 1 << 30 });
    const wrong: string[] = [];
    let compared = 0;
    for (const line of answers.trim().split('\n')) {
      const { path, json } = JSON.parse(line.replace(/\bNaN\b/g, 'null'));
      const name = objects.find(({ absolute }) => absolute === path)?.path ?? '';
      if (json === undefined) continue;
      const object = parsePart10(new CountingSource(readFileSync(path)));
      const { dataSet } = toDicomJson(object, { maxInlineBytes: 1e9, maxValueBytes: 1e9 });
      compared += compare(dataSet, json, name, object.encoding.littleEndian, wrong);
    }
    expect(wrong).toEqual([]);
    expect(compared).toBeGreaterThan(30_000);
  });
});

/** Compares what both have and gives the number; differences that are not known go into `wrong`. */
function compare(ours: JsonDataSet, theirs: JsonDataSet, path: string, littleEndian: boolean, wrong: string[]): number {
  let compared = 0;
  for (const key of new Set([...Object.keys(ours), ...Object.keys(theirs)])) {
    const [a, b] = [ours[key], theirs[key]];
    if (/^7FE0|0000$/.test(key)) continue; // pixel data and group lengths are not in ours
    if (a?.vr === 'SQ' && b?.vr === 'SQ') {
      const [inOurs, inTheirs] = [itemsOf(a), itemsOf(b)];
      if (inOurs.length !== inTheirs.length) wrong.push(`${path} ${key}: ${inOurs.length} items, ${inTheirs.length}`);
      inOurs.forEach((item, index) => {
        compared += compare(item, inTheirs[index] ?? {}, `${path} ${key}.${index}`, littleEndian, wrong);
      });
      continue;
    }
    if (a === undefined || b === undefined || !isSame(a, b, key, littleEndian)) {
      if (!knownDifferences.has(`${path} ${key}`)) {
        wrong.push(`${path} ${key}: ${JSON.stringify(a)} instead of ${JSON.stringify(b)}`.slice(0, 400));
      }
    }
    compared++;
  }
  return compared;
}

const itemsOf = ({ Value = [] }: JsonAttribute) => Value as JsonDataSet[];

function isSame(a: JsonAttribute, b: JsonAttribute, key: string, littleEndian: boolean): boolean {
  // pydicom's own dictionary knows VRs of private elements that are UN, ours leaves them UN.
  if (a.vr === 'UN' && Number.parseInt(key.slice(0, 4), 16) % 2 === 1) return true;
  // pydicom leaves bytes of big endian objects as they are; PS3.18 F.2.7 has them as bulk data has them.
  if (!littleEndian && a.InlineBinary !== undefined && a.vr === 'OW') return a.vr === b.vr;
  // PS3.18 F.2.5: an empty value is null; pydicom has '', and spaces that only pad.
  const values = b.Value?.map((value) => (typeof value === 'string' ? value.replace(/ +$/, '') || null : value));
  return JSON.stringify(a) === JSON.stringify(values === undefined ? b : { ...b, Value: values });
}

/** Where pydicom has it wrong, or leaves out what is. */
const knownDifferences = new Set([
  'fo-dicom/chrGB2312.dcm 00100010', // leaves the escape sequences of a code extension that (0008,0005) does not name
  'fo-dicom/GH195.dcm 00091105', // leaves out a DS that is no number; ours keeps it as text
  'octave/rtstruct.dcm 30060039.0 30060040.0 30060050', // an UN of the standard; pydicom does not look it up when it is long
]);
