/** Installs what an authority sent back. Everything is judged before anything on disk changes. */
import type { KeyObject, X509Certificate } from 'node:crypto';
import { GatewayError } from '../../base/errors.ts';
import { fitsKey, longestValid, sortChain } from './chain.ts';
import { describeKey, subjectOf } from './describe.ts';
import { identityPaths, installPair, type KeptPair, readPair } from './identityFiles.ts';
import { type AskPassphrase, type Incoming, type IncomingFile, readIncoming } from './incoming.ts';
import { judge } from './judge.ts';
import type { Site } from './listeners.ts';

export type Imported = {
  /** False when the certificate is for the key that was there. */
  newKey: boolean;
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

const list = (certificates: readonly X509Certificate[]) =>
  certificates.map((certificate) => `"${subjectOf(certificate)}"`).join(', ');

/** The certificate that fits one of the keys; of renewed ones the last. Keys that came with it come before the installed one. */
function findPair({ certificates, keys }: Incoming, installed: KeyObject | undefined, subject: string): Pair {
  if (certificates.length === 0) {
    throw refuse('identity.no-certificate', 'there is no certificate in it', subject, 'name the certificate file, too');
  }
  const candidates = keys.length > 0 ? keys : installed ? [installed] : [];
  if (candidates.length === 0) {
    const hint = 'name its key file, too, or make a key and a request with: medusa-gateway identity init, identity csr';
    throw refuse('identity.no-key', 'there is no key for the certificate, neither with it nor here', subject, hint);
  }
  const pairs = candidates.flatMap((key) => {
    const leaf = longestValid(certificates.filter((certificate) => fitsKey(certificate, key)));
    return leaf ? [{ key, leaf }] : [];
  });
  const [pair, other] = pairs;
  if (other) {
    const message = 'there are several keys with certificates, and it is not clear which is meant';
    throw refuse('identity.several-keys', message, subject, 'import only the pair for this gateway');
  }
  if (pair) return pair;
  const whose =
    keys.length > 0 ? 'the key that came with it' : `the ${describeKey(candidates[0] as KeyObject)} key here`;
  const message = `none of the certificates (${list(certificates)}) was made for ${whose}`;
  const hint =
    keys.length > 0
      ? 'name the key that the request was made with'
      : 'it may be for an older request: make a new one with `identity csr`; or the key lies elsewhere: name its file, too';
  throw refuse('identity.wrong-key', message, subject, hint);
}

/**
 * Installs the certificate that fits the key of the site, or a certificate along with its own key.
 * Throws GatewayError `identity.unfit` for what must not be used, and those of reading and matching.
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
  const installed = presentKey(paths, incoming.keys.length > 0);
  const { key, leaf } = findPair(incoming, installed, subject);
  const { chain, unrelated } = sortChain(leaf, incoming.certificates);
  const { refusals, warnings } = judge(chain, now);
  if (refusals.length > 0) {
    const hints = [...new Set(refusals.map(({ hint }) => hint))].join('; ');
    throw refuse('identity.unfit', refusals.map(({ message }) => message).join('; '), subject, hints);
  }
  if (unrelated.length > 0) warnings.push(`left out, as not part of its chain: ${list(unrelated)}`);
  return { newKey: !installed?.equals(key), warnings, kept: installPair(paths, { key, chain }, now) };
}

/** A damaged key here is no reason to refuse a certificate that brings its own. */
function presentKey(paths: ReturnType<typeof identityPaths>, broughtOwn: boolean): KeyObject | undefined {
  try {
    return readPair(paths).key;
  } catch (error) {
    if (broughtOwn) return undefined;
    throw error;
  }
}
