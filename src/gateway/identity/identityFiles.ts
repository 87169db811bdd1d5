/**
 * The key and certificate of the site on disk. Invariant: whatever is refused or fails, the pair that was there stays; a
 * pair is replaced by two renames, one right after the other, of files that are durable already.
 */
import { createPrivateKey, type KeyObject, type X509Certificate } from 'node:crypto';
import {
  chownSync,
  closeSync,
  existsSync,
  fchownSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { syncDirectory, writeAllSync } from '../../base/durableFile.ts';
import { GatewayError } from '../../base/errors.ts';
import { type FileResult, readCertificates, readPrivateKey } from '../config/pem.ts';
import { certificatesPem } from './chain.ts';

export type IdentityPaths = { directory: string; key: string; certificate: string };
export type NewPair = { key: KeyObject; chain: readonly X509Certificate[] };
/** An earlier pair, kept when another one took its place. */
export type KeptPair = IdentityPaths & { at: string };

export function identityPaths(stateDirectory: string): IdentityPaths {
  const directory = join(stateDirectory, 'identity');
  return { directory, key: join(directory, 'tls.key'), certificate: join(directory, 'tls.crt') };
}

function take<T>(result: FileResult<T>, subject: string): T {
  if (result.ok) return result.value;
  const { message, hint } = result.fault;
  throw new GatewayError(message, {
    code: 'identity.file',
    operation: 'read identity',
    subject,
    ...(hint === undefined ? {} : { hint }),
  });
}

/** What is there. Throws GatewayError `identity.file` for a file that is there and cannot be used. */
export function readPair(paths: IdentityPaths): { key?: KeyObject; chain?: X509Certificate[] } {
  const key = existsSync(paths.key) ? take(readPrivateKey(paths.key), paths.key) : undefined;
  const chain = existsSync(paths.certificate)
    ? take(readCertificates(paths.certificate), paths.certificate)
    : undefined;
  return { ...(key ? { key } : {}), ...(chain ? { chain } : {}) };
}

type Owner = { uid: number; gid: number } | undefined;

/** Run by root, the files belong to the user of the gateway: the one who owns its state directory. */
function ownerOf(stateDirectory: string): Owner {
  if (process.getuid?.() !== 0 || !existsSync(stateDirectory)) return undefined;
  const { uid, gid } = statSync(stateDirectory);
  return { uid, gid };
}

function makeDirectory(paths: IdentityPaths): Owner {
  const owner = ownerOf(dirname(paths.directory));
  if (existsSync(paths.directory)) return owner;
  mkdirSync(paths.directory, { recursive: true, mode: 0o700 });
  if (owner) chownSync(paths.directory, owner.uid, owner.gid);
  return owner;
}

/** Writes `path`.new, complete and durable. */
function stage(path: string, text: string, mode: number, owner: Owner): string {
  const staged = `${path}.new`;
  rmSync(staged, { force: true });
  const fd = openSync(staged, 'wx', mode);
  try {
    if (owner) fchownSync(fd, owner.uid, owner.gid);
    writeAllSync(fd, Buffer.from(text));
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  return staged;
}

const keptName = /^tls-(\d{8}T\d{6}\.\d{3}Z)\.crt$/;
const keptPaths = (paths: IdentityPaths, at: string): KeptPair => ({
  at,
  directory: paths.directory,
  key: join(paths.directory, `tls-${at}.key`),
  certificate: join(paths.directory, `tls-${at}.crt`),
});

/** Clocks are set back, and a process may have ended in the middle of this: an earlier pair is never written over. */
function freeName(paths: IdentityPaths, now: number): KeptPair {
  for (let at = now; ; at++) {
    const kept = keptPaths(paths, new Date(at).toISOString().replace(/[-:]/g, ''));
    if (!existsSync(kept.key) && !existsSync(kept.certificate)) return kept;
  }
}

/** Second names for the files of the present pair: they stay when the first names get other files. */
function keep(paths: IdentityPaths, now: number): KeptPair | undefined {
  if (!existsSync(paths.key) || !existsSync(paths.certificate)) return undefined;
  const kept = freeName(paths, now);
  linkSync(paths.key, kept.key);
  linkSync(paths.certificate, kept.certificate);
  return kept;
}

/** Newest first. */
export function keptPairs(paths: IdentityPaths): KeptPair[] {
  if (!existsSync(paths.directory)) return [];
  const times = readdirSync(paths.directory).map((name) => keptName.exec(name)?.[1]);
  const pairs = times.filter((at) => at !== undefined).map((at) => keptPaths(paths, at));
  return pairs.filter(({ key }) => existsSync(key)).sort((a, b) => (a.at < b.at ? 1 : -1));
}

/** Puts the pair in place of what is there, which is kept and returned. */
export function installPair(paths: IdentityPaths, { key, chain }: NewPair, now: number): KeptPair | undefined {
  const owner = makeDirectory(paths);
  const staged: Array<[from: string, to: string]> = [];
  try {
    const keyPem = key.export({ type: 'pkcs8', format: 'pem' }).toString();
    const sameKey = existsSync(paths.key) && samePrivateKey(paths.key, key);
    if (!sameKey) staged.push([stage(paths.key, keyPem, 0o600, owner), paths.key]);
    staged.push([stage(paths.certificate, certificatesPem(chain), 0o644, owner), paths.certificate]);
    const kept = keep(paths, now);
    syncDirectory(paths.directory); // a power cut must not find the new names without the kept ones
    for (const [from, to] of staged) renameSync(from, to);
    syncDirectory(paths.directory);
    return kept;
  } catch (error) {
    for (const [from] of staged) rmSync(from, { force: true });
    throw error;
  }
}

function samePrivateKey(path: string, key: KeyObject): boolean {
  try {
    return createPrivateKey(readFileSync(path)).equals(key);
  } catch {
    return false;
  }
}

/** A first key, without a certificate yet. */
export function installKey(paths: IdentityPaths, key: KeyObject): void {
  const owner = makeDirectory(paths);
  const staged = stage(paths.key, key.export({ type: 'pkcs8', format: 'pem' }).toString(), 0o600, owner);
  renameSync(staged, paths.key);
  syncDirectory(paths.directory);
}

/** The newest kept pair comes back; the present one is kept in its stead, so that doing it twice changes nothing. */
export function restoreKept(paths: IdentityPaths, kept: KeptPair, now: number): KeptPair | undefined {
  const { key, chain } = readPair(kept);
  if (!key || !chain) return undefined;
  const replaced = installPair(paths, { key, chain }, now);
  rmSync(kept.key);
  rmSync(kept.certificate);
  return replaced;
}
