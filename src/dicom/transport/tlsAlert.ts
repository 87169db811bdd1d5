/**
 * The alert with which the other side ended a handshake (RFC 8446 6), out of Node's error code. OpenSSL puts SSLV3, TLSV1,
 * TLSV13 or SSL/TLS in front of its name, not the same in every release, and which it is means nothing.
 */
const alertCode = /^ERR_SSL_(?:SSLV3|TLSV1|TLSV13|SSL\/TLS)_ALERT_([A-Z_]+)$/;

/** `BAD_CERTIFICATE`, `UNKNOWN_CA`, ...; undefined: the code speaks of something else. */
export function tlsAlert(code: string): string | undefined {
  return alertCode.exec(code)?.[1];
}

/** Alerts that say: your certificate is none that I accept. */
const certificateAlerts: ReadonlySet<string | undefined> = new Set([
  'BAD_CERTIFICATE',
  'UNSUPPORTED_CERTIFICATE',
  'CERTIFICATE_REVOKED',
  'CERTIFICATE_EXPIRED',
  'CERTIFICATE_UNKNOWN',
  'CERTIFICATE_REQUIRED',
  'UNKNOWN_CA',
  'ACCESS_DENIED',
]);

export function isCertificateAlert(code: string): boolean {
  return certificateAlerts.has(tlsAlert(code));
}
