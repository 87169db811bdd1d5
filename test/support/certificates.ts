/** A small public key infrastructure for tests and measurements: EC P-256, PEM files, valid from an hour ago for ten days. */
import { createHash, webcrypto, X509Certificate } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import './reflectMetadata.ts';
import * as x509 from '@peculiar/x509';

export type CertificateFiles = {
  /** PEM: the certificate. */
  certificateFile: string;
  /** PEM: its private key (PKCS #8), not encrypted. */
  keyFile: string;
  /** PEM: the authority that signed it. */
  caFile: string;
  /** SHA-256 of the certificate, lower-case hexadecimal. */
  fingerprint: string;
};

export type LeafOptions = {
  commonName: string;
  /** Default 127.0.0.1 and localhost. */
  alternativeNames?: x509.JsonGeneralNames;
  notBefore?: Date;
  notAfter?: Date;
};

export type TestAuthority = {
  caFile: string;
  /** Issues a certificate that servers and clients can show; `name` becomes the files' name. */
  issue(name: string, options?: Partial<LeafOptions>): Promise<CertificateFiles>;
};

export type TestPki = {
  /** Everybody's trust anchor. */
  caFile: string;
  server: CertificateFiles;
  client: CertificateFiles;
  /** A second client of the same authority, for what is bound to one certificate. */
  otherClient: CertificateFiles;
  expiredClient: CertificateFiles;
  /** Signed by an authority that nobody here trusts. */
  foreignClient: CertificateFiles;
  foreignServer: CertificateFiles;
  authority: TestAuthority;
  foreignAuthority: TestAuthority;
};

const keyAlgorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const hour = 3_600_000;
const validFrom = () => new Date(Date.now() - hour);
const validTo = () => new Date(Date.now() + 240 * hour);
const serialNumber = () => Buffer.from(webcrypto.getRandomValues(new Uint8Array(8))).toString('hex');
const loopback: x509.JsonGeneralNames = [
  { type: 'dns', value: 'localhost' },
  { type: 'ip', value: '127.0.0.1' },
];

const makeKeys = () => webcrypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify']);

async function keyPem(key: webcrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}

async function createAuthority(directory: string, name: string): Promise<TestAuthority> {
  const keys = await makeKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: `CN=${name}`,
    notBefore: validFrom(),
    notAfter: validTo(),
    signingAlgorithm: keyAlgorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 1, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const caFile = join(directory, `${name}.pem`);
  writeFileSync(caFile, `${certificate.toString('pem')}\n`);

  const issue = async (leafName: string, options: Partial<LeafOptions> = {}): Promise<CertificateFiles> => {
    const leafKeys = await makeKeys();
    const leaf = await x509.X509CertificateGenerator.create({
      serialNumber: serialNumber(),
      subject: `CN=${options.commonName ?? leafName}`,
      issuer: certificate.subject,
      notBefore: options.notBefore ?? validFrom(),
      notAfter: options.notAfter ?? validTo(),
      signingAlgorithm: keyAlgorithm,
      publicKey: leafKeys.publicKey,
      signingKey: keys.privateKey,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
        new x509.SubjectAlternativeNameExtension(options.alternativeNames ?? loopback),
        await x509.AuthorityKeyIdentifierExtension.create(certificate),
        await x509.SubjectKeyIdentifierExtension.create(leafKeys.publicKey),
      ],
    });
    const certificateFile = join(directory, `${leafName}.pem`);
    const keyFile = join(directory, `${leafName}.key`);
    const pem = `${leaf.toString('pem')}\n`;
    writeFileSync(certificateFile, pem);
    writeFileSync(keyFile, `${await keyPem(leafKeys.privateKey)}\n`, { mode: 0o600 });
    const fingerprint = createHash('sha256').update(new X509Certificate(pem).raw).digest('hex');
    return { certificateFile, keyFile, caFile, fingerprint };
  };
  return { caFile, issue };
}

/** Makes new authorities and certificates and writes them into `directory`, which is made. */
export async function createTestPki(directory: string): Promise<TestPki> {
  mkdirSync(directory, { recursive: true });
  const authority = await createAuthority(directory, 'ca');
  const foreignAuthority = await createAuthority(directory, 'foreign-ca');
  return {
    caFile: authority.caFile,
    server: await authority.issue('server'),
    client: await authority.issue('client'),
    otherClient: await authority.issue('other-client'),
    expiredClient: await authority.issue('expired-client', {
      notBefore: new Date(Date.now() - 48 * hour),
      notAfter: new Date(Date.now() - hour),
    }),
    foreignClient: await foreignAuthority.issue('foreign-client'),
    foreignServer: await foreignAuthority.issue('foreign-server'),
    authority,
    foreignAuthority,
  };
}
