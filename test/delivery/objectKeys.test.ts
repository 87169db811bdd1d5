import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  instanceKey,
  manifestKey,
  manifestKeyOf,
  parseReceiptsKey,
  receiptsFolder,
  receiptsKey,
  siteKey,
  usableUid,
} from '../../src/delivery/objectKeys.ts';

const space = { prefix: 'medusa/eu', site: 'hospital-1' };
const sha256 = 'ab'.repeat(32);
const identity = { studyInstanceUid: '1.2', seriesInstanceUid: '1.2.3', sopInstanceUid: '1.2.3.4', version: 1, sha256 };

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
    expect(parseReceiptsKey('medusa/receipts/x-2.jsonl')).toBeUndefined();
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
