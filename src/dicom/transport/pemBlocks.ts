/** PEM texts taken apart: of several revocation lists in one text, OpenSSL reads only the first. */

/** Each block of that kind, in order. `TRUSTED` and `X509` certificates count as certificates. */
export function pemBlocks(text: string | Buffer | undefined, kind: 'CERTIFICATE' | 'X509 CRL'): string[] {
  if (text === undefined) return [];
  const label = kind === 'CERTIFICATE' ? '(?:TRUSTED |X509 )?CERTIFICATE' : kind;
  const block = new RegExp(`-----BEGIN ${label}-----[\\s\\S]*?-----END ${label}-----`, 'g');
  return text.toString().match(block) ?? [];
}
