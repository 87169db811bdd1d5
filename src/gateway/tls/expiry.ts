/** When certificates and revocation lists end, and which warning that is worth. Pure. */

export const dayMs = 86_400_000;

/** What ends, in words that fit into "… expires in 5 days": `The certificate of listener dicom-tls`. */
export type Expiring = {
  /** Tells subjects apart. */
  id: string;
  what: string;
  /** Milliseconds since 1970. */
  endsAt: number;
};

/** Days before the end from which each warning stands; the nearest one counts. */
const steps = [
  { days: 7, code: 'tls.certificate-expires-now' },
  { days: 30, code: 'tls.certificate-expiring' },
  { days: 60, code: 'tls.certificate-expiring-later' },
] as const;

export const expiryCodes = [...steps.map(({ code }) => code), 'tls.certificate-expired'] as const;
export type ExpiryCode = (typeof expiryCodes)[number];

export function daysLeft(endsAt: number, now: number): number {
  return Math.floor((endsAt - now) / dayMs);
}

export function expiryWarning({ endsAt }: Expiring, now: number): ExpiryCode | undefined {
  if (now > endsAt) return 'tls.certificate-expired';
  return steps.find(({ days }) => endsAt - now <= days * dayMs)?.code;
}

export type ListLife = { thisUpdate: number; nextUpdate: number | undefined };

/** Authorities renew their lists every few hours or months: what counts is how much of its own life is left. */
export function listWarning(
  { thisUpdate, nextUpdate }: ListLife,
  now: number,
): 'tls.crl-expired' | 'tls.crl-expiring' | undefined {
  if (nextUpdate === undefined) return undefined;
  if (now > nextUpdate) return 'tls.crl-expired';
  const notice = Math.min((nextUpdate - thisUpdate) / 4, 7 * dayMs);
  return nextUpdate - now <= notice ? 'tls.crl-expiring' : undefined;
}
