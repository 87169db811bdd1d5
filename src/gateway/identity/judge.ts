/** Whether a certificate is fit for a DICOM TLS listener: dates, purpose, strength (RFC 5280, RFC 9325 section 4). */
import type { X509Certificate } from 'node:crypto';
import './reflectMetadata.ts';
import * as x509 from '@peculiar/x509';
import { isIssuedBy, isSelfSigned } from './chain.ts';
import { describeKey, issuerOf, subjectOf } from './describe.ts';

export type Judgement = {
  /** Why it must not be installed, with what to ask the authority for. */
  refusals: Fault[];
  /** What will trouble some senders. */
  warnings: string[];
};
export type Fault = { message: string; hint: string };

const serverAuth = '1.3.6.1.5.5.7.3.1';
const clientAuth = '1.3.6.1.5.5.7.3.2';
const anyPurpose = '2.5.29.37.0';
const minRsaBits = 2048;
const dayMs = 86_400_000;
/** Renewal by hand in a hospital takes weeks. */
const soonDays = 30;
const usualCurves = new Set(['prime256v1', 'secp384r1', 'secp521r1']);

const date = (when: Date) => when.toISOString().slice(0, 10);
/** The clocks of an authority and of this machine differ by minutes: the day alone would be a riddle. */
const time = (when: Date) => `${when.toISOString().slice(0, 19).replace('T', ' ')} UTC`;

function dateFaults(certificate: X509Certificate, who: string, now: number): Fault[] {
  const { validFromDate, validToDate } = certificate;
  if (now < validFromDate.getTime()) {
    const hint = `check the clock of this machine (it says ${time(new Date(now))}), or wait until then`;
    return [{ message: `${who} is not valid before ${time(validFromDate)}`, hint }];
  }
  if (now <= validToDate.getTime()) return [];
  return [{ message: `${who} expired on ${date(validToDate)}`, hint: 'ask the authority for a new one' }];
}

function keyFaults({ publicKey }: X509Certificate, who: string): Fault[] {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = publicKey;
  const hint = 'make an EC key with `identity init`, or an RSA key of 2048 bits or more, and have that signed';
  const weak = (message: string): Fault[] => [{ message: `${who} has ${message}`, hint }];
  if (type === 'rsa' || type === 'rsa-pss') {
    return (details?.modulusLength ?? 0) >= minRsaBits
      ? []
      : weak(`an RSA key of ${details?.modulusLength} bits, less than the ${minRsaBits} of RFC 9325`);
  }
  if (type === 'ec') {
    return usualCurves.has(details?.namedCurve ?? '')
      ? []
      : weak(`a key on the curve ${details?.namedCurve}, which TLS peers do not take`);
  }
  return type === 'ed25519' || type === 'ed448' ? [] : weak(`a key of kind ${describeKey(publicKey)}`);
}

function signatureFaults(certificate: X509Certificate, who: string): Fault[] {
  const algorithm = certificate.signatureAlgorithm ?? certificate.signatureAlgorithmOid;
  // The signature of a root proves nothing: it is trusted because it is known.
  if (isSelfSigned(certificate) || !/sha-?1(?!\d)|md[245]/i.test(algorithm)) return [];
  const hint = 'ask the authority for one that is signed with SHA-256';
  return [{ message: `${who} is signed with ${algorithm}, which RFC 9325 rules out`, hint }];
}

function usageFaults(leaf: X509Certificate): Fault[] {
  const faults: Fault[] = [];
  const purposes: string[] | undefined = leaf.keyUsage; // Node's name for the extended key usage
  if (purposes && !purposes.includes(serverAuth) && !purposes.includes(anyPurpose)) {
    const hint =
      'ask for a certificate with the extended key usages serverAuth and clientAuth (a "web server" template)';
    faults.push({ message: 'the certificate is not made for servers (no serverAuth)', hint });
  }
  const usage = new x509.X509Certificate(leaf.raw).getExtension(x509.KeyUsagesExtension);
  if (usage && (usage.usages & x509.KeyUsageFlags.digitalSignature) === 0) {
    const hint = 'ask for a certificate with the key usage digitalSignature';
    faults.push({ message: 'the certificate may not sign handshakes (no digitalSignature)', hint });
  }
  return faults;
}

function leafWarnings(leaf: X509Certificate, now: number): string[] {
  const warnings: string[] = [];
  const days = Math.floor((leaf.validToDate.getTime() - now) / dayMs);
  if (days >= 0 && days < soonDays) warnings.push(`it expires in ${days} days: ask for the next one now`);
  const purposes: string[] | undefined = leaf.keyUsage;
  if (purposes && !purposes.includes(clientAuth) && !purposes.includes(anyPurpose))
    warnings.push(
      'it is not made for clients (no clientAuth): when the gateway calls a sender back, it may be refused',
    );
  if (leaf.subjectAltName === undefined)
    warnings.push('it has no subject alternative names: senders that check the host name will refuse it');
  if (leaf.ca) warnings.push('it calls itself an authority (CA:TRUE): some senders refuse it as a server');
  if (leaf.publicKey.asymmetricKeyType?.startsWith('ed'))
    warnings.push(`few DICOM systems know ${describeKey(leaf.publicKey)} keys: an EC P-256 or RSA key is safer`);
  return warnings;
}

function chainWarnings(chain: readonly X509Certificate[]): string[] {
  const last = chain.at(-1);
  if (chain.length !== 1 || last === undefined || isSelfSigned(last)) return [];
  return [
    `its chain is not here: if "${issuerOf(last)}", which signed it, is no root, senders miss it; import its certificate, too`,
  ];
}

/** `chain`: leaf first, in order. `now`: milliseconds since 1970. Pure. */
export function judge(chain: readonly X509Certificate[], now: number): Judgement {
  const [leaf, ...issuers] = chain;
  if (leaf === undefined) return { refusals: [], warnings: [] };
  const refusals = [...dateFaults(leaf, 'the certificate', now), ...keyFaults(leaf, 'the certificate')];
  refusals.push(...signatureFaults(leaf, 'the certificate'), ...usageFaults(leaf));
  issuers.forEach((issuer, index) => {
    const who = `"${subjectOf(issuer)}" in its chain`;
    refusals.push(...dateFaults(issuer, who, now), ...keyFaults(issuer, who), ...signatureFaults(issuer, who));
    const signed = chain[index];
    if (!issuer.ca) refusals.push({ message: `${who} is no authority (CA:FALSE)`, hint: 'import the right chain' });
    if (signed && !isIssuedBy(signed, issuer))
      refusals.push({ message: `${who} did not sign the one before it`, hint: 'import the right chain' });
  });
  return { refusals, warnings: [...leafWarnings(leaf, now), ...chainWarnings(chain)] };
}
