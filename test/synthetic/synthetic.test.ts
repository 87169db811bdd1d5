import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  crStudy,
  ctStudy,
  type SyntheticInstance,
  syntheticUid,
  syntheticUidLength,
  tinyStudy,
  transferSyntaxes,
  usMultiFrame,
  writePart10File,
  writeStudy,
} from '../../synthetic/index.ts';

const directory = mkdtempSync(join(tmpdir(), 'synthetic-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const hasDcmtk = spawnSync('dcmdump', ['--version']).status === 0;
const { implicitLittleEndian } = transferSyntaxes;

/** Small ones of each kind, in both transfer syntaxes; the full sizes are the defaults. */
const kinds: Array<[name: string, make: (transferSyntaxUid?: string) => SyntheticInstance[]]> = [
  ['CT', (ts) => [...ctStudy({ slices: 3, rows: 64, columns: 64, ...(ts && { transferSyntaxUid: ts }) })]],
  ['CR', (ts) => [...crStudy({ rows: 75, columns: 63, ...(ts && { transferSyntaxUid: ts }) })]],
  ['US in RGB', (ts) => [usMultiFrame({ frames: 3, rows: 31, columns: 41, ...(ts && { transferSyntaxUid: ts }) })]],
  [
    'US in MONOCHROME2',
    (ts) => [
      usMultiFrame({
        frames: 3,
        rows: 31,
        columns: 41,
        photometric: 'MONOCHROME2',
        ...(ts && { transferSyntaxUid: ts }),
      }),
    ],
  ],
  ['tiny', (ts) => [...tinyStudy({ instances: 2, ...(ts && { transferSyntaxUid: ts }) })]],
];

const digest = (instances: Iterable<SyntheticInstance>) => {
  const hash = createHash('sha256');
  for (const instance of instances) for (const chunk of instance.chunks()) hash.update(chunk);
  return hash.digest('hex');
};

describe('synthetic UIDs', () => {
  it('are valid, of one length, and differ by what they name', () => {
    const uids = Array.from({ length: 500 }, (_, i) => syntheticUid('x', i));
    for (const uid of uids) {
      expect(uid).toMatch(/^2\.25\.[1-9]\d*$/);
      expect(uid).toHaveLength(syntheticUidLength);
      expect(BigInt(uid.slice(5)) < 2n ** 128n).toBe(true);
    }
    expect(new Set(uids).size).toBe(uids.length);
  });
});

describe.each(kinds)('synthetic %s', (_name, make) => {
  it('is the same for the same seed, has the size it says, and unique instance UIDs in one study', () => {
    expect(digest(make())).toBe(digest(make()));
    const instances = make();
    for (const instance of instances) {
      expect(instance.dataSet).toHaveLength(instance.size);
      expect(instance.part10()).toHaveLength(instance.part10Head().length + instance.size);
      expect(instance.size % 2).toBe(0);
    }
    expect(new Set(instances.map((i) => i.sopInstanceUid)).size).toBe(instances.length);
    expect(new Set(instances.map((i) => i.studyInstanceUid)).size).toBe(1);
  });

  it.skipIf(!hasDcmtk).each([
    ['explicit', undefined],
    ['implicit', implicitLittleEndian],
  ])('is read back without a warning by DCMTK (%s VR)', (_vr, transferSyntaxUid) => {
    const [instance] = make(transferSyntaxUid);
    if (!instance) throw new Error('nothing made');
    const path = join(directory, 'one.dcm');
    writePart10File(path, instance);
    expect(execFileSync('dcmftest', [path], { encoding: 'utf8' })).toMatch(/^yes/);
    const dump = spawnSync('dcmdump', ['--quote-as-octal', path], { encoding: 'utf8' });
    expect(dump.stderr).toBe('');
    for (const uid of [instance.sopInstanceUid, instance.studyInstanceUid, instance.seriesInstanceUid]) {
      expect(dump.stdout).toContain(`[${uid}]`);
    }
    // Rendering needs Rows, Columns, frames and pixel data to agree; dcm2pnm warns when they do not.
    const picture = spawnSync('dcm2pnm', ['+op', path, join(directory, 'one.pnm')], { encoding: 'utf8' });
    expect(picture.stderr).toBe('');
    expect(picture.status).toBe(0);
  });
});

describe('full sizes', () => {
  it('are those of the modalities', () => {
    const size = (instances: Iterable<SyntheticInstance>) => [...instances][0]?.size ?? 0;
    expect(size(ctStudy({ slices: 1 }))).toBeGreaterThan(524_288);
    expect(size(ctStudy({ slices: 1 }))).toBeLessThan(526_000);
    expect(size(crStudy())).toBeGreaterThan(15_000_000);
    expect(size([usMultiFrame()])).toBeGreaterThan(180_000_000);
    expect(size(tinyStudy({ instances: 1 }))).toBeLessThan(8_000);
  });

  it('an ultrasound run comes frame by frame', () => {
    const chunks = usMultiFrame({ frames: 4 }).chunks();
    for (const chunk of chunks) expect(chunk.length).toBeLessThan(1_000_000);
  });
});

describe('writeStudy', () => {
  it('writes one file for each instance', () => {
    const written = writeStudy(join(directory, 'study'), ctStudy({ slices: 2, rows: 8, columns: 8, seed: 7 }));
    expect(written).toHaveLength(2);
    expect(written.map((w) => w.instance.number)).toEqual([1, 2]);
    for (const { path, instance } of written) expect(path).toContain(instance.sopInstanceUid);
  });
});
