/** Makes keys, requests to an authority (PKCS #10) and self-signed certificates (RFC 5280). */
import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, webcrypto } from 'node:crypto';
import './reflectMetadata.ts';
import * as x509 from '@peculiar/x509';
import { GatewayError } from '../../base/errors.ts';
import { type AlternativeName, alternativeName, type DistinguishedName } from './subject.ts';

export type CertificateNames = { subject: DistinguishedName; names: readonly string[] };

const dayMs = 86_400_000;
/** Clocks in hospitals differ: a certificate of this minute would not be valid yet for some senders. */
const earlierMs = 3_600_000;

type SigningAlgorithm = { name: string; namedCurve?: string; hash: string };

/** By the names that OpenSSL gives to curves; the hash as strong as the curve (RFC 9325 4.2). */
const curves: Record<string, SigningAlgorithm> = {
  prime256v1: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  secp384r1: { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' },
  secp521r1: { name: 'ECDSA', namedCurve: 'P-521', hash: 'SHA-512' },
};

/** EC P-256 (RFC 9325 4.2: 256 bits or more), which every TLS library of the last ten years knows. */
export function generateTlsKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey;
}

function algorithmOf(key: KeyObject): SigningAlgorithm {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  const algorithm = type === 'ec' ? curves[details?.namedCurve ?? ''] : undefined;
  if (algorithm) return algorithm;
  if (type === 'rsa') return { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  throw new GatewayError(`a key of kind ${type ?? 'unknown'} ${details?.namedCurve ?? ''}`.trim(), {
    code: 'identity.key-kind',
    operation: 'sign a certificate',
    hint: 'use an EC key on P-256, P-384 or P-521, or an RSA key',
  });
}

async function webKeys(key: KeyObject): Promise<webcrypto.CryptoKeyPair> {
  const algorithm = algorithmOf(key);
  const der = (one: KeyObject, type: 'pkcs8' | 'spki') => one.export({ type: type as 'pkcs8', format: 'der' });
  const { subtle } = webcrypto;
  return {
    privateKey: await subtle.importKey('pkcs8', der(key, 'pkcs8'), algorithm, true, ['sign']),
    publicKey: await subtle.importKey('spki', der(createPublicKey(key), 'spki'), algorithm, true, ['verify']),
  };
}

const toName = (subject: DistinguishedName) => new x509.Name(subject.map(({ type, value }) => ({ [type]: [value] })));

function extensions(names: readonly string[]): x509.Extension[] {
  const alternatives: AlternativeName[] = names.map(alternativeName);
  return [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    // clientAuth as well: the gateway calls senders back for storage commitment.
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
    ...(alternatives.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(alternatives)]),
  ];
}

/** PEM. Throws GatewayError `identity.key-kind`, `identity.name`. */
export async function makeSelfSigned(
  key: KeyObject,
  { subject, names }: CertificateNames,
  validity: { days: number; now: number },
): Promise<string> {
  const keys = await webKeys(key);
  const serialNumber = randomBytes(16);
  serialNumber.writeUInt8((serialNumber.readUInt8(0) & 0x3f) | 0x40, 0); // positive, RFC 5280 4.1.2.2
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber.toString('hex'),
    name: toName(subject).toJSON(),
    notBefore: new Date(validity.now - earlierMs),
    notAfter: new Date(validity.now + validity.days * dayMs),
    signingAlgorithm: algorithmOf(key) as webcrypto.EcdsaParams,
    keys,
    extensions: [...extensions(names), await x509.SubjectKeyIdentifierExtension.create(keys.publicKey)],
  });
  return `${certificate.toString('pem')}\n`;
}

/** PEM, to be sent to an authority. Throws GatewayError `identity.key-kind`, `identity.name`. */
export async function makeRequest(key: KeyObject, { subject, names }: CertificateNames): Promise<string> {
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: toName(subject).toJSON(),
    keys: await webKeys(key),
    signingAlgorithm: algorithmOf(key) as webcrypto.EcdsaParams,
    extensions: extensions(names),
  });
  return `${request.toString('pem')}\n`;
}
