/** Installs what an authority sent back. Everything is judged before anything on disk changes. */
import type { KeyObject, X509Certificate } from 'node:crypto';
import { GatewayError } from '../../base/errors.ts';
import { certificatesPem, fitsKey, longestValid, sortChain } from './chain.ts';
import { describeKey, subjectOf } from './describe.ts';
import { type IdentityPaths, identityPaths, installPair, type KeptPair, readPair } from './identityFiles.ts';
import { type AskPassphrase, type Incoming, type IncomingFile, readIncoming } from './incoming.ts';
import { judge } from './judge.ts';
import type { Site } from './listeners.ts';

export type Imported = {
  /** False when the certificate is for the key that was there. */
  newKey: boolean;
  /** It is just what was installed already. */
  unchanged: boolean;
  warnings: string[];
  /** Where the pair that was there is kept. */
  kept: KeptPair | undefined;
};

function refuse(code: string, message: string, subject: string, hint: string): GatewayError {
  return new GatewayError(message, { code, operation: 'import certificate', subject, hint });
}

async function readAll(files: readonly IncomingFile[], ask: AskPassphrase): Promise<Incoming> {
  const all: Incoming = { certificates: [], keys: [] };
  for (const file of files) {
    const { certificates, keys } = await readIncoming(file, ask);
    all.certificates.push(...certificates);
    all.keys.push(...keys);
  }
  return all;
}

type Pair = { key: KeyObject; leaf: X509Certificate };
type Installed = { key?: KeyObject; chain?: readonly X509Certificate[] };

const list = (certificates: readonly X509Certificate[]) =>
  certificates.map((certificate) => `"${subjectOf(certificate)}"`).join(', ');

const contains = (chain: readonly X509Certificate[], certificate: X509Certificate) =>
  chain.some(({ fingerprint256 }) => fingerprint256 === certificate.fingerprint256);

/** The certificate that fits one of the keys; of renewed ones the last. The installed key counts when none came along. */
function findPair({ certificates, keys }: Incoming, installed: Installed, subject: string): Pair {
  if (certificates.length === 0) {
    throw refuse('identity.no-certificate', 'there is no certificate in it', subject, 'name the certificate file, too');
  }
  const candidates = keys.length > 0 ? keys : installed.key ? [installed.key] : [];
  const pairs = candidates.flatMap((key) => {
    const leaf = longestValid(certificates.filter((certificate) => fitsKey(certificate, key)));
    return leaf ? [{ key, leaf }] : [];
  });
  const [pair, ...others] = pairs;
  if (pair && others.some(({ key }) => !key.equals(pair.key))) {
    const message = 'there are several keys with certificates, and it is not clear which is meant';
    throw refuse('identity.several-keys', message, subject, 'import only the pair for this gateway');
  }
  const found = pair ?? (keys.length === 0 ? completedPair(certificates, installed) : undefined);
  if (found) return found;
  throw noPair(certificates, candidates[0], keys.length > 0, subject);
}

/** The installed certificate, when what came is only more of its chain. */
function completedPair(certificates: readonly X509Certificate[], { key, chain = [] }: Installed): Pair | undefined {
  const [leaf] = chain;
  if (!key || !leaf || !fitsKey(leaf, key)) return undefined;
  const completed = sortChain(leaf, [...chain, ...certificates]).chain;
  return certificates.some((certificate) => contains(completed, certificate)) ? { key, leaf } : undefined;
}

function noPair(
  certificates: readonly X509Certificate[],
  key: KeyObject | undefined,
  broughtOwnKey: boolean,
  subject: string,
): GatewayError {
  if (key === undefined) {
    const hint = 'name its key file, too, or make a key and a request with: medusa-gateway identity init, identity csr';
    return refuse('identity.no-key', 'there is no key for the certificate, neither with it nor here', subject, hint);
  }
  const whose = broughtOwnKey ? 'the key that came with it' : `the ${describeKey(key)} key here`;
  const message = `none of the certificates (${list(certificates)}) was made for ${whose}`;
  const hint = broughtOwnKey
    ? 'name the key that the request was made with'
    : 'it may be for an older request: make a new one with `identity csr`; or the key lies elsewhere: name its file, too';
  return refuse('identity.wrong-key', message, subject, hint);
}

/**
 * Installs the certificate that fits the key of the site, or a certificate along with its own key. What is missing of the
 * chain is taken from the installed one, as after a renewal. Throws GatewayError `identity.unfit` for what must not be used,
 * and those of reading and matching.
 */
export async function importCertificate(
  site: Site,
  files: readonly IncomingFile[],
  ask: AskPassphrase,
  now: number,
): Promise<Imported> {
  const paths = identityPaths(site.stateDirectory);
  const subject = files.map(({ name }) => name).join(', ');
  const incoming = await readAll(files, ask);
  const installed = presentPair(paths, incoming.keys.length > 0);
  const { key, leaf } = findPair(incoming, installed, subject);
  const { chain } = sortChain(leaf, [...incoming.certificates, ...(installed.chain ?? [])]);
  const { refusals, warnings } = judge(chain, now);
  if (refusals.length > 0) {
    const hints = [...new Set(refusals.map(({ hint }) => hint))].join('; ');
    throw refuse('identity.unfit', refusals.map(({ message }) => message).join('; '), subject, hints);
  }
  const unrelated = incoming.certificates.filter((certificate) => !contains(chain, certificate));
  if (unrelated.length > 0) warnings.push(`left out, as not part of its chain: ${list(unrelated)}`);
  const newKey = !installed.key?.equals(key);
  const unchanged = !newKey && certificatesPem(installed.chain ?? []) === certificatesPem(chain);
  return { newKey, unchanged, warnings, kept: unchanged ? undefined : installPair(paths, { key, chain }, now) };
}

/** What is damaged here is no reason to refuse a certificate that brings its own key. */
function presentPair(paths: IdentityPaths, broughtOwnKey: boolean): Installed {
  try {
    return readPair(paths);
  } catch (error) {
    if (broughtOwnKey) return {};
    throw error;
  }
}
