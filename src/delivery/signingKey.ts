/** The site's Ed25519 key, with which receipts and manifests are signed, and its public half, which proves them. */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomUUID,
  sign,
  verify,
} from 'node:crypto';
import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  unlinkSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { syncDirectory, writeAllSync } from '../base/durableFile.ts';
import { GatewayError } from '../base/errors.ts';
import { type CanonicalValue, canonicalJson } from './canonicalJson.ts';

export type SigningKey = { privateKey: KeyObject; publicKey: KeyObject; keyId: string };

/** First 16 hexadecimal digits of the SHA-256 of the key's SubjectPublicKeyInfo. */
export function keyIdOf(publicKey: KeyObject): string {
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(spki).digest('hex').slice(0, 16);
}

export function generateSigningKey(): SigningKey {
  return signingKeyOf(generateKeyPairSync('ed25519').privateKey);
}

/**
 * Reads the PKCS#8 PEM file at `path`, or makes it (mode 0600, durable, never over an existing one: a key that was
 * replaced could not prove the receipts it signed). Throws `key.unusable` and `key.permissions`.
 */
export function loadOrCreateSigningKey(path: string): SigningKey {
  if (!existsSync(path)) createKeyFile(path);
  return loadSigningKey(path);
}

/** Throws `key.unusable` when the file cannot be read or holds no Ed25519 key, `key.permissions` when others could read it. */
export function loadSigningKey(path: string): SigningKey {
  const pem = readKeyFile(path);
  try {
    return signingKeyOf(createPrivateKey(pem));
  } catch (cause) {
    throw unusableKey(path, 'restore the site key from its backup; a new key starts a new chain of receipts', cause);
  }
}

/** A public key in PEM, for proving receipts on another machine. Throws `key.unusable`. */
export function loadPublicKey(pem: string | Uint8Array, subject = 'public key'): KeyObject {
  try {
    const key = createPublicKey(Buffer.from(pem));
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch (cause) {
    throw unusableKey(subject, 'give a PEM file with an Ed25519 public key', cause);
  }
  throw unusableKey(subject, 'give a PEM file with an Ed25519 public key', undefined);
}

export function publicKeyPem(publicKey: KeyObject): string {
  return publicKey.export({ type: 'spki', format: 'pem' }).toString();
}

/** Signature (Ed25519, base64url) over the canonical form of `value`. */
export function signCanonical(value: CanonicalValue, privateKey: KeyObject): string {
  return sign(null, Buffer.from(canonicalJson(value)), privateKey).toString('base64url');
}

export function verifyCanonical(value: CanonicalValue, signature: string, publicKey: KeyObject): boolean {
  // 64 bytes in the one spelling that `signCanonical` uses: Node's decoder would pass over anything strange.
  if (!/^[A-Za-z0-9_-]{86}$/.test(signature)) return false;
  return verify(null, Buffer.from(canonicalJson(value)), publicKey, Buffer.from(signature, 'base64url'));
}

function signingKeyOf(privateKey: KeyObject): SigningKey {
  if (privateKey.asymmetricKeyType !== 'ed25519')
    throw new Error(`key type ${privateKey.asymmetricKeyType}, not ed25519`);
  const publicKey = createPublicKey(privateKey);
  return { privateKey, publicKey, keyId: keyIdOf(publicKey) };
}

function readKeyFile(path: string): string {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (cause) {
    throw unusableKey(path, 'check that the file exists and that this user may read it', cause);
  }
  try {
    // A group may read: credentials are handed to services that way. Nobody else may, and nobody else may write.
    if ((fstatSync(fd).mode & 0o027) === 0) return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
  throw new GatewayError('the private key can be read or changed by others', {
    code: 'key.permissions',
    operation: 'read signing key',
    subject: path,
    hint: 'chmod 600 the file, and consider who could have read it',
  });
}

/** Complete under its own name or not there at all; when another process was faster, its key stays. */
function createKeyFile(path: string): void {
  const folder = dirname(path);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const temporary = `${path}.${randomUUID()}`;
  const fd = openSync(temporary, 'wx', 0o600);
  try {
    const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' });
    writeAllSync(fd, Buffer.from(pem));
    fsyncSync(fd);
    linkUnlessThere(temporary, path);
  } finally {
    closeSync(fd);
    unlinkSync(temporary);
  }
  syncDirectory(folder);
}

function linkUnlessThere(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

function unusableKey(subject: string, hint: string, cause: unknown): GatewayError {
  return new GatewayError('no usable Ed25519 key', {
    code: 'key.unusable',
    operation: 'read key',
    subject,
    hint,
    cause,
  });
}
