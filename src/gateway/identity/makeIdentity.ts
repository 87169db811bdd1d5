/** Makes what is missing, requests and self-signed certificates, and takes an installed pair back. */
import { type KeyObject, X509Certificate } from 'node:crypto';
import { hostname, networkInterfaces } from 'node:os';
import { GatewayError } from '../../base/errors.ts';
import { readPrivateKey } from '../config/pem.ts';
import { type CertificateNames, generateTlsKey, makeRequest, makeSelfSigned } from './certificateMaker.ts';
import { fitsKey, isSelfSigned } from './chain.ts';
import { namesOf } from './describe.ts';
import {
  type IdentityPaths,
  identityPaths,
  installKey,
  installPair,
  type KeptPair,
  keptPairs,
  readPair,
  restoreKept,
} from './identityFiles.ts';
import type { Site } from './listeners.ts';
import {
  alternativeName,
  type DistinguishedName,
  knownSubject,
  type Machine,
  namesForAuthority,
  parseSubject,
  proposeNames,
  subjectFor,
} from './subject.ts';

/** As given on the command line: what is left out is proposed. */
export type NameOptions = { subject?: string; names?: readonly string[] };

function refuse(code: string, message: string, subject: string, hint: string): GatewayError {
  return new GatewayError(message, { code, operation: 'identity', subject, hint });
}

function thisMachine(): Machine {
  const addresses = Object.values(networkInterfaces()).flatMap((interfaces) => interfaces ?? []);
  return { hostname: hostname(), addresses: addresses.map(({ address }) => address) };
}

type Naming = NameOptions & { known?: DistinguishedName };

function chooseNames(options: Naming, proposal: () => string[]): CertificateNames {
  const names = options.names ?? proposal();
  names.forEach(alternativeName);
  const proposed = options.known ?? subjectFor(names);
  return { names, subject: options.subject === undefined ? proposed : parseSubject(options.subject) };
}

const proposal = (site: Site) =>
  proposeNames(
    thisMachine(),
    site.listeners.map(({ host }) => host),
  );

export type Made = { key: boolean; certificate: boolean };

/** Makes the TLS key and the start-up certificate where they are missing. Nothing that is there is changed. */
export async function initialise(site: Site, options: NameOptions & { days: number }, now: number): Promise<Made> {
  const paths = identityPaths(site.stateDirectory);
  const { key, chain } = readPair(paths);
  if (key && chain) return { key: false, certificate: false };
  if (chain) {
    const hint = `restore the key from its backup to ${paths.key}, or move the certificate away and run this again`;
    throw refuse('identity.no-key', 'there is a certificate, but not its key', paths.certificate, hint);
  }
  const names = chooseNames(options, () => proposal(site));
  const used = key ?? generateTlsKey();
  const pem = await makeSelfSigned(used, names, { days: options.days, now });
  if (!key) installKey(paths, used);
  installPair(paths, { key: used, chain: [new X509Certificate(pem)] }, now);
  return { key: !key, certificate: true };
}

function presentKey(paths: IdentityPaths, key: KeyObject | undefined): KeyObject {
  if (key) return key;
  throw refuse('identity.no-key', 'there is no TLS key yet', paths.key, 'make it with: medusa-gateway identity init');
}

export type Replaced = { kept: KeptPair | undefined };

/** A new self-signed certificate for the same key. Throws `identity.exists` unless `force`. */
export async function renewSelfSigned(
  site: Site,
  options: NameOptions & { days: number; force: boolean },
  now: number,
): Promise<Replaced> {
  const paths = identityPaths(site.stateDirectory);
  const pair = readPair(paths);
  const key = presentKey(paths, pair.key);
  const present = pair.chain?.[0];
  if (present && !options.force) {
    const until = present.validToDate.toISOString().slice(0, 10);
    const kind = isSelfSigned(present) ? 'a self-signed certificate' : 'the certificate of an authority';
    const hint = '--force puts a new one in its place; senders that trust the old one have to be given the new one';
    throw refuse('identity.exists', `there is ${kind}, valid until ${until}`, paths.certificate, hint);
  }
  const names = chooseNames(options, () => namesAtPresent(present) ?? proposal(site));
  const pem = await makeSelfSigned(key, names, { days: options.days, now });
  return { kept: installPair(paths, { key, chain: [new X509Certificate(pem)] }, now) };
}

function namesAtPresent(certificate: X509Certificate | undefined): string[] | undefined {
  const names = certificate ? namesOf(certificate) : [];
  return names.length > 0 ? names : undefined;
}

/** What an authority has signed it will sign again. With other names its subject may no longer be right. */
function signedBefore(certificate: X509Certificate, options: NameOptions): Naming {
  const known = knownSubject({ ...certificate.toLegacyObject().subject });
  return known && !options.names ? { ...options, known } : options;
}

export type SigningRequest = { request: string; names: readonly string[]; keyFile: string };

/** A request (PKCS #10, PEM) for the key of the site, or for the one in `keyFile`. */
export async function signingRequest(site: Site, options: NameOptions & { keyFile?: string }): Promise<SigningRequest> {
  const paths = identityPaths(site.stateDirectory);
  const { key: installed, chain } = options.keyFile === undefined ? readPair(paths) : {};
  const key = options.keyFile === undefined ? presentKey(paths, installed) : keyIn(options.keyFile);
  const present = chain?.[0];
  const names =
    present && !isSelfSigned(present)
      ? chooseNames(signedBefore(present, options), () => namesOf(present))
      : chooseNames(options, () => namesForAuthority(namesAtPresent(present) ?? proposal(site)));
  return {
    request: await makeRequest(key, names),
    names: names.names,
    keyFile: options.keyFile ?? paths.key,
  };
}

function keyIn(file: string): KeyObject {
  const result = readPrivateKey(file);
  if (result.ok) return result.value;
  throw refuse('identity.file', result.fault.message, file, result.fault.hint ?? 'name a PEM file with a private key');
}

/** The pair before the present one comes back, and the present one is kept. */
export function rollBack(site: Site, now: number): Replaced & { restored: KeptPair } {
  const paths = identityPaths(site.stateDirectory);
  const [newest] = keptPairs(paths);
  if (!newest) {
    throw refuse('identity.nothing-kept', 'there is no earlier certificate', paths.directory, 'nothing was changed');
  }
  const { key, chain } = readPair(newest);
  if (!key || !chain?.[0] || !fitsKey(chain[0], key)) {
    const hint = `remove ${newest.certificate} and its .key if they are of no use`;
    throw refuse('identity.file', 'the earlier key and certificate do not fit together', newest.certificate, hint);
  }
  return { restored: newest, kept: restoreKept(paths, newest, now) };
}
