import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  instanceKey,
  manifestKey,
  manifestKeyOf,
  parseReceiptsKey,
  parseResultKey,
  receiptsFolder,
  receiptsKey,
  resultKey,
  resultNameProblem,
  siteKey,
  usableUid,
} from '../../src/delivery/objectKeys.ts';

const space = { prefix: 'medusa/eu', site: 'hospital-1' };
const sha256 = 'ab'.repeat(32);
const identity = { studyInstanceUid: '1.2', seriesInstanceUid: '1.2.3', sopInstanceUid: '1.2.3.4', version: 1, sha256 };

const run = {
  application: 'ct-quantification',
  version: '1.2.0',
  scope: 'study' as 'instance' | 'series' | 'study',
  revision: 1,
  outputStudy: '2.25.1',
  outputUnit: '2.25.1',
};
const file = { kind: 'file' as const, name: 'report.json', sha256 };

describe('keys of results', () => {
  const folder = 'medusa/eu/hospital-1/studies/2.25.1/results/ct-quantification/1.2.0';

  it('are the fixed ones: files below their application, instances where instances lie', () => {
    expect(resultKey(space, run, file, 1)).toBe(`${folder}/report.json`);
    expect(resultKey(space, run, { ...file, name: 'images/key-1.png' }, 1)).toBe(`${folder}/images/key-1.png`);
    const made = {
      kind: 'instance' as const,
      name: '',
      sopInstanceUid: '2.25.3',
      seriesInstanceUid: '2.25.2',
      sha256,
    };
    const series = 'medusa/eu/hospital-1/studies/2.25.1/series/2.25.2';
    expect(resultKey(space, { ...run, revision: 3 }, made, 1)).toBe(`${series}/2.25.3.dcm`);
    expect(resultKey(space, run, made, 2)).toBe(`${series}/2.25.3.v2.dcm`);
  });

  it('keep units, revisions and versions apart', () => {
    const series = { ...run, scope: 'series' as const, outputUnit: '2.25.2' };
    expect(resultKey(space, { ...run, revision: 2 }, file, 1)).toBe(`${folder}/r2/report.json`);
    expect(resultKey(space, series, file, 1)).toBe(`${folder}/2.25.2/report.json`);
    expect(resultKey(space, { ...series, revision: 2 }, file, 1)).toBe(`${folder}/2.25.2/r2/report.json`);
    expect(resultKey(space, run, file, 2)).toBe(`${folder}/report.v2.json`);
    expect(resultKey(space, run, { ...file, name: 'v1.0/masks.tar.gz' }, 3)).toBe(`${folder}/v1.0/masks.tar.v3.gz`);
    expect(resultKey(space, run, { ...file, name: 'v1.0/README' }, 2)).toBe(`${folder}/v1.0/README.v2`);
    expect(resultKey(space, { ...series, outputUnit: 'DOE^JOHN' }, file, 1)).toBe(`${folder}/unidentified/report.json`);
  });

  it('tell what made a file', () => {
    const key = resultKey(space, { ...run, scope: 'series', outputUnit: '2.25.2', revision: 2 }, file, 1);
    expect(parseResultKey(key)).toEqual({
      application: 'ct-quantification',
      version: '1.2.0',
      file: '2.25.2/r2/report.json',
    });
    for (const other of [instanceKey(space, identity), manifestKey(space, '1'), receiptsKey(space, 1, 2), '']) {
      expect(parseResultKey(other), other).toBeUndefined();
    }
  });

  it('name a file by its digest when its own name cannot stand in a key', () => {
    const bad = [
      '',
      '.',
      '..',
      '../x.json',
      '/etc/x.json',
      'a//b',
      'a/./b',
      '.hidden',
      'a b',
      'ü',
      'a\\b',
      'a\0',
      'a\n',
    ];
    const kept = ['r2/report.json', 'r17', 'report.v2.json', 'report.v2'];
    for (const name of [...bad, ...kept, 'x'.repeat(129), 'a/'.repeat(9), `${'ab/'.repeat(6)}${'x'.repeat(250)}`]) {
      expect(resultNameProblem(name), name).toBeTypeOf('string');
      const key = resultKey(space, run, { ...file, name }, 1);
      expect(key.slice(folder.length), name).toMatch(/^\/unnamed-(ab){16}(\.[a-z]+)?$/);
    }
    for (const name of ['a', 'report.json', 'a/b/c.png', '1.2.3/1.2.3.4.png', 'r2d2.json', 'v2.json', '_x-1']) {
      expect(resultNameProblem(name), name).toBeUndefined();
    }
  });

  it('refuse an application, revision, version or digest that is none', () => {
    for (const bad of [{ application: '..' }, { application: 'a/b' }, { version: '' }, { revision: 0 }]) {
      expect(() => resultKey(space, { ...run, ...bad }, file, 1)).toThrow(
        expect.objectContaining({ code: 'delivery.bad-identity' }),
      );
    }
    for (const version of [0, 1.5, Number.NaN]) expect(() => resultKey(space, run, file, version)).toThrow();
    expect(() => resultKey(space, run, { ...file, sha256: '../..' }, 1)).toThrow();
  });

  it('never leave their application, whatever a foreign program calls its files', () => {
    const name = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.stringMatching(/^[a-z0-9./\\]{0,40}$/),
      fc.array(fc.constantFrom('..', '.', '', 'a', 'r2', '%2e', 'x.v2', '\0')).map((parts) => parts.join('/')),
    );
    fc.assert(
      fc.property(name, fc.string({ unit: 'binary' }), fc.integer({ min: 1 }), (given, unit, version) => {
        const series = { ...run, scope: 'series' as const, outputUnit: unit };
        const keys = [
          resultKey(space, run, { ...file, name: given }, version),
          resultKey(space, series, { ...file, name: given }, version),
        ];
        for (const key of keys) {
          expect(key.startsWith(`${folder}/`)).toBe(true);
          expect(key).toMatch(/^[A-Za-z0-9._/-]{1,900}$/);
          expect(key.split('/').every((part) => part !== '.' && part !== '..' && part !== '')).toBe(true);
          expect(manifestKeyOf(key)).toBe(manifestKey(space, '2.25.1'));
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('object keys', () => {
  it('are the fixed ones', () => {
    const study = 'medusa/eu/hospital-1/studies/1.2';
    expect(instanceKey(space, identity)).toBe(`${study}/series/1.2.3/1.2.3.4.dcm`);
    expect(instanceKey(space, { ...identity, version: 2 })).toBe(`${study}/series/1.2.3/1.2.3.4.v2.dcm`);
    expect(manifestKey(space, '1.2')).toBe(`${study}/manifest.json`);
    expect(receiptsKey(space, 1, 250)).toBe('medusa/eu/hospital-1/receipts/000000000001-000000000250.jsonl');
    expect(instanceKey({ prefix: '', site: 's' }, identity)).toBe('s/studies/1.2/series/1.2.3/1.2.3.4.dcm');
  });

  it('put what has no fit UID under a word of ours, told apart by digest', () => {
    for (const bad of [undefined, '', '..', '....', '1.2/../../x', 'DOE^JOHN', '1'.repeat(65), '1.2\n', '１.２']) {
      const key = instanceKey(space, {
        ...identity,
        studyInstanceUid: bad,
        seriesInstanceUid: bad,
        sopInstanceUid: bad,
      });
      expect(key).toBe(
        `medusa/eu/hospital-1/studies/unidentified/series/unidentified/unidentified-${sha256.slice(0, 32)}.dcm`,
      );
      expect(usableUid(bad)).toBeUndefined();
    }
  });

  it('refuse a prefix, site, version or digest that cannot stand in a key', () => {
    for (const site of ['', '..', '.', 'a/b', '.hidden', 'a b', 'ü', 'x'.repeat(65)]) {
      expect(() => siteKey({ prefix: '', site })).toThrow(expect.objectContaining({ code: 'delivery.bad-key-space' }));
    }
    for (const prefix of ['..', 'a/../b', './a', 'a b', 'a\0b']) {
      expect(() => siteKey({ prefix, site: 's' })).toThrow(expect.objectContaining({ code: 'delivery.bad-key-space' }));
    }
    for (const bad of [{ version: 0 }, { version: 1.5 }, { sha256: '../..' }]) {
      expect(() => instanceKey(space, { ...identity, ...bad })).toThrow(
        expect.objectContaining({ code: 'delivery.bad-identity' }),
      );
    }
  });

  it('find their way back to the manifest and to the receipts', () => {
    expect(manifestKeyOf(instanceKey(space, identity))).toBe(manifestKey(space, '1.2'));
    expect(manifestKeyOf('medusa/eu/hospital-1/receipts/1-2.jsonl')).toBeUndefined();
    expect(parseReceiptsKey(receiptsKey(space, 7, 12))).toEqual({ first: 7, last: 12 });
    const withDigests = receiptsKey(space, 7, 12, sha256);
    expect(withDigests).toBe('medusa/eu/hospital-1/receipts/000000000007-000000000012.abababab.jsonl');
    expect(parseReceiptsKey(withDigests)).toEqual({ first: 7, last: 12 });
    for (const other of ['x-2.jsonl', '1-2.abc.jsonl', '1-2.ABABABAB.jsonl', '1-2.abababab.x.jsonl', '1-2.jsonl.x']) {
      expect(parseReceiptsKey(`medusa/receipts/${other}`), other).toBeUndefined();
    }
  });

  it('never leave their prefix, whatever a peer or a configuration says', () => {
    const hostile = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.stringMatching(/^[0-9./\\]{0,70}$/),
      fc.constantFrom('..', '.', '/', '../..', '\0', '%2e%2e', '1.2/..'),
    );
    const part = fc.option(hostile, { nil: undefined });
    fc.assert(
      fc.property(
        hostile,
        hostile,
        part,
        part,
        part,
        fc.integer({ min: 1 }),
        (prefix, site, study, series, sop, version) => {
          let root: string;
          try {
            root = siteKey({ prefix, site });
          } catch {
            root = siteKey(space);
          }
          const used = root === siteKey(space) ? space : { prefix, site };
          const keys = [
            instanceKey(used, {
              studyInstanceUid: study,
              seriesInstanceUid: series,
              sopInstanceUid: sop,
              version,
              sha256,
            }),
            manifestKey(used, study),
            receiptsFolder(used),
          ];
          for (const key of keys) {
            expect(key.startsWith(`${root}/`)).toBe(true);
            expect(key).toMatch(/^[A-Za-z0-9._/-]+$/);
            expect(key.split('/').every((name) => name !== '.' && name !== '..')).toBe(true);
            expect(key).not.toContain('//');
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});
