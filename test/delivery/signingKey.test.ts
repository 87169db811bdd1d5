import { createHash, generateKeyPairSync } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  generateSigningKey,
  loadOrCreateSigningKey,
  loadPublicKey,
  loadSigningKey,
  publicKeyPem,
  signCanonical,
  verifyCanonical,
} from '../../src/delivery/signingKey.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'medusa-key-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('signing key', () => {
  it('is made once, private to its owner, and is the same ever after', () => {
    const path = join(directory, 'keys', 'site.pem');
    const made = loadOrCreateSigningKey(path);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readFileSync(path, 'utf8')).toContain('-----BEGIN PRIVATE KEY-----');
    expect(readdirSync(join(directory, 'keys'))).toEqual(['site.pem']);
    expect(loadOrCreateSigningKey(path).keyId).toBe(made.keyId);
    const spki = made.publicKey.export({ type: 'spki', format: 'der' });
    expect(made.keyId).toBe(createHash('sha256').update(spki).digest('hex').slice(0, 16));
  });

  it('is refused when others can read or change it, and when it is not an Ed25519 key; it is never replaced', () => {
    const path = join(directory, 'site.pem');
    loadOrCreateSigningKey(path);
    for (const mode of [0o644, 0o620, 0o602]) {
      chmodSync(path, mode);
      expect(() => loadSigningKey(path)).toThrow(expect.objectContaining({ code: 'key.permissions' }));
    }
    chmodSync(path, 0o640);
    loadSigningKey(path);
    const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' });
    for (const content of ['', 'nonsense', ec]) {
      writeFileSync(path, content);
      expect(() => loadOrCreateSigningKey(path)).toThrow(expect.objectContaining({ code: 'key.unusable' }));
      expect(readFileSync(path, 'utf8')).toBe(content);
    }
  });

  it('proves what it signed, and nothing else, by its public half', () => {
    const key = generateSigningKey();
    const publicKey = loadPublicKey(publicKeyPem(key.publicKey));
    const signature = signCanonical({ a: 1 }, key.privateKey);
    expect(verifyCanonical({ a: 1 }, signature, publicKey)).toBe(true);
    expect(verifyCanonical({ a: 2 }, signature, publicKey)).toBe(false);
    expect(verifyCanonical({ a: 1 }, signature, generateSigningKey().publicKey)).toBe(false);
    for (const odd of ['', `${signature}=`, `${signature} `, signature.slice(1)]) {
      expect(verifyCanonical({ a: 1 }, odd, publicKey)).toBe(false);
    }
    expect(() => loadPublicKey('nonsense')).toThrow(expect.objectContaining({ code: 'key.unusable' }));
  });
});
