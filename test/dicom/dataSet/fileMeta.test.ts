import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeFileMeta, parseFileMeta } from '../../../src/dicom/dataSet/fileMeta.ts';
import { uid } from '../../../src/dicom/uids.ts';
import { hasProgram } from '../../support/programs.ts';

const meta = {
  sopClassUid: '1.2.840.10008.5.1.4.1.1.7',
  sopInstanceUid: '2.25.1234567890',
  transferSyntaxUid: uid.explicitVrLittleEndian,
};

describe('file meta information (PS3.10 7.1)', () => {
  it('comes back from what was written, and says where the data set begins', () => {
    const uidText = fc.stringMatching(/^[0-9.]{1,64}$/);
    const any = fc.record({ sopClassUid: uidText, sopInstanceUid: uidText, transferSyntaxUid: uidText });
    fc.assert(
      fc.property(any, (value) => {
        const encoded = encodeFileMeta(value);
        expect(parseFileMeta(Buffer.concat([encoded, Buffer.from('0800050043530000', 'hex')]))).toEqual({
          ...value,
          dataSetOffset: encoded.length,
        });
        expect(encoded.readUInt32LE(140)).toBe(encoded.length - 144); // group length
        expect(encoded.subarray(0, 128).equals(Buffer.alloc(128))).toBe(true);
      }),
    );
  });

  it('is the same bytes for the same object: a digest of it can be compared', () => {
    expect(encodeFileMeta(meta)).toEqual(encodeFileMeta({ ...meta }));
  });

  it('is found without preamble, and without preamble and prefix', () => {
    const encoded = encodeFileMeta(meta);
    expect(parseFileMeta(encoded.subarray(128))).toMatchObject(meta);
    expect(parseFileMeta(encoded.subarray(132))).toMatchObject(meta);
    expect(parseFileMeta(Buffer.from('not DICOM at all'))).toBeUndefined();
    expect(parseFileMeta(Buffer.alloc(0))).toBeUndefined();
  });

  it('throws at nothing', () => {
    const damaged = fc.tuple(fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 6 }), fc.nat(400));
    fc.assert(
      fc.property(damaged, ([changes, cut]) => {
        const encoded = encodeFileMeta(meta);
        for (const [at, to] of changes) encoded[at % encoded.length] = to;
        const parsed = parseFileMeta(encoded.subarray(0, cut));
        if (parsed) expect(parsed.dataSetOffset).toBeLessThanOrEqual(Math.min(cut, encoded.length));
      }),
    );
  });

  it.skipIf(!hasProgram('dcmdump'))('is read by DCMTK as it was meant', () => {
    const folder = mkdtempSync(join(tmpdir(), 'file-meta-'));
    try {
      const path = join(folder, 'object.dcm');
      const modality = Buffer.from('080060004353020043540000'.slice(0, 20), 'hex'); // (0008,0060) CS "CT"
      writeFileSync(path, Buffer.concat([encodeFileMeta(meta), modality]));
      const dump = execFileSync('dcmdump', ['-q', '-Un', path], { encoding: 'latin1' });
      expect(dump).toContain('(0002,0000) UL');
      expect(dump).toMatch(/\(0002,0002\) UI \[1\.2\.840\.10008\.5\.1\.4\.1\.1\.7\]/);
      expect(dump).toMatch(/\(0002,0003\) UI \[2\.25\.1234567890\]/);
      expect(dump).toMatch(/\(0002,0010\) UI \[1\.2\.840\.10008\.1\.2\.1\]/);
      expect(dump).toMatch(/\(0002,0013\) SH \[MEDUSA_EDGE_1\]/);
      expect(dump).toMatch(/\(0008,0060\) CS \[CT\]/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
