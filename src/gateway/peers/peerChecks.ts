/** What a caller has to fulfil to be taken for a peer. Each check answers what is wrong, or undefined. Pure. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Caller, UserIdentity } from '../../dicom/services/access.ts';
import { printable } from '../../dicom/services/printable.ts';
import type { ListenerConfiguration, PeerConfiguration } from '../config/configuration.ts';
import { hasNames, parseDistinguishedName } from './distinguishedName.ts';
import type { PreparedPeer } from './peerDirectory.ts';

/** A listener, as far as it matters to who may come in by it. */
export type Entrance = { name: string; tls: boolean; requiresCertificate: boolean };

export const entrance = ({ name, tls }: Pick<ListenerConfiguration, 'name' | 'tls'>): Entrance => ({
  name,
  tls: tls !== undefined,
  requiresCertificate: tls?.requireClientCertificate === true,
});

type Certificates = Pick<PeerConfiguration, 'certificateFingerprints' | 'certificateSubjects' | 'certificateIssuers'>;
/** Whether the peer is bound to certificates of its own. */
export const isBound = (peer: Certificates) => peer.certificateFingerprints !== undefined || isVouchedFor(peer);

/** Whether certificates of an authority will do, beside those that are known by fingerprint. */
const isVouchedFor = ({ certificateSubjects, certificateIssuers }: Certificates) =>
  certificateSubjects !== undefined || certificateIssuers !== undefined;

function withoutCertificate(peer: PeerConfiguration, entrance: Entrance): string | undefined {
  if (isBound(peer)) {
    return entrance.tls
      ? 'the peer has to show its certificate, and showed none'
      : `the peer has to show its certificate, and there is none on the plain listener ${entrance.name}`;
  }
  return entrance.requiresCertificate ? `listener ${entrance.name} needs a certificate, and none was shown` : undefined;
}

/** A certificate that is not verified counts only where its very fingerprint is expected; an invalid one does not even there. */
export function certificateProblem(prepared: PreparedPeer, caller: Caller, entrance: Entrance): string | undefined {
  const { certificate } = caller;
  const { peer } = prepared;
  if (certificate === undefined) return withoutCertificate(peer, entrance);
  const { fingerprint, trust } = certificate;
  if (trust.kind !== 'invalid' && peer.certificateFingerprints?.includes(fingerprint)) return undefined;
  if (trust.kind !== 'verified') {
    // Where none is needed, one that proves nothing is worth as much as none: some senders show theirs to anybody.
    if (!isBound(peer) && !entrance.requiresCertificate) return undefined;
    const what = trust.kind === 'invalid' ? 'is not valid' : 'is not trusted';
    return `the peer's certificate ${fingerprint} ${what} (${printable(trust.problem)})`;
  }
  if (!isBound(peer)) return undefined;
  const { certificateIssuers: issuers } = peer;
  const issuedRight = issuers === undefined || trust.authorities.some((authority) => issuers.includes(authority));
  if (isVouchedFor(peer) && issuedRight && hasSubject(prepared, certificate.subject)) return undefined;
  const whose = issuedRight ? '' : ', of another authority';
  return `the peer may not use this certificate (${fingerprint}, ${printable(certificate.subject)}${whose})`;
}

function hasSubject({ peer, subjects }: PreparedPeer, shown: string): boolean {
  if (peer.certificateSubjects === undefined) return true;
  const subject = parseDistinguishedName(shown);
  return subject !== undefined && subjects.some((wanted) => hasNames(subject, wanted));
}

/** What mends a certificate that counts nowhere: not an entry under peers. */
export function hintOnInvalid(problem: string): string {
  if (problem !== 'CERT_REVOKED' && problem.includes('CRL')) return "renew the listener's crlFile";
  return `the certificate that it shows is worth nothing (${printable(problem)}): renew it at the sender, then let it call again`;
}

/** Takes as long for what is nearly right as for what is not. */
function equalsSecret(given: Buffer, expected: string): boolean {
  const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest();
  return timingSafeEqual(digest(given), digest(Buffer.from(expected, 'utf8')));
}

/**
 * PS3.7 D.3.3.7: a user name alone (type 1), or with a passcode (type 2) when one is configured, and only then: a passcode that
 * nobody compares with anything must not be confirmed.
 */
export function userIdentityProblem(
  expected: PeerConfiguration['userIdentity'],
  given: UserIdentity | undefined,
): string | undefined {
  if (expected === undefined) return undefined;
  const { user, passcode } = expected;
  if (given === undefined) return 'the peer has to give its user identity, and gave none';
  if (given.type !== (passcode === undefined ? 1 : 2)) {
    return passcode === undefined
      ? `the peer gave a user identity of type ${given.type}, not a user name alone: no passcode is configured for it`
      : `the peer gave a user identity of type ${given.type}, not a user name and passcode`;
  }
  // Both are compared in any case: the time that it takes tells nobody which of them is wrong.
  const right = [equalsSecret(given.primary, user), passcode === undefined || equalsSecret(given.secondary, passcode)];
  return right.every(Boolean) ? undefined : 'the peer gave a wrong user name or passcode';
}
