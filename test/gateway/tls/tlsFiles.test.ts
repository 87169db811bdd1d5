/** What is read from the TLS files of a listener, and what is said of those that are no good. */
import { X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readRevocationLists, subjectDer, withoutList } from '../../../src/gateway/tls/crl.ts';
import { type ListenerTls, loadTls, tlsDigest } from '../../../src/gateway/tls/tlsFiles.ts';
import { OpensslPki } from '../../support/opensslPki.ts';

const pki = new OpensslPki();
afterAll(() => pki.remove());
const authority = pki.authority('senders');
const server = authority.issue('server');
const file = (name: string, content: string) => {
  const path = join(pki.folder, name);
  writeFileSync(path, content);
  return path;
};

const tls = (changes: Partial<ListenerTls> = {}): ListenerTls => ({
  ...{ clientCaFile: authority.certificateFile, requireClientCertificate: true, minVersion: 'TLSv1.2' as const },
  ...changes,
});
const pem = (changes: Partial<ListenerTls> = {}) =>
  tls({ certificateFile: server.certificateFile, keyFile: server.keyFile, ...changes });
const faultsOf = (files: ListenerTls) =>
  loadTls(files, { P: 'pass' }).faults.map(({ key, message }) => `${key} ${message}`);

describe('certificate and key', () => {
  it('come from PEM files, the key encrypted or not', () => {
    pki.run('pkcs8', '-topk8', '-in', 'server.key', '-out', 'encrypted.key', '-passout', 'pass:pass');
    const encrypted = { keyFile: join(pki.folder, 'encrypted.key') };
    const { loaded } = loadTls(pem());
    expect(loaded?.material.key).toContain('BEGIN PRIVATE KEY');
    expect(loadTls(pem({ ...encrypted, keyPassphrase: 'pass' })).loaded?.material).toEqual(loaded?.material);
    expect(loadTls(pem({ ...encrypted, keyPassphrase: { env: 'P' } }), { P: 'pass' }).faults).toEqual([]);
    expect(faultsOf(pem({ ...encrypted, keyPassphrase: 'wrong' }))[0]).toMatch(/^keyFile .*cannot be decrypted/);
    expect(faultsOf(pem(encrypted))[0]).toMatch(/^keyFile .*is encrypted/);
  });

  it('come from a PKCS #12 file, with the chain', () => {
    pki.run(
      ...['pkcs12', '-export', '-in', 'server.pem', '-inkey', 'server.key', '-certfile', 'senders.pem'],
      ...['-out', 'server.p12', '-passout', 'pass:pass'],
    );
    const pkcs12File = join(pki.folder, 'server.p12');
    const { loaded } = loadTls(tls({ pkcs12File, pkcs12Passphrase: { env: 'P' } }), { P: 'pass' });
    expect(loaded?.chain.map(({ subject }) => subject)).toEqual(['CN=server', 'CN=senders']);
    expect(faultsOf(tls({ pkcs12File, pkcs12Passphrase: 'wrong' }))[0]).toMatch(/^pkcs12Passphrase /);
    expect(faultsOf(tls({ pkcs12File, pkcs12Passphrase: { env: 'NONE' } }))[0]).toMatch(/NONE is not set/);
    expect(faultsOf(tls({ pkcs12File: join(pki.folder, 'no.p12') }))[0]).toMatch(/^pkcs12File .*does not exist/);
  });

  it('have to belong together, and be strong enough', () => {
    const other = authority.issue('other');
    expect(faultsOf(pem({ keyFile: other.keyFile }))).toEqual([
      'keyFile is not the key of the first certificate in certificateFile',
    ]);
    const weak = pki.selfSigned('weak', { kind: 'rsa1024' });
    expect(faultsOf(pem({ certificateFile: weak.certificateFile, keyFile: weak.keyFile }))[0]).toMatch(
      /^certificateFile holds a key that is too weak, RSA of 1024 bits/,
    );
  });
});

describe('revocation lists', () => {
  it('are read with their issuer and dates', () => {
    const from = Date.parse('2030-01-01T00:00:00Z');
    const [list] = readRevocationLists(authority.revocationList({ from, to: from + 86_400_000 }));
    expect(list).toEqual({
      issuerDer: subjectDer(new X509Certificate(authority.certificate)),
      thisUpdate: from,
      nextUpdate: from + 86_400_000,
    });
  });

  it('have to be there for each authority', () => {
    const others = pki.authority('others');
    const both = [authority, others].map(({ certificate }) => new X509Certificate(certificate));
    const lists = readRevocationLists(authority.revocationList());
    expect(withoutList(both, lists)).toEqual([both[1]]);
    const crlFile = file('other.crl', others.revocationList());
    expect(faultsOf(pem({ crlFile }))).toEqual(['crlFile has no list of the authority CN=senders in clientCaFile']);
  });

  it('that are none, or cut off, are faults', () => {
    const list = authority.revocationList();
    expect(faultsOf(pem({ crlFile: file('empty.crl', '') }))[0]).toMatch(/holds no PEM revocation list/);
    const [first = '', ...rest] = list.split('\n').slice(1);
    const cut = [
      '-----BEGIN X509 CRL-----',
      first.slice(0, 40),
      rest.at(-2) === undefined ? '' : '-----END X509 CRL-----',
    ];
    expect(faultsOf(pem({ crlFile: file('cut.crl', cut.join('\n')) }))[0]).toMatch(/cannot be parsed/);
    expect(faultsOf(pem({ crlFile: file('good.crl', list) }))).toEqual([]);
  });
});

it('the digest changes with the content of any file, and with nothing else', () => {
  const clientCaFile = file('ca-copy.pem', authority.certificate);
  const files = pem({ clientCaFile, keyPassphrase: { file: file('pass', 'one') } });
  const before = tlsDigest(files);
  writeFileSync(clientCaFile, authority.certificate);
  expect(tlsDigest(files)).toBe(before);
  writeFileSync(clientCaFile, `${authority.certificate}\n`);
  const changed = tlsDigest(files);
  expect(changed).not.toBe(before);
  file('pass', 'two');
  expect(tlsDigest(files)).not.toBe(changed);
});
