/** Certificates and keys in PEM files: what they hold, and what is wrong with them. Reads files, changes nothing. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { describeError, systemCode } from '../../base/errors.ts';

/** A refusal in words that fit behind the name of the key. */
export type FileFault = { message: string; hint?: string };
export type FileResult<T> = { ok: true; value: T } | { ok: false; fault: FileFault };

const fail = <T>(message: string, hint?: string): FileResult<T> => ({
  ok: false,
  fault: { message, ...(hint === undefined ? {} : { hint }) },
});

/** Certificates, keys and secrets are never megabytes; revocation lists of large authorities may be. */
const maxFileBytes = 16 * 2 ** 20;

export function readFileBytes(path: string): FileResult<Buffer> {
  try {
    const { size } = statSync(path);
    if (size > maxFileBytes) return fail(`"${path}" is ${size} bytes: too large for what it should hold`);
    return { ok: true, value: readFileSync(path) };
  } catch (error) {
    switch (systemCode(error)) {
      case 'ENOENT':
        return fail(`file "${path}" does not exist`, 'mend the path or put the file there');
      case 'EACCES':
        return fail(`file "${path}" may not be read by this user`, 'give the user of the gateway read access');
      case 'EISDIR':
        return fail(`"${path}" is a folder`, 'name the file in it');
      default:
        return fail(`file "${path}" cannot be read: ${describeError(error)}`);
    }
  }
}

export function readSmallFile(path: string): FileResult<string> {
  const bytes = readFileBytes(path);
  return bytes.ok ? { ok: true, value: bytes.value.toString('utf8') } : bytes;
}

/** All certificates of a PEM file, in order; at least one. */
export function readCertificates(path: string): FileResult<X509Certificate[]> {
  const text = readSmallFile(path);
  if (!text.ok) return text;
  const blocks =
    text.value.match(/-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[\s\S]*?-----END [A-Z0-9 ]*CERTIFICATE-----/g) ??
    [];
  if (blocks.length === 0)
    return fail(`"${path}" holds no PEM certificate`, 'it should begin with -----BEGIN CERTIFICATE-----');
  try {
    return { ok: true, value: blocks.map((block) => new X509Certificate(block)) };
  } catch {
    return fail(
      `"${path}" holds a certificate that cannot be parsed`,
      'look at it with: openssl x509 -noout -text -in FILE',
    );
  }
}

/** `passphrase`: for a key that is encrypted. */
export function readPrivateKey(path: string, passphrase?: string): FileResult<KeyObject> {
  const text = readSmallFile(path);
  if (!text.ok) return text;
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text.value)) {
    return fail(`"${path}" holds no PEM private key`, 'it should begin with -----BEGIN PRIVATE KEY-----');
  }
  const encrypted = /-----BEGIN ENCRYPTED|Proc-Type: 4,ENCRYPTED/.test(text.value);
  if (encrypted && passphrase === undefined) {
    return fail(`the key in "${path}" is encrypted`, 'decrypt it with: openssl pkey -in FILE -out NEW');
  }
  try {
    return { ok: true, value: createPrivateKey({ key: text.value, ...(encrypted ? { passphrase } : {}) }) };
  } catch {
    if (encrypted)
      return fail(`the key in "${path}" cannot be decrypted`, 'is the passphrase the one that it was made with?');
    return fail(`the key in "${path}" cannot be parsed`, 'look at it with: openssl pkey -noout -text -in FILE');
  }
}

/** The index of the first certificate that the next one in the file did not sign, or undefined when the chain holds. */
export function brokenLink(chain: readonly X509Certificate[]): number | undefined {
  for (const [index, certificate] of chain.entries()) {
    const issuer = chain[index + 1];
    if (issuer && !(certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey))) return index;
  }
  return undefined;
}
