import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generateTlsKey, makeRequest, makeSelfSigned } from '../../../src/gateway/identity/certificateMaker.ts';
import { isSelfSigned, sortChain } from '../../../src/gateway/identity/chain.ts';
import { describe as describeCertificate, namesOf } from '../../../src/gateway/identity/describe.ts';
import { parseSubject } from '../../../src/gateway/identity/subject.ts';
import { HospitalAuthority, type KeyKind, openssl } from './openssl.ts';

let folder: string;
let authority: HospitalAuthority;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'medusa-certificates-'));
  authority = new HospitalAuthority(folder);
});
afterAll(() => rmSync(folder, { recursive: true }));

const file = (name: string, text: string) => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};
const keyOf = (kind: KeyKind) => createPrivateKey(readFileSync(authority.makeKey(`key-${kind}`, kind)));
const names = ['gateway.example.org', '10.1.5.20', 'fd00::5', '*.clinic.example'];
const subject = parseSubject('C=DE, O=Universitätsklinikum Köln, CN=gateway.example.org');
const now = Date.now();

describe('self-signed certificate', () => {
  it.each(['ec', 'rsa'] as const)('%s: openssl verifies it as a server and as a client', async (kind) => {
    const pem = await makeSelfSigned(keyOf(kind), { subject, names }, { days: 397, now });
    const path = file(`self-${kind}.pem`, pem);
    for (const purpose of ['sslserver', 'sslclient']) {
      const verdict = openssl(['verify', '-x509_strict', '-purpose', purpose, '-CAfile', path, path]);
      expect(verdict.toString()).toContain(': OK');
    }
    const checks = ['-checkhost', 'gateway.example.org', '-checkip', '10.1.5.20', '-checkend', String(396 * 86_400)];
    const checked = openssl(['x509', '-in', path, '-noout', '-text', ...checks]).toString();
    expect(checked).not.toMatch(/does NOT match|will expire/);
    expect(checked).toMatch(/Key Usage: critical\s+Digital Signature\n/);
    expect(checked).toContain('TLS Web Server Authentication, TLS Web Client Authentication');
    expect(checked).toMatch(/Basic Constraints: critical\s+CA:FALSE/);
    expect(openssl(['x509', '-in', path, '-noout', '-subject', '-nameopt', 'RFC2253,utf8,-esc_msb']).toString()).toBe(
      'subject=CN=gateway.example.org,O=Universitätsklinikum Köln,C=DE\n',
    );
  });

  it('is told as self-signed, with its names and days', async () => {
    const pem = await makeSelfSigned(generateTlsKey(), { subject, names }, { days: 30, now });
    const certificate = new X509Certificate(pem);
    expect(isSelfSigned(certificate)).toBe(true);
    expect(namesOf(certificate)).toEqual([
      'gateway.example.org',
      '10.1.5.20',
      'FD00:0:0:0:0:0:0:5',
      '*.clinic.example',
    ]);
    const told = describeCertificate(certificate, now);
    expect(told).toMatchObject({ selfSigned: true, key: 'EC P-256', daysLeft: 29 });
    expect(told.fingerprint).toMatch(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
    expect(told.fingerprint).toBe(
      openssl(['x509', '-noout', '-fingerprint', '-sha256'], pem).toString().trim().split('=')[1],
    );
  });

  it('is valid an hour ago: clocks differ', async () => {
    const certificate = new X509Certificate(
      await makeSelfSigned(generateTlsKey(), { subject, names }, { days: 1, now }),
    );
    expect(now - certificate.validFromDate.getTime()).toBeGreaterThan(3_599_000);
  });
});

describe('request', () => {
  it.each(['ec', 'rsa'] as const)('%s: openssl verifies and signs it', async (kind) => {
    const pem = await makeRequest(keyOf(kind), { subject, names });
    const path = file(`${kind}.csr`, pem);
    const looked = openssl(['req', '-in', path, '-verify', '-noout', '-text']).toString();
    expect(looked).toContain('DNS:gateway.example.org, IP Address:10.1.5.20, IP Address:FD00:0:0:0:0:0:0:5');
    expect(looked).toContain('TLS Web Server Authentication, TLS Web Client Authentication');
    const issued = authority.issue(`from-${kind}`, { request: path });
    const certificate = new X509Certificate(readFileSync(issued.certificate));
    expect(certificate.checkPrivateKey(keyOfFile(`key-${kind}`))).toBe(true);
  });
  const keyOfFile = (name: string) => createPrivateKey(readFileSync(join(folder, `${name}.key`)));

  it('without alternative names', async () => {
    const pem = await makeRequest(generateTlsKey(), { subject, names: [] });
    expect(openssl(['req', '-verify', '-noout', '-text'], pem).toString()).not.toContain('Alternative');
  });

  it('for a kind of key that senders do not know it says so', async () => {
    const making = makeRequest(keyOf('ed25519'), { subject, names });
    await expect(making).rejects.toMatchObject({ code: 'identity.key-kind' });
  });
});

describe('chain', () => {
  const read = (path: string) => new X509Certificate(readFileSync(path));
  it('is sorted whatever the order, and ends with the root', () => {
    const leaf = authority.issue('sorted');
    const chain = [leaf, authority.intermediate, authority.root].map((one) => read(one.certificate));
    const [first, second, third] = chain as [X509Certificate, X509Certificate, X509Certificate];
    const stranger = read(authority.issue('stranger').certificate);
    for (const given of [
      [third, second, first, stranger],
      [stranger, first, third, second, second],
    ]) {
      const sorted = sortChain(first, given);
      expect(sorted.chain.map(({ fingerprint256 }) => fingerprint256)).toEqual(
        chain.map(({ fingerprint256 }) => fingerprint256),
      );
      expect(sorted.unrelated).toEqual([stranger]);
    }
  });
});
