/** Distinguished names in the form of RFC 4514, and whether a certificate's subject has what a peer has to show. Pure. */

type Attribute = { type: string; value: string };
/** Relative distinguished names, in the order of the text; most have one attribute. */
export type DistinguishedName = ReadonlyArray<readonly Attribute[]>;

/** Names under which the same attribute type is written (RFC 4514 section 3, RFC 4519, and what OpenSSL prints). */
const typeNames: Record<string, string> = {
  '2.5.4.3': 'cn',
  commonname: 'cn',
  '2.5.4.4': 'sn',
  surname: 'sn',
  '2.5.4.5': 'serialnumber',
  '2.5.4.6': 'c',
  countryname: 'c',
  '2.5.4.7': 'l',
  localityname: 'l',
  '2.5.4.8': 'st',
  s: 'st',
  stateorprovincename: 'st',
  '2.5.4.9': 'street',
  streetaddress: 'street',
  '2.5.4.10': 'o',
  organizationname: 'o',
  '2.5.4.11': 'ou',
  organizationalunitname: 'ou',
  '2.5.4.12': 'title',
  '2.5.4.42': 'gn',
  givenname: 'gn',
  '0.9.2342.19200300.100.1.1': 'uid',
  userid: 'uid',
  '0.9.2342.19200300.100.1.25': 'dc',
  domaincomponent: 'dc',
  '1.2.840.113549.1.9.1': 'emailaddress',
  e: 'emailaddress',
  email: 'emailaddress',
};

const typeOf = (written: string) => typeNames[written.toLowerCase()] ?? written.toLowerCase();

/** As caseIgnoreMatch does it (RFC 4518): case and the number of spaces mean nothing. */
const fold = (value: string) => value.normalize('NFC').toLowerCase().replace(/\s+/g, ' ').trim();

/** Splits at separators that no backslash is in front of. */
function split(text: string, separator: RegExp): string[] {
  const parts = [''];
  for (const piece of text.match(/\\.|[^\\]|\\$/gsu) ?? []) {
    if (separator.test(piece)) parts.push('');
    else parts[parts.length - 1] += piece;
  }
  return parts;
}

/** `\,` and, for bytes of UTF-8, `\C3\A9`. */
function unescaped(value: string): string {
  return value.replace(/(?:\\[0-9A-Fa-f]{2})+|\\(.)/gsu, (escaped, character: string | undefined) =>
    character === undefined ? Buffer.from(escaped.replaceAll('\\', ''), 'hex').toString('utf8') : character,
  );
}

function parseAttribute(text: string): Attribute | undefined {
  const [, type, value] = /^\s*([A-Za-z0-9.-]+)\s*=(.*)$/su.exec(text) ?? [];
  if (type === undefined || value === undefined) return undefined;
  const folded = fold(unescaped(value));
  return folded === '' ? undefined : { type: typeOf(type), value: folded };
}

/** undefined when the text is no distinguished name, or an empty one. */
export function parseDistinguishedName(text: string): DistinguishedName | undefined {
  const names = split(text, /^[,;]$/).map((name) => split(name, /^\+$/).map(parseAttribute));
  return names.every((name): name is Attribute[] => name.every((attribute) => attribute !== undefined))
    ? names
    : undefined;
}

/** Whether all of `wanted` is in `subject`, in whatever order; the subject may have more. */
export function hasNames(subject: DistinguishedName, wanted: DistinguishedName): boolean {
  const includes = (name: readonly Attribute[], attribute: Attribute) =>
    name.some(({ type, value }) => type === attribute.type && value === attribute.value);
  return wanted.every((part) => subject.some((name) => part.every((attribute) => includes(name, attribute))));
}
