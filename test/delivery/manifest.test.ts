import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../../src/delivery/canonicalJson.ts';
import { signManifest, verifyManifest } from '../../src/delivery/manifest.ts';
import { applicationOf, resultObject } from '../../src/delivery/manifestObjects.ts';
import { generateSigningKey, signCanonical } from '../../src/delivery/signingKey.ts';
import type { RunHeader } from '../../src/spool/work/resultQueue.ts';
import type { ResultRecord } from '../../src/spool/work/workTypes.ts';
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

  describe('of what split applications made', () => {
    const run: RunHeader = {
      format: 'medusa.run/1',
      route: 'to-research',
      application: 'ct',
      version: '1.0.0',
      scope: 'study',
      unit: '1.2.840.1',
      study: '1.2.840.1',
      store: 'research',
      priority: 0,
      revision: 2,
      outputStudy: '2.25.1',
      outputUnit: '2.25.1',
      isDeidentified: true,
      steps: [{ name: 'deidentify', version: '1', detail: 'basic' }],
      figures: {
        bytesIn: 100_000,
        bytesOut: 3_125,
        instancesIn: 200,
        instancesOut: 0,
        files: 1,
        notSelected: 3,
        quarantined: 1,
        cpuSeconds: 1.25,
        peakMemoryBytes: 1_000.4,
        wallMs: 99.6,
        promisedRatio: 0.05,
      },
      finishedAt: 5,
    };
    const result: ResultRecord = {
      kind: 'file',
      name: 'report.json',
      contentType: 'application/json',
      size: 30,
      sha256: sha256('report'),
      pieces: [],
      from: [1, 2, 3],
    };
    const resultKey = 'site/studies/2.25.1/results/ct/1.0.0/r2/report.json';
    const made = {
      ...draft,
      studyInstanceUid: '2.25.1',
      objects: [resultObject(resultKey, result, run, 1)],
      applications: [applicationOf(run)],
    };

    it('says which run made what, from how many, and what it cost and saved', () => {
      const { manifest, bytes } = signManifest(made, key);
      expect(verifyManifest(bytes, key.publicKey, 'm')).toEqual(manifest);
      expect(manifest.objects).toEqual([
        {
          key: resultKey,
          sha256: sha256('report'),
          size: 30,
          sopInstanceUid: '',
          version: 1,
          series: '',
          sopClass: '',
          transferSyntax: '',
          flags: [],
          result: { application: 'ct', version: '1.0.0', revision: 2, unit: '2.25.1', from: 3 },
        },
      ]);
      expect(manifest.applications).toEqual([
        {
          name: 'ct',
          version: '1.0.0',
          revision: 2,
          scope: 'study',
          unit: '2.25.1',
          bytesIn: 100_000,
          bytesOut: 3_125,
          ratio: '0.03125',
          promised: '0.05',
          reached: true,
          cpuSeconds: '1.25',
          peakMemoryBytes: 1_000,
          wallMs: 100,
          instancesIn: 200,
          instancesOut: 0,
          files: 1,
          notSelected: 3,
          quarantined: 1,
          steps: run.steps,
        },
      ]);
      expect(bytes.toString()).not.toMatch(/1\.2\.840|to-research/);
    });

    it('writes fractions as one text, and says nothing of a promise that was not made', () => {
      const figured = (figures: Partial<RunHeader['figures']>) =>
        applicationOf({ ...run, figures: { ...run.figures, ...figures } });
      expect(figured({ bytesOut: 6_000 })).toMatchObject({ ratio: '0.06', reached: false });
      expect(figured({ bytesIn: 0, bytesOut: 0 })).toMatchObject({ ratio: '0', reached: true });
      expect(figured({ bytesIn: 3, bytesOut: 1, cpuSeconds: 100 })).toMatchObject({
        ratio: '0.333333',
        cpuSeconds: '100',
      });
      expect(figured({ bytesOut: 10_000_000, cpuSeconds: 1e-9 })).toMatchObject({ ratio: '100', cpuSeconds: '0' });
      const { promised, reached } = figured({ promisedRatio: null });
      expect([promised, reached]).toEqual([undefined, undefined]);
    });

    it('is refused when a result is of no application that it names, or members are missing', () => {
      const code = (changed: object) => {
        const { bytes } = signManifest({ ...made, ...changed } as typeof made, key);
        try {
          verifyManifest(bytes, key.publicKey, 'm');
          return 'accepted';
        } catch (error) {
          return (error as { code: string }).code;
        }
      };
      expect(code({})).toBe('accepted');
      // Only its receipt is left of it: no run to name.
      expect(code({ objects: [resultObject(resultKey, result, undefined, 1)], applications: [] })).toBe('accepted');
      const object = resultObject(resultKey, result, run, 1);
      const application = applicationOf(run);
      for (const changed of [
        { applications: [] },
        { applications: [{ ...application, revision: 1 }] },
        { applications: [{ ...application, unit: '2.25.2' }] },
        { applications: [{ name: 'ct' }] },
        { objects: [{ ...object, result: { ...object.result, from: '3' } }] },
        { objects: [{ ...object, result: 'ct' }] },
      ]) {
        expect(code(changed), JSON.stringify(changed)).toBe('manifest.malformed');
      }
    });
  });

  it('holds no UID that is none', () => {
    const { bytes } = signManifest(
      { ...draft, studyInstanceUid: 'DOE', objects: [{ ...object('1.1'), sopInstanceUid: 'DOE', series: 'DOE' }] },
      key,
    );
    expect(bytes.toString()).not.toContain('DOE');
  });
});
