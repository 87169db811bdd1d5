/** What is installed, and what senders have to trust. Reads only. */
import type { X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { describeError, GatewayError } from '../../base/errors.ts';
import { loadSigningKey, publicKeyPem } from '../../delivery/signingKey.ts';
import { statePaths } from '../statePaths.ts';
import { certificatesPem, fitsKey, isSelfSigned } from './chain.ts';
import { type CertificateDescription, describe, describeKey, subjectOf } from './describe.ts';
import { identityPaths, keptPairs, readPair } from './identityFiles.ts';
import { judge } from './judge.ts';
import { inspectListeners, type ListenerReport, type Site } from './listeners.ts';

export type IdentityReport = {
  keyFile: string;
  certificateFile: string;
  key?: string;
  certificate?: CertificateDescription;
  /** Who signed it, from the next one upwards. */
  chain: CertificateDescription[];
  problems: Array<{ message: string; hint?: string }>;
  warnings: string[];
  listeners: ListenerReport[];
  /** The key that signs receipts; the gateway makes it when it first starts. */
  receiptKey?: { keyId: string; publicKey: string };
  /** Certificates of earlier pairs, newest first. */
  kept: string[];
};

function receiptKey(stateDirectory: string): IdentityReport['receiptKey'] {
  const file = statePaths(stateDirectory).signingKey;
  if (!existsSync(file)) return undefined;
  const { keyId, publicKey } = loadSigningKey(file);
  return { keyId, publicKey: publicKeyPem(publicKey) };
}

function problemOf(error: unknown): { message: string; hint?: string } {
  const hint = error instanceof GatewayError ? error.hint : undefined;
  return { message: describeError(error), ...(hint === undefined ? {} : { hint }) };
}

/** `now`: milliseconds since 1970. Throws nothing: what cannot be read is a problem in the report. */
export function showIdentity(site: Site, now: number): IdentityReport {
  const paths = identityPaths(site.stateDirectory);
  const report: IdentityReport = {
    keyFile: paths.key,
    certificateFile: paths.certificate,
    chain: [],
    problems: [],
    warnings: [],
    listeners: inspectListeners(site, paths, now),
    kept: keptPairs(paths).map(({ certificate }) => certificate),
  };
  try {
    const { key, chain = [] } = readPair(paths);
    const [leaf, ...issuers] = chain;
    const { refusals, warnings } = judge(chain, now);
    report.problems.push(...refusals);
    report.warnings.push(...warnings);
    if (key) report.key = describeKey(key);
    if (leaf) report.certificate = describe(leaf, now);
    report.chain = issuers.map((issuer) => describe(issuer, now));
    if (key && leaf && !fitsKey(leaf, key)) {
      const hint = 'import the pair again, or take the earlier one back: medusa-gateway identity rollback';
      report.problems.push({ message: 'the key and the certificate do not fit together', hint });
    }
  } catch (error) {
    report.problems.push(problemOf(error));
  }
  try {
    const found = receiptKey(site.stateDirectory);
    if (found) report.receiptKey = found;
  } catch (error) {
    report.problems.push(problemOf(error));
  }
  return report;
}

/** The certificate that senders have to trust, as PEM: the root of the chain, or a self-signed one itself. */
export function trustAnchor(site: Site): { pem: string; subject: string } {
  const paths = identityPaths(site.stateDirectory);
  const last: X509Certificate | undefined = readPair(paths).chain?.at(-1);
  const refuse = (message: string, hint: string) =>
    new GatewayError(message, { code: 'identity.no-anchor', operation: 'show', subject: paths.certificate, hint });
  if (!last) throw refuse('there is no certificate yet', 'make one with: medusa-gateway identity init');
  if (isSelfSigned(last)) return { pem: certificatesPem([last]), subject: subjectOf(last) };
  const hint =
    'senders trust the root of the authority that signed it: ask the authority for it, or import it along with the certificate';
  throw refuse(`the root of its chain is not here: "${describe(last, 0).issuer}"`, hint);
}
