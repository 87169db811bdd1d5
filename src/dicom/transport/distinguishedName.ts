/** Subjects of certificates in the form of RFC 4514. Pure. */

/** A value that stands where nothing has to be said: a certificate may have no subject at all. */
const none = '';

/** Splits at a separator that no backslash is in front of. */
function splitUnescaped(text: string, separator: string): string[] {
  const parts = [''];
  for (let at = 0; at < text.length; at++) {
    const character = text[at] ?? '';
    if (character === '\\') {
      parts[parts.length - 1] += text.slice(at, at + 2);
      at++;
    } else if (text.startsWith(separator, at)) {
      parts.push('');
      at += separator.length - 1;
    } else parts[parts.length - 1] += character;
  }
  return parts;
}

/**
 * From the form of Node's `X509Certificate.subject`, one relative distinguished name a line in the certificate's order,
 * values escaped already (OpenSSL: ESC_2253, ESC_CTRL), to one line, most specific part first. The value of an attribute that
 * OpenSSL has no name for stays text; RFC 4514 would have its encoding in hexadecimal.
 */
export function rfc4514(subject: string | undefined): string {
  if (subject === undefined) return none;
  return subject
    .split('\n')
    .reverse()
    .map((name) => splitUnescaped(name, ' + ').reverse().join('+'))
    .join(',');
}
