/** Puts certificates in the order in which TLS sends them (RFC 8446 4.4.2): the own one, then who signed it, and so on. Pure. */
import type { KeyObject, X509Certificate } from 'node:crypto';

export type SortedChain = {
  /** Leaf first; ends where no further issuer is among the certificates, or with a root. */
  chain: X509Certificate[];
  /** What does not belong to it. */
  unrelated: X509Certificate[];
};

/** Whether `issuer` signed `certificate`: names, key identifiers and the signature itself. */
export function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  try {
    return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
  } catch {
    return false; // a kind of key or signature that OpenSSL does not know
  }
}

/** By name and signature. `checkIssued` would ask for the right to sign certificates, which a server's own need not have. */
export function isSelfSigned(certificate: X509Certificate): boolean {
  try {
    return certificate.subject === certificate.issuer && certificate.verify(certificate.publicKey);
  } catch {
    return false;
  }
}

export function fitsKey(certificate: X509Certificate, key: KeyObject): boolean {
  try {
    return certificate.checkPrivateKey(key);
  } catch {
    return false;
  }
}

/** An authority that renewed its certificate for the same key has several that fit. */
export function longestValid(certificates: readonly X509Certificate[]): X509Certificate | undefined {
  return certificates.toSorted((a, b) => b.validToDate.getTime() - a.validToDate.getTime())[0];
}

/** The chain of `leaf` among `certificates`. Copies of the same certificate count once. */
export function sortChain(leaf: X509Certificate, certificates: readonly X509Certificate[]): SortedChain {
  const rest = new Map(certificates.map((certificate) => [certificate.fingerprint256, certificate]));
  rest.delete(leaf.fingerprint256);
  const chain = [leaf];
  for (let last = leaf; !isSelfSigned(last); ) {
    const issuer = longestValid([...rest.values()].filter((candidate) => isIssuedBy(last, candidate)));
    if (issuer === undefined) break;
    rest.delete(issuer.fingerprint256);
    chain.push(issuer);
    last = issuer;
  }
  return { chain, unrelated: [...rest.values()] };
}

/** PEM text of certificates in their order, each ending in a line break. */
export function certificatesPem(chain: readonly X509Certificate[]): string {
  return chain.map((certificate) => `${certificate.toString().trimEnd()}\n`).join('');
}
