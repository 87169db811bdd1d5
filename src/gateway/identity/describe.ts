/** What people and programs are told about a certificate. Pure. */
import type { KeyObject, X509Certificate } from 'node:crypto';
import { isSelfSigned } from './chain.ts';

export type CertificateDescription = {
  subject: string;
  issuer: string;
  /** Host names and addresses. */
  names: string[];
  /** ISO 8601. */
  validFrom: string;
  validTo: string;
  /** Whole days; negative when it has expired. */
  daysLeft: number;
  /** SHA-256 of the certificate, as pairs of digits between colons. */
  fingerprint: string;
  key: string;
  selfSigned: boolean;
};

const dayMs = 86_400_000;
const curveNames: Record<string, string> = { prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' };

/** `EC P-256`, `RSA 2048`, `ED25519` */
export function describeKey(key: KeyObject): string {
  const { namedCurve, modulusLength } = key.asymmetricKeyDetails ?? {};
  const detail = namedCurve === undefined ? modulusLength : (curveNames[namedCurve] ?? namedCurve);
  return `${key.asymmetricKeyType ?? 'unknown'}`.toUpperCase() + (detail === undefined ? '' : ` ${detail}`);
}

/** Node gives one attribute a line. */
const oneLine = (name: string | undefined) => (name ?? '').split('\n').join(', ');

export const subjectOf = (certificate: X509Certificate): string => oneLine(certificate.subject);
export const issuerOf = (certificate: X509Certificate): string => oneLine(certificate.issuer);

/** Host names and addresses; what else may stand there, such as an e-mail address, is no name of a server. */
export function namesOf(certificate: X509Certificate): string[] {
  const written = certificate.subjectAltName?.split(', ') ?? [];
  return written.flatMap((name) => /^(?:DNS|IP Address):(.*)$/.exec(name)?.[1] ?? []);
}

export function describe(certificate: X509Certificate, now: number): CertificateDescription {
  return {
    subject: subjectOf(certificate),
    issuer: issuerOf(certificate),
    names: namesOf(certificate),
    validFrom: certificate.validFromDate.toISOString(),
    validTo: certificate.validToDate.toISOString(),
    daysLeft: Math.floor((certificate.validToDate.getTime() - now) / dayMs),
    fingerprint: certificate.fingerprint256,
    key: describeKey(certificate.publicKey),
    selfSigned: isSelfSigned(certificate),
  };
}
