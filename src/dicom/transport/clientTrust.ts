/**
 * Which certificates may finish a handshake. OpenSSL verifies each against the listener's authorities and CRLs; this says
 * what may pass all the same. Nothing fails open: what is not on the list of harmless problems is refused. Pure.
 */

/** What the listener has to know of the peers. Read for each connection: peers change while it listens. */
export type ClientTrust = {
  /** Whether some peer is expected to show exactly this certificate. `fingerprint`: SHA-256, lower-case hexadecimal. */
  isPinned(fingerprint: string): boolean;
  readonly anyPinned: boolean;
  /** Unverified callers may come as far as their A-ASSOCIATE-RQ, where they are recorded and rejected. */
  readonly learning: boolean;
};

export const trustNobody: ClientTrust = { isPinned: () => false, anyPinned: false, learning: false };

/** A certificate that was shown, with what OpenSSL and the clock say of it. */
export type ShownCertificate = {
  fingerprint: string;
  /** Milliseconds since 1970. */
  notBefore: number;
  notAfter: number;
  /** Verification error of OpenSSL, by Node's name, or WEAK_CERTIFICATE; undefined: verified. */
  problem: string | undefined;
  /** An authority of the listener is in its chain: that authority's word counts, and its CRL. */
  underOurAuthority: boolean;
};

/** The issuer is unknown, and that is all. A certificate that signed itself is one of these. */
const unknownIssuer: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_CRL', // with a crlFile, which has none of an issuer that we do not know
]);

export const noCertificate = 'NO_CERTIFICATE';
export const weakCertificate = 'WEAK_CERTIFICATE';

/**
 * The problem for which a connection is refused, or undefined when it may go on to ask for an association.
 *
 * - Verified: passes.
 * - Expired, not yet valid, revoked, or flawed in any other way: never passes, pinned or not.
 * - Of an authority of ours that could not vouch for it (its CRL is missing or out of date): never passes.
 * - Signed by itself or by somebody unknown: passes when it is pinned, or in learn mode, where the access policy
 *   rejects it.
 * - None at all: passes in learn mode.
 */
export function refusal(shown: ShownCertificate | undefined, trust: ClientTrust, now: number): string | undefined {
  if (shown === undefined) return trust.learning ? undefined : noCertificate;
  const flaw = flawOf(shown, now);
  if (flaw !== undefined || shown.problem === undefined) return flaw;
  return trust.learning || trust.isPinned(shown.fingerprint) ? undefined : shown.problem;
}

/** Why a certificate counts nowhere, pinned or not; undefined when at most its issuer is unknown. `now`: milliseconds since 1970. */
export function flawOf(shown: ShownCertificate, now: number): string | undefined {
  // OpenSSL reports one problem, the last; the dates are looked at in any case.
  if (now > shown.notAfter) return 'CERT_HAS_EXPIRED';
  if (now < shown.notBefore) return 'CERT_NOT_YET_VALID';
  const { problem, underOurAuthority } = shown;
  return problem !== undefined && (!unknownIssuer.has(problem) || underOurAuthority) ? problem : undefined;
}
