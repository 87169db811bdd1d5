/**
 * Reads PKCS #12 files (.p12, .pfx; RFC 7292): one private key with its certificate and chain, under a passphrase. node-forge
 * decodes them, because OpenSSL 3 refuses the RC2 and triple DES that Windows and older tools still write. It knows RSA
 * only, so keys and certificates of other kinds are taken as DER and given to `node:crypto`.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { createRequire } from 'node:module';
import type * as Forge from 'node-forge';
import { describeError, GatewayError } from '../../base/errors.ts';
import { certificatesPem, fitsKey, sortChain } from './chain.ts';

export type KeyAndCertificate = {
  /** PEM, PKCS #8, not encrypted. */
  key: string;
  /** PEM: the certificate of that key, then its chain. */
  certificate: string;
};

/** Chains are kilobytes; a file of this size is something else. */
export const maxPkcs12Bytes = 2 ** 20;
/** The file says how often a passphrase is hashed. Firefox takes 600,000; with billions, one file would stop the program. */
const maxIterations = 5_000_000;

/** 40 ms to load, and few need it: on first use. */
const loadForge = (): typeof Forge => createRequire(import.meta.url)('node-forge');

type Refusal = { code: string; message: string; hint: string; cause?: unknown };

function refuse(subject: string, { message, ...details }: Refusal): GatewayError {
  return new GatewayError(message, { operation: 'read PKCS #12', subject, ...details });
}

/** What forge says, in words for whoever has the file. Without a MAC a wrong passphrase shows as nonsense after decryption. */
function refuseDecoding(subject: string, cause: unknown): GatewayError {
  const text = describeError(cause);
  if (/unsupported|not supported|unknown/i.test(text)) {
    const message = 'the file is encrypted or made up in a way that is not supported';
    const hint =
      'convert it: openssl pkcs12 -in FILE -out all.pem -noenc && openssl pkcs12 -export -in all.pem -out NEW.p12';
    return refuse(subject, { code: 'pkcs12.unsupported', message, hint, cause });
  }
  if (cause instanceof Undecryptable || /invalid password|wrong password|failed to decrypt/i.test(text)) {
    const hint =
      'check it with: openssl pkcs12 -info -noout -in FILE (add -legacy for an old file); ask whoever made the file';
    return refuse(subject, { code: 'pkcs12.passphrase', message: 'the passphrase does not open the file', hint });
  }
  const hint =
    'a certificate in PEM or DER is no PKCS #12 file; if it should be one, it may be damaged: fetch it again';
  return refuse(subject, { code: 'pkcs12.unreadable', message: 'this is no readable PKCS #12 file', hint, cause });
}

class Undecryptable extends Error {}

/** MacData is PFX's third element; its third, when there, is the iteration count (RFC 7292 4). */
function checkIterations(pfx: Forge.asn1.Asn1): void {
  const macData = (pfx.value as Forge.asn1.Asn1[])[2];
  const iterations = Array.isArray(macData?.value) ? macData.value[2]?.value : undefined;
  if (typeof iterations !== 'string') return;
  if (Number(`0x${Buffer.from(iterations, 'latin1').toString('hex') || '0'}`) > maxIterations)
    throw new Error(`unsupported: the passphrase is hashed more than ${maxIterations} times`);
}

type Open = (change: (pfx: Forge.asn1.Asn1) => void, password: string | undefined) => Forge.pkcs12.Bag[];

/** Decodes and decrypts. What is thrown is forge's own, or Undecryptable. */
function decode(forge: typeof Forge, bytes: Buffer, passphrase: string): Forge.pkcs12.Bag[] {
  const parse = () => forge.asn1.fromDer(bytes.toString('latin1'));
  const pfx = parse();
  checkIterations(pfx);
  const open: Open = (change, password) => {
    const fresh = parse(); // opening works in place: every attempt starts anew
    change(fresh);
    return forge.pkcs12.pkcs12FromAsn1(fresh, true, password).safeContents.flatMap(({ safeBags }) => safeBags);
  };
  try {
    return decrypt(open, passphrase);
  } catch (error) {
    const text = describeError(error);
    const hasMac = pfx.value.length > 2;
    if (hasMac || /not an PKCS#12 PFX/.test(text)) throw error;
    throw new Undecryptable(text, { cause: error });
  }
}

/** Forge hands one passphrase to the MAC and to all ciphers, which do not read it alike (RFC 7292 B.1, RFC 8018 3). */
function decrypt(open: Open, passphrase: string): Forge.pkcs12.Bag[] {
  try {
    return open(() => {}, passphrase);
  } catch (error) {
    const macIsWrong = /MAC could not/.test(describeError(error));
    // "No passphrase" is the empty string with its two zero bytes for some tools, and nothing at all for others.
    if (passphrase === '' && macIsWrong) return open(() => {}, undefined);
    if (macIsWrong || isAscii(passphrase)) throw error;
  }
  // PBES2 takes the passphrase as UTF-8 where the MAC, which was right or is not there, takes UTF-16.
  return open(withoutMac, Buffer.from(passphrase, 'utf8').toString('latin1'));
}

function withoutMac(pfx: Forge.asn1.Asn1): void {
  pfx.value = (pfx.value as Forge.asn1.Asn1[]).slice(0, 2);
}

function isAscii(text: string): boolean {
  return Buffer.byteLength(text, 'utf8') === text.length;
}

function contents(forge: typeof Forge, bags: readonly Forge.pkcs12.Bag[]) {
  const der = (asn1: Forge.asn1.Asn1) => Buffer.from(forge.asn1.toDer(asn1).getBytes(), 'latin1');
  const { keyBag, pkcs8ShroudedKeyBag, certBag } = forge.pki.oids;
  const keys = bags
    .filter(({ type }) => type === keyBag || type === pkcs8ShroudedKeyBag)
    .map(({ key, asn1 }) => (key ? forge.pki.wrapRsaPrivateKey(forge.pki.privateKeyToAsn1(key)) : asn1))
    .map((asn1) => createPrivateKey({ key: der(asn1), format: 'der', type: 'pkcs8' }));
  const certificates = bags
    .filter(({ type }) => type === certBag)
    .map(({ cert, asn1 }) => new X509Certificate(der(cert ? forge.pki.certificateToAsn1(cert) : asn1)));
  return { keys, certificates };
}

type Pair = { key: KeyObject; leaf: X509Certificate };

function onePair(keys: readonly KeyObject[], certificates: readonly X509Certificate[], subject: string): Pair {
  if (keys.length === 0) {
    const hint = 'export it again together with its private key';
    throw refuse(subject, { code: 'pkcs12.no-key', message: 'the file holds no private key', hint });
  }
  if (certificates.length === 0) {
    const hint = 'export it again together with its certificate and chain';
    throw refuse(subject, { code: 'pkcs12.no-certificate', message: 'the file holds no certificate', hint });
  }
  const pairs = keys.flatMap((key) => {
    const leaf = certificates.find((certificate) => fitsKey(certificate, key));
    return leaf ? [{ key, leaf }] : [];
  });
  const [pair] = pairs;
  if (pair === undefined) {
    const message = 'none of its certificates belongs to the private key in the file';
    const hint = 'export the key together with its own certificate';
    throw refuse(subject, { code: 'pkcs12.no-certificate', message, hint });
  }
  if (pairs.length > 1) {
    const message = `the file holds ${pairs.length} keys with certificates, and it is not clear which is meant`;
    throw refuse(subject, { code: 'pkcs12.several-keys', message, hint: 'export only the one for this gateway' });
  }
  return pair;
}

/**
 * The one key of a PKCS #12 file and its certificate with as much of the chain as is there, leaf first, whatever their
 * order in the file. `subject` names the file in errors. Throws GatewayError `pkcs12.passphrase`, `pkcs12.no-key`,
 * `pkcs12.no-certificate`, `pkcs12.several-keys`, `pkcs12.unsupported`, `pkcs12.unreadable`.
 */
export function readPkcs12(bytes: Buffer, passphrase: string, subject = 'PKCS #12 file'): KeyAndCertificate {
  if (bytes.length > maxPkcs12Bytes) {
    const message = `the file has ${bytes.length} bytes: too many for a key and its certificates`;
    const hint = 'name the .p12 or .pfx file that holds the key of this gateway';
    throw refuse(subject, { code: 'pkcs12.unreadable', message, hint });
  }
  const forge = loadForge();
  let found: ReturnType<typeof contents>;
  try {
    found = contents(forge, decode(forge, bytes, passphrase));
  } catch (cause) {
    throw refuseDecoding(subject, cause);
  }
  const { key, leaf } = onePair(found.keys, found.certificates, subject);
  const { chain } = sortChain(leaf, found.certificates);
  return { key: key.export({ type: 'pkcs8', format: 'pem' }).toString(), certificate: certificatesPem(chain) };
}
