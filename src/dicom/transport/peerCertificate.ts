/** What a TLS socket knows of the certificate that its peer showed. */
import { X509Certificate } from 'node:crypto';
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import type { CallerCertificate } from '../services/access.ts';
import { flawOf, type ShownCertificate, weakCertificate } from './clientTrust.ts';
import { rfc4514 } from './distinguishedName.ts';
import { weakKey } from './tlsProfile.ts';

export type SeenCertificate = ShownCertificate & { subject: string; authorities: readonly string[] };

const plainHex = (fingerprint: string) => fingerprint.replaceAll(':', '').toLowerCase();

/** Node finds issuers by their names, in what the peer sent too; peers are bound to authorities, so a signature has to show it. */
const signed = (authority: DetailedPeerCertificate, certificate: DetailedPeerCertificate) =>
  new X509Certificate(certificate.raw).verify(new X509Certificate(authority.raw).publicKey);

/** Fingerprints of the certificates above the leaf: those that were sent, and what of the listener's completes them. */
function authoritiesOf(leaf: DetailedPeerCertificate): string[] {
  const found: string[] = [];
  for (let at = leaf; at.issuerCertificate && at.issuerCertificate !== at; at = at.issuerCertificate) {
    const fingerprint = plainHex(at.issuerCertificate.fingerprint256);
    if (found.includes(fingerprint) || !signed(at.issuerCertificate, at)) break;
    found.push(fingerprint);
  }
  return found;
}

/** OpenSSL reports one problem, the last one that it found: a weak key may hide behind a missing list. */
function problemOf(socket: TLSSocket, certificate: X509Certificate): string | undefined {
  if (weakKey(certificate.publicKey) !== undefined) return weakCertificate;
  // The type says Error; what is there is a code.
  return socket.authorized ? undefined : String(socket.authorizationError ?? 'UNKNOWN');
}

/** undefined: it showed none. `ours`: fingerprints of the listener's authorities. */
export function seenCertificate(socket: TLSSocket, ours: ReadonlySet<string>): SeenCertificate | undefined {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return undefined;
  const authorities = authoritiesOf(socket.getPeerCertificate(true));
  return {
    fingerprint: plainHex(certificate.fingerprint256),
    subject: rfc4514(certificate.subject),
    notBefore: certificate.validFromDate.getTime(),
    notAfter: certificate.validToDate.getTime(),
    problem: problemOf(socket, certificate),
    underOurAuthority: authorities.some((authority) => ours.has(authority)),
    authorities,
  };
}

/** `now`: milliseconds since 1970. */
export function callerCertificate(seen: SeenCertificate, now: number): CallerCertificate {
  const { fingerprint, subject, notAfter } = seen;
  return { fingerprint, subject, notAfter, trust: trustOf(seen, now) };
}

function trustOf(seen: SeenCertificate, now: number): CallerCertificate['trust'] {
  const flaw = flawOf(seen, now);
  if (flaw !== undefined) return { kind: 'invalid', problem: flaw };
  const { problem, authorities } = seen;
  return problem === undefined ? { kind: 'verified', authorities } : { kind: 'unverified', problem };
}
