/** What authorities send, installed or refused. After a refusal the folder is what it was, byte for byte. */
import { X509Certificate } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  importCertificate,
  initialise,
  renewSelfSigned,
  rollBack,
  showIdentity,
  signingRequest,
  trustAnchor,
} from '../../../src/gateway/identity/identity.ts';
import { HospitalAuthority, type Issued, type IssueOptions, openssl } from './openssl.ts';

let folder: string;
let authority: HospitalAuthority;
let site: { stateDirectory: string; listeners: [] };
let request: string;
let count = 0;
/** What openssl issues during the test is valid by then. */
const now = Date.now() + 600_000;
const names = ['gateway.example.org', '127.0.0.1'];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'medusa-import-'));
  authority = new HospitalAuthority(join(folder, 'authority'));
});
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(async () => {
  site = { stateDirectory: join(folder, `state-${++count}`), listeners: [] };
  await initialise(site, { names, days: 397 }, now);
  request = join(folder, `request-${count}.csr`);
  writeFileSync(request, (await signingRequest(site, { names })).request);
});

const paths = () => ({
  key: join(site.stateDirectory, 'identity', 'tls.key'),
  certificate: join(site.stateDirectory, 'identity', 'tls.crt'),
});
const issue = (options: IssueOptions = {}) => authority.issue(`leaf-${count}`, { request, ...options });
const pem = (...issued: Issued[]) => Buffer.concat(issued.map(({ certificate }) => readFileSync(certificate)));
const noQuestion = () => Promise.reject(new Error('no passphrase was to be asked for'));

function take(bytes: Buffer | Buffer[], ask: () => Promise<string> = noQuestion, at = now) {
  const files = [bytes].flat().map((one, index) => ({ name: `file${index}`, bytes: one }));
  return importCertificate(site, files, ask, at);
}

function onDisk(): Record<string, string> {
  const identity = join(site.stateDirectory, 'identity');
  return Object.fromEntries(readdirSync(identity).map((name) => [name, readFileSync(join(identity, name), 'latin1')]));
}

function installed(): X509Certificate[] {
  const text = readFileSync(paths().certificate, 'utf8');
  return (text.match(/-----BEGIN[\s\S]*?-----END CERTIFICATE-----\n/g) ?? []).map((one) => new X509Certificate(one));
}

function expectChain(...issued: Issued[]) {
  expect(installed().map(({ raw }) => raw.toString('hex'))).toEqual(
    issued.map(({ certificate }) => new X509Certificate(readFileSync(certificate)).raw.toString('hex')),
  );
  const { problems } = showIdentity(site, now);
  expect(problems).toEqual([]);
}

async function expectRefusal(taking: Promise<unknown>, expected: Record<string, unknown>) {
  const before = onDisk();
  await expect(taking).rejects.toMatchObject(expected);
  expect(onDisk()).toEqual(before);
}

describe('installs', () => {
  it('certificate and chain in one PEM file, in the wrong order, with text in between', async () => {
    const leaf = issue();
    const bundle = Buffer.concat([
      pem(authority.root),
      Buffer.from('\r\nHello\r\n'),
      pem(authority.intermediate, leaf),
    ]);
    expect(await take(bundle)).toMatchObject({
      newKey: false,
      warnings: ['it expires in 19 days: ask for the next one now'],
    });
    expectChain(leaf, authority.intermediate, authority.root);
  });

  it('files one by one: DER certificate, then its chain as PKCS #7, DER and PEM', async () => {
    const leaf = issue();
    const der = openssl(['x509', '-in', leaf.certificate, '-outform', 'DER']);
    const { warnings } = await take(der);
    expect(warnings.join()).toContain('"CN=intermediate", which signed it');
    expectChain(leaf);
    const chainFile = join(folder, 'chain.pem');
    writeFileSync(chainFile, pem(authority.root, authority.intermediate));
    for (const form of ['DER', 'PEM']) {
      const p7b = openssl(['crl2pkcs7', '-nocrl', '-certfile', chainFile, '-outform', form]);
      expect(await take(p7b)).toMatchObject({ unchanged: form === 'PEM' });
      expectChain(leaf, authority.intermediate, authority.root);
    }
  });

  it('a renewed certificate takes the chain over from the one before it, and leaves strangers out', async () => {
    await take(pem(issue(), authority.intermediate, authority.root));
    const next = issue({ days: 25 });
    const { warnings } = await take(pem(authority.issue('stranger'), next));
    expect(warnings.join()).toContain('left out, as not part of its chain: "CN=stranger"');
    expectChain(next, authority.intermediate, authority.root);
  });

  it('PKCS #12 with its own key and passphrase; the key is closed to others', async () => {
    const leaf = authority.issue(`own-${count}`, { kind: 'rsa' });
    const chain = join(folder, 'ca.pem');
    writeFileSync(chain, pem(authority.intermediate));
    const pack = ['pkcs12', '-export', '-legacy', '-inkey', leaf.key, '-in', leaf.certificate, '-certfile', chain];
    const bytes = openssl([...pack, '-passout', 'pass:geheim']);
    await expectRefusal(
      take(bytes, async () => 'falsch'),
      { code: 'pkcs12.passphrase', subject: 'file0' },
    );
    expect(await take(bytes, async () => 'geheim')).toMatchObject({ newKey: true });
    expectChain(leaf, authority.intermediate);
    expect(statSync(paths().key).mode & 0o777).toBe(0o600);
    expect(openssl(['pkey', '-in', paths().key, '-pubout'])).toEqual(openssl(['pkey', '-in', leaf.key, '-pubout']));
  });

  it('certificate and encrypted key as PEM', async () => {
    const leaf = authority.issue(`pair-${count}`);
    const key = openssl(['pkey', '-in', leaf.key, '-aes256', '-passout', 'pass:geheim']);
    await expectRefusal(
      take([key, pem(leaf)], async () => 'falsch'),
      { code: 'identity.unreadable' },
    );
    await take([key, pem(leaf)], async () => 'geheim');
    expectChain(leaf);
  });
});

describe('refuses, and nothing on disk changes', () => {
  it.each<[string, IssueOptions, RegExp]>([
    ['no server certificate', { extensions: ['extendedKeyUsage=clientAuth'] }, /not made for servers/],
    ['no signatures allowed', { extensions: ['keyUsage=keyEncipherment'] }, /no digitalSignature/],
    ['SHA-1', { digest: 'sha1' }, /signed with .*sha1/i],
  ])('%s', async (_, options, message) => {
    await expectRefusal(take(pem(issue(options))), { code: 'identity.unfit', message: expect.stringMatching(message) });
  });

  it('out of date, on both sides', async () => {
    const leaf = pem(issue());
    const later = now + 21 * 86_400_000;
    await expectRefusal(take(leaf, noQuestion, later), {
      message: expect.stringMatching(/^the certificate expired on 20/),
    });
    const earlier = now - 86_400_000;
    await expectRefusal(take(leaf, noQuestion, earlier), {
      message: expect.stringMatching(/is not valid before .*:.* UTC$/),
    });
  });

  it('an RSA key of 1024 bits', async () => {
    const leaf = authority.issue(`weak-${count}`, { kind: 'rsa1024' });
    const taking = take([pem(leaf), readFileSync(leaf.key)]);
    await expectRefusal(taking, { code: 'identity.unfit', message: expect.stringContaining('RSA key of 1024 bits') });
  });

  it('all reasons at once', async () => {
    const leaf = authority.issue(`bad-${count}`, { kind: 'rsa1024', extensions: ['extendedKeyUsage=clientAuth'] });
    await expectRefusal(take([pem(leaf), readFileSync(leaf.key)]), {
      message: expect.stringMatching(/1024 bits.*; .*not made for servers/),
    });
  });

  it("somebody else's certificate, a request, a key alone, rubbish, 10 MB, a cut file", async () => {
    const other = authority.issue(`other-${count}`);
    await expectRefusal(take(pem(other)), {
      code: 'identity.wrong-key',
      hint: expect.stringContaining('identity csr'),
    });
    const hint = expect.stringContaining('send it to the authority');
    await expectRefusal(take(readFileSync(request)), { code: 'identity.unreadable', hint });
    await expectRefusal(take(readFileSync(other.key)), { code: 'identity.no-certificate' });
    const leaf = pem(issue());
    const rubbish = [Buffer.alloc(0), Buffer.from('hello'), Buffer.alloc(10_000_000), leaf.subarray(0, 300)];
    for (const bytes of rubbish) await expectRefusal(take(bytes), { code: 'identity.unreadable' });
  });

  it('two pairs', async () => {
    const pairs = ['one', 'two'].map((name) => authority.issue(`${name}-${count}`));
    const files = pairs.flatMap((pair) => [pem(pair), readFileSync(pair.key)]);
    await expectRefusal(take(files), { code: 'identity.several-keys' });
  });

  it('when it cannot write: the pair that was there stays', async () => {
    const before = onDisk();
    // The name that the new certificate is written under is taken by a folder that is not empty.
    mkdirSync(join(`${paths().certificate}.new`, 'x'), { recursive: true });
    const leaf = authority.issue(`own-${count}`);
    await expect(take([pem(leaf), readFileSync(leaf.key)])).rejects.toThrow();
    rmSync(`${paths().certificate}.new`, { recursive: true });
    expect(onDisk()).toEqual(before);
  });
});

describe('rollback and self-signed', () => {
  it('takes the pair before back, and again the other way', async () => {
    const before = onDisk();
    const own = authority.issue(`own-${count}`);
    await take([pem(own), readFileSync(own.key)]);
    const after = onDisk();
    rollBack(site, now + 1000);
    expect(onDisk()).toMatchObject(before);
    rollBack(site, now + 2000);
    expect(onDisk()).toMatchObject({ 'tls.key': after['tls.key'], 'tls.crt': after['tls.crt'] });
    expect(Object.keys(onDisk())).toHaveLength(4);
  });

  it('says when there is nothing before it', () => {
    expect(() => rollBack(site, now)).toThrow(expect.objectContaining({ code: 'identity.nothing-kept' }));
  });

  it('self-signed needs --force, keeps the key, the names and the certificate before it', async () => {
    const before = onDisk();
    await expectRefusal(renewSelfSigned(site, { days: 10, force: false }, now), { code: 'identity.exists' });
    const { kept } = await renewSelfSigned(site, { days: 10, force: true }, now);
    expect(onDisk()['tls.key']).toBe(before['tls.key']);
    expect(readFileSync(kept?.certificate ?? '', 'latin1')).toBe(before['tls.crt']);
    expect(showIdentity(site, now).certificate).toMatchObject({ names, selfSigned: true, daysLeft: 9 });
  });

  it('init never changes what is there, and says when the key is gone', async () => {
    const before = onDisk();
    expect(await initialise(site, { names: ['other'], days: 5 }, now)).toEqual({ key: false, certificate: false });
    expect(onDisk()).toEqual(before);
    rmSync(paths().key);
    await expect(initialise(site, { days: 5 }, now)).rejects.toMatchObject({ code: 'identity.no-key' });
    rmSync(paths().certificate);
    writeFileSync(paths().key, 'no key at all');
    await expect(initialise(site, { days: 5 }, now)).rejects.toMatchObject({ code: 'identity.file' });
    expect(readFileSync(paths().key, 'utf8')).toBe('no key at all');
  });
});

describe('request for the next certificate', () => {
  const asked = async () => {
    const { request: pem } = await signingRequest(site, {});
    const text = openssl(['req', '-noout', '-text', '-subject', '-nameopt', 'RFC2253,utf8,-esc_msb'], pem).toString();
    return [/^subject=(.*)$/m, /(DNS:.*|IP Address:.*)/].map((line) => line.exec(text)?.[1]);
  };

  it('asks for what the authority signed before', async () => {
    const subject = 'C=DE, O=Klinik Köln\\, Nord, OU=A, OU=B, CN=gw.example';
    writeFileSync(request, (await signingRequest(site, { subject, names: ['gw.example', '127.0.0.1'] })).request);
    await take(pem(issue({ extensions: ['subjectAltName=DNS:gw.example,email:pacs@clinic.example,IP:127.0.0.1'] })));
    const expected = ['CN=gw.example,OU=B,OU=A,O=Klinik Köln\\, Nord,C=DE', 'DNS:gw.example, IP Address:127.0.0.1'];
    expect(await asked()).toEqual(expected);
  });

  it('leaves this machine out of what was made up here', async () => {
    expect(await asked()).toEqual(['CN=gateway.example.org', 'DNS:gateway.example.org']);
  });
});

describe('show', () => {
  it('tells when key and certificate do not fit', () => {
    writeFileSync(paths().key, readFileSync(authority.makeKey('elsewhere', 'ec')));
    const { problems } = showIdentity(site, now);
    expect(problems).toMatchObject([{ message: 'the key and the certificate do not fit together' }]);
  });

  it('prints what senders have to trust', async () => {
    expect(trustAnchor(site).pem).toBe(readFileSync(paths().certificate, 'utf8'));
    await take(pem(issue(), authority.intermediate));
    expect(() => trustAnchor(site)).toThrow(expect.objectContaining({ code: 'identity.no-anchor' }));
    await take(pem(authority.root));
    expect(trustAnchor(site).pem).toBe(pem(authority.root).toString());
  });
});
