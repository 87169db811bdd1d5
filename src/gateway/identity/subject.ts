/** Names in certificates: the distinguished name and the subject alternative names. Pure. */
import { isIP } from 'node:net';
import { GatewayError } from '../../base/errors.ts';

/** One relative distinguished name after another, in the order of the certificate. */
export type DistinguishedName = ReadonlyArray<{ type: string; value: string }>;

/** Attribute types that authorities ask for (RFC 4514 3), by the spelling that is expected. */
const attributeTypes = ['CN', 'O', 'OU', 'L', 'ST', 'C', 'E'] as const;
/** ub-common-name, RFC 5280 appendix A.1. */
const maxCommonName = 64;
/** The other upper bounds there; authorities refuse what is longer. */
const maxLength: Readonly<Record<string, number>> = { CN: maxCommonName, O: 64, OU: 64, L: 128, ST: 128, E: 255 };
const dnsName = /^(\*\.)?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i;

function refuse(message: string, subject: string, hint: string): GatewayError {
  return new GatewayError(message, { code: 'identity.name', operation: 'name a certificate', subject, hint });
}

const isOpenSslForm = (text: string): boolean => text.startsWith('/');

function splitUnescaped(text: string, separator: string): string[] {
  const parts = [''];
  for (let at = 0; at < text.length; at++) {
    const character = text[at] ?? '';
    if (character === '\\') parts[parts.length - 1] += text.slice(at, ++at + 1);
    else if (character === separator) parts.push('');
    else parts[parts.length - 1] += character;
  }
  return parts;
}

/**
 * `CN=gateway.example.org, O=Clinic North, C=DE` or openssl's `/C=DE/O=Clinic North/CN=…`. A backslash takes the
 * separator's meaning away. Throws GatewayError `identity.name`.
 */
export function parseSubject(text: string): DistinguishedName {
  const hint = `write it like "CN=gateway.example.org, O=Clinic North, C=DE", of ${attributeTypes.join(', ')}`;
  const parts = isOpenSslForm(text) ? splitUnescaped(text.slice(1), '/') : splitUnescaped(text, ',');
  const name = parts.map((part) => {
    const [, written = '', rest = ''] = /^\s*([A-Za-z]+)\s*=(.*)$/s.exec(part) ?? [];
    const type = written.toUpperCase().replace('EMAILADDRESS', 'E');
    const value = rest.replace(/\\(.)/g, '$1').trim();
    if (!(attributeTypes as readonly string[]).includes(type) || value === '')
      throw refuse(`"${part.trim()}" is no part of a subject`, text, hint);
    if (type === 'C' && !/^[A-Za-z]{2}$/.test(value)) {
      throw refuse(`the country "${value}" is not two letters`, text, 'write the code of ISO 3166, such as C=DE');
    }
    return { type, value: type === 'C' ? value.toUpperCase() : value };
  });
  for (const { type, value } of name) mustBeText(type, value, text);
  return name;
}

function mustBeText(type: string, value: string, subject: string): void {
  if (value.startsWith('#') || /\p{Cc}/u.test(value)) {
    throw refuse(`${type} begins with # or has control characters`, subject, 'write it in letters, digits and signs');
  }
  const most = maxLength[type];
  if (most === undefined || value.length <= most) return;
  const hint = type === 'CN' ? 'a long host name goes into --name alone' : 'shorten it: authorities refuse it';
  throw refuse(`${type} has more than ${most} characters`, subject, hint);
}

/**
 * The name of a certificate, attribute by attribute as `X509Certificate.toLegacyObject` gives it; undefined when it has
 * attributes that `parseSubject` does not take.
 */
export function knownSubject(attributes: Record<string, string | string[] | undefined>): DistinguishedName | undefined {
  const name = Object.entries(attributes).flatMap(([type, values]) =>
    [values ?? []].flat().map((value) => ({ type: type.replace('emailAddress', 'E'), value })),
  );
  const isKnown = name.length > 0 && name.every(({ type }) => (attributeTypes as readonly string[]).includes(type));
  return isKnown ? name : undefined;
}

export type AlternativeName = { type: 'dns' | 'ip'; value: string };

/** Throws GatewayError `identity.name` for what is neither a host name nor an address. */
export function alternativeName(text: string): AlternativeName {
  if (isIP(text) !== 0) return { type: 'ip', value: text };
  if (text.length <= 253 && dnsName.test(text) && !/^[\d.]+$/.test(text)) return { type: 'dns', value: text };
  const hint = 'say a host name or an address as senders are told it, without port or URL';
  throw refuse('neither a host name nor an IP address', text, hint);
}

/** The subject when none is given: the first name as CN. */
export function subjectFor(names: readonly string[]): DistinguishedName {
  const fitting = names.find((name) => name.length <= maxCommonName);
  return [{ type: 'CN', value: fitting ?? 'MEDUSA Edge Gateway' }];
}

export type Machine = {
  hostname: string;
  /** Addresses of its interfaces. */
  addresses: readonly string[];
};

const isLocal = (name: string) => name === 'localhost' || name === '::1' || name.startsWith('127.');
const isLinkLocal = (address: string) => /^(fe[89ab]|169\.254\.)/i.test(address);
const isWildcard = (host: string) => host === '0.0.0.0' || /^[0:]+$/.test(host);

/** How senders may call this machine: its name, its addresses, and what listeners are bound to. */
export function proposeNames(machine: Machine, listenerHosts: readonly string[]): string[] {
  const bound = listenerHosts.filter((host) => !isWildcard(host));
  const names = [machine.hostname, ...bound, ...machine.addresses].filter((name) => !isLinkLocal(name));
  return [...new Set([...names.filter((name) => !isLocal(name)), 'localhost', '127.0.0.1'])].filter(isName);
}

/** No authority signs names that mean another machine everywhere. */
export function namesForAuthority(names: readonly string[]): string[] {
  return names.filter((name) => !isLocal(name));
}

function isName(text: string): boolean {
  try {
    return alternativeName(text) !== undefined;
  } catch {
    return false;
  }
}
