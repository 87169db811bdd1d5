import { GatewayError } from '../base/errors.ts';

/** What may be signed: no fractions, no null, nothing whose text could differ between two writers. */
export type CanonicalValue =
  | string
  | number
  | boolean
  | readonly CanonicalValue[]
  | { readonly [key: string]: CanonicalValue };

/**
 * The one text of a value: RFC 8785 (JSON Canonicalization Scheme) for objects, arrays, strings, booleans and safe
 * integers. Throws `json.not-canonical` for anything else, lone surrogates included (RFC 8785 section 3.2.2.2).
 */
export function canonicalJson(value: CanonicalValue): string {
  if (typeof value === 'string' && value.isWellFormed()) return JSON.stringify(value);
  if (typeof value === 'boolean') return value ? 'true' : 'false';
  // Minus zero has the text "0" and would not come back as it went.
  if (typeof value === 'number' && Number.isSafeInteger(value) && !Object.is(value, -0)) return String(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (isPlainObject(value)) return canonicalObject(value);
  throw new GatewayError('a value that has no canonical form', {
    code: 'json.not-canonical',
    operation: 'write canonical JSON',
    subject: typeof value,
  });
}

function isPlainObject(value: unknown): value is { readonly [key: string]: CanonicalValue } {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

/** Names in the order of their UTF-16 code units (RFC 8785 section 3.2.3), which is the default order of `sort`. */
function canonicalObject(object: { readonly [key: string]: CanonicalValue }): string {
  const members: string[] = [];
  for (const name of Object.keys(object).sort()) {
    const member = object[name];
    if (member !== undefined) members.push(`${canonicalJson(name)}:${canonicalJson(member)}`);
  }
  return `{${members.join(',')}}`;
}
