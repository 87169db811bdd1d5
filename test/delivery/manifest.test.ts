import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../../src/delivery/canonicalJson.ts';
import { signManifest, verifyManifest } from '../../src/delivery/manifest.ts';
import { generateSigningKey, signCanonical } from '../../src/delivery/signingKey.ts';
import { sha256 } from '../support/receipts.ts';

const key = generateSigningKey();
const object = (name: string) => ({
  key: `site/studies/1.2/series/1.2.3/${name}.dcm`,
  sha256: sha256(name),
  size: 10,
  sopInstanceUid: name,
  version: 1,
  series: '1.2.3',
  sopClass: '1.2.840.10008.5.1.4.1.1.2',
  transferSyntax: '1.2.840.10008.1.2.1',
  flags: [],
});
const draft = {
  site: 'site',
  studyInstanceUid: '1.2',
  revision: 2,
  generatedAt: 1_700_000_000_000,
  objects: [object('1.9'), object('1.1')],
  receipts: { from: 3, to: 9 },
};

describe('manifest', () => {
  it('lists its objects by key, is canonical, and is proved by the public key', () => {
    const { manifest, bytes, sha256: digest } = signManifest(draft, key);
    expect(manifest.objects.map(({ sopInstanceUid }) => sopInstanceUid)).toEqual(['1.1', '1.9']);
    expect(manifest).toMatchObject({ format: 'medusa.manifest/1', complete: true, study: '1.2', revision: 2 });
    expect(digest).toBe(sha256(bytes));
    expect(bytes.toString()).toBe(canonicalJson(manifest));
    expect(verifyManifest(bytes, key.publicKey, 'm')).toEqual(manifest);
    expect(draft.objects[0]?.sopInstanceUid).toBe('1.9');
  });

  it('is refused when changed, when of another key, and when it is none', () => {
    const { manifest, bytes } = signManifest(draft, key);
    const check = (data: Uint8Array | string, publicKey = key.publicKey) => {
      try {
        verifyManifest(Buffer.from(data), publicKey, 'm');
        return 'accepted';
      } catch (error) {
        return (error as { code: string }).code;
      }
    };
    const signed = (value: Record<string, unknown>) => {
      const unsigned = JSON.parse(JSON.stringify(value));
      delete unsigned.signature;
      return canonicalJson({ ...unsigned, signature: signCanonical(unsigned, key.privateKey) });
    };
    expect(check(signed(manifest))).toBe('accepted');
    expect(check(bytes.toString().replace('"revision":2', '"revision":3'))).toBe('manifest.bad-signature');
    expect(check(bytes, generateSigningKey().publicKey)).toBe('manifest.foreign-key');
    const malformed = [
      '',
      '{}',
      'null',
      `${bytes.toString()}\n`,
      JSON.stringify(JSON.parse(bytes.toString()), null, 1),
      signed({ ...manifest, format: 'medusa.receipt/1' }),
      signed({ ...manifest, complete: false }),
      signed({ ...manifest, objects: {} }),
      signed({ ...manifest, objects: [{ key: 'x' }] }),
      signed({ ...manifest, receipts: {} }),
    ];
    for (const text of malformed) expect(check(text), text).toBe('manifest.malformed');
  });

  it('holds no UID that is none', () => {
    const { bytes } = signManifest(
      { ...draft, studyInstanceUid: 'DOE', objects: [{ ...object('1.1'), sopInstanceUid: 'DOE', series: 'DOE' }] },
      key,
    );
    expect(bytes.toString()).not.toContain('DOE');
  });
});
