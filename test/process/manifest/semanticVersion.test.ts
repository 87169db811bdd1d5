import { describe, expect, it } from 'vitest';
import { compareVersions, isSemanticVersion } from '../../../src/process/manifest/semanticVersion.ts';

describe('isSemanticVersion', () => {
  it.each(['0.0.0', '1.2.3', '10.20.30', '1.0.0-alpha', '1.0.0-alpha.1', '1.0.0-0.3.7', '1.0.0-x-y-z.4'])(
    'takes %s',
    (version) => expect(isSemanticVersion(version)).toBe(true),
  );
  it.each(['1', '1.2', '01.2.3', '1.2.3.4', 'v1.2.3', '1.2.3-', '1.2.3-01', '1.2.3+build', '1.2.3 ', ''])(
    'refuses "%s"',
    (version) => expect(isSemanticVersion(version)).toBe(false),
  );
});

it('orders versions as section 11 of Semantic Versioning does', () => {
  const ordered = [
    '0.9.9',
    '1.0.0-alpha',
    '1.0.0-alpha.1',
    '1.0.0-alpha.beta',
    '1.0.0-beta',
    '1.0.0-beta.2',
    '1.0.0-beta.11',
    '1.0.0-rc.1',
    '1.0.0',
    '1.2.0',
    '1.10.0',
    '2.0.0',
  ];
  for (const [at, version] of ordered.entries()) {
    for (const [other, against] of ordered.entries()) {
      expect(Math.sign(compareVersions(version, against)), `${version} ${against}`).toBe(Math.sign(at - other));
    }
  }
});
