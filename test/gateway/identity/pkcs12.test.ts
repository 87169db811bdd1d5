import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import forge from 'node-forge';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GatewayError } from '../../../src/base/errors.ts';
import { readPkcs12 } from '../../../src/gateway/identity/pkcs12.ts';
import { HospitalAuthority, type Issued, openssl } from './openssl.ts';

let folder: string;
let authority: HospitalAuthority;
const leaves = {} as Record<'ec' | 'rsa' | 'ed25519', Issued>;
let chainFile: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'medusa-pkcs12-'));
  authority = new HospitalAuthority(folder);
  for (const kind of ['ec', 'rsa', 'ed25519'] as const) leaves[kind] = authority.issue(kind, { kind });
  chainFile = join(folder, 'chain.pem');
  // The root first: the order in the file must not matter.
  writeFileSync(chainFile, [authority.root, authority.intermediate].map((c) => readFileSync(c.certificate)).join(''));
});
afterAll(() => rmSync(folder, { recursive: true }));

function pack(leaf: Issued, passphrase: string, options: string[] = ['-certfile', chainFile]): Buffer {
  const key = options.includes('-nokeys') ? [] : ['-inkey', leaf.key];
  return openssl(['pkcs12', '-export', ...key, '-in', leaf.certificate, '-passout', `pass:${passphrase}`, ...options]);
}

function certificatesOf(pem: string): X509Certificate[] {
  return pem
    .split(/(?<=-----END CERTIFICATE-----\n)/)
    .filter((block) => block.trim() !== '')
    .map((block) => new X509Certificate(block));
}

const derOf = ({ certificate }: Issued) => new X509Certificate(readFileSync(certificate)).raw;

function expectWhole(result: { key: string; certificate: string }, leaf: Issued) {
  const chain = certificatesOf(result.certificate);
  expect(chain.map((one) => one.raw)).toEqual([leaf, authority.intermediate, authority.root].map(derOf));
  expect(result.key).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
  expect(createPrivateKey(result.key).equals(createPrivateKey(readFileSync(leaf.key)))).toBe(true);
}

function refusal(work: () => unknown): GatewayError {
  try {
    work();
  } catch (error) {
    if (error instanceof GatewayError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('what openssl pkcs12 -export writes', () => {
  for (const kind of ['ec', 'rsa', 'ed25519'] as const) {
    it(`${kind}, AES-256 and SHA-256`, () => {
      expectWhole(readPkcs12(pack(leaves[kind], 'a passphrase'), 'a passphrase'), leaves[kind]);
    });
    it(`${kind}, -legacy: RC2 and triple DES, which OpenSSL 3 by itself refuses`, () => {
      const bytes = pack(leaves[kind], 'secret', ['-legacy', '-certfile', chainFile]);
      expectWhole(readPkcs12(bytes, 'secret'), leaves[kind]);
    });
  }
  it.each([[''], ['Grüße aus Köln'], ['p@ß "quoted" \\ 密码']])('passphrase %j', (passphrase) => {
    expectWhole(readPkcs12(pack(leaves.ec, passphrase), passphrase), leaves.ec);
    const legacy = pack(leaves.rsa, passphrase, ['-legacy', '-certfile', chainFile]);
    expectWhole(readPkcs12(legacy, passphrase), leaves.rsa);
  });
  it('without a passphrase at all, as Windows does: not even the empty one', () => {
    const { key, certificate } = leaves.rsa;
    const [pem, issued] = [readFileSync(key, 'utf8'), readFileSync(certificate, 'utf8')];
    const pfx = forge.pkcs12.toPkcs12Asn1(
      forge.pki.privateKeyFromPem(pem),
      forge.pki.certificateFromPem(issued),
      null,
      {
        algorithm: '3des',
      },
    );
    const read = readPkcs12(Buffer.from(forge.asn1.toDer(pfx).getBytes(), 'latin1'), '');
    expect(createPrivateKey(read.key).equals(createPrivateKey(pem))).toBe(true);
  });
  it('without a MAC, and without encryption', () => {
    const open = ['-nomac', '-keypbe', 'NONE', '-certpbe', 'NONE', '-certfile', chainFile];
    expectWhole(readPkcs12(pack(leaves.ec, '', open), ''), leaves.ec);
    expectWhole(readPkcs12(pack(leaves.ec, 'x', ['-nomac', '-certfile', chainFile]), 'x'), leaves.ec);
  });
  it('leaf alone, and certificates that do not belong to it', () => {
    const alone = readPkcs12(pack(leaves.ec, 'x', []), 'x');
    expect(certificatesOf(alone.certificate).map((one) => one.raw)).toEqual([derOf(leaves.ec)]);
    const more = readPkcs12(pack(leaves.ec, 'x', ['-certfile', leaves.rsa.certificate]), 'x');
    expect(certificatesOf(more.certificate).map((one) => one.raw)).toEqual([derOf(leaves.ec)]);
  });
});

describe('refused, with the reason', () => {
  it.each([[[]], [['-legacy']], [['-nomac']]])('a wrong passphrase, %j', (options: string[]) => {
    const bytes = pack(leaves.ec, 'right', options);
    for (const wrong of ['wrong', '', 'Grüße']) {
      const error = refusal(() => readPkcs12(bytes, wrong, 'clinic.p12'));
      expect(error).toMatchObject({ code: 'pkcs12.passphrase', subject: 'clinic.p12' });
      expect(error.hint).toContain('openssl pkcs12 -info');
    }
    if (!options.includes('-nomac'))
      expect(refusal(() => readPkcs12(pack(leaves.ec, ''), 'x')).code).toBe('pkcs12.passphrase');
  });
  it('wrong passphrases without a MAC, of which one in 256 decrypts to nonsense', () => {
    const bytes = pack(leaves.ec, 'right', ['-iter', '1', '-nomac']);
    const codes = Array.from({ length: 1500 }, (_, index) => refusal(() => readPkcs12(bytes, `wrong ${index}`)).code);
    expect(new Set(codes)).toEqual(new Set(['pkcs12.passphrase']));
  });
  it('no key', () => {
    expect(refusal(() => readPkcs12(pack(leaves.ec, 'x', ['-nokeys']), 'x')).code).toBe('pkcs12.no-key');
  });
  it('no certificate, and none that fits', () => {
    const bytes = openssl(['pkcs12', '-export', '-nocerts', '-inkey', leaves.ec.key, '-passout', 'pass:x']);
    expect(refusal(() => readPkcs12(bytes, 'x')).code).toBe('pkcs12.no-certificate');
  });
  it('what is no PKCS #12 file', () => {
    const whole = pack(leaves.ec, 'x');
    const samples = [Buffer.alloc(0), Buffer.from('hello'), readFileSync(leaves.ec.certificate), derOf(leaves.ec)];
    for (const bytes of [...samples, Buffer.alloc(5000, 0x30), whole.subarray(0, whole.length - 20)])
      expect(refusal(() => readPkcs12(bytes, 'x')).code).toBe('pkcs12.unreadable');
  });
  it('10 MB', () => {
    const error = refusal(() => readPkcs12(Buffer.alloc(10_000_000, 0x30), 'x'));
    expect(error.message).toContain('10000000 bytes');
  });
  it('a passphrase that is hashed for hours', () => {
    const bytes = pack(leaves.ec, 'x');
    // The last element of MacData: INTEGER 2048 (RFC 7292 4). As INTEGER 16 711 680, three bytes, the lengths around it grow.
    const at = bytes.lastIndexOf(Buffer.from([0x02, 0x02, 0x08, 0x00]));
    expect(at).toBe(bytes.length - 4);
    const hours = Buffer.concat([bytes.subarray(0, at), Buffer.from([0x02, 0x03, 0x7f, 0xff, 0xff])]);
    const macData = hours.lastIndexOf(Buffer.from([0x30, 0x41, 0x30, 0x31]));
    hours[macData + 1] = 0x42;
    hours.writeUInt16BE(hours.length - 4, 2);
    expect(refusal(() => readPkcs12(hours, 'x')).code).toBe('pkcs12.unsupported');
  });
});
