/** The kinds of value that the configuration knows, each with its rule, its message and its hint. */
import { isIP } from 'node:net';
import { z } from 'zod';
import { isUid } from '../../dicom/uids.ts';
import { referencePattern } from '../../process/manifest/reference.ts';

/** PS3.5 6.2, VR AE: 1 to 16 characters of the default repertoire, no backslash; spaces at the ends mean nothing. */
export const aeTitlePattern = /^(?! )[\x20-\x5b\x5d-\x7e]{1,16}(?<! )$/;

export function aeTitle() {
  const hint = 'an AE title has 1 to 16 printable ASCII characters, no backslash, no space at its ends';
  return z.string().regex(aeTitlePattern, 'is not an AE title').meta({ 'x-hint': hint });
}

/** An AE title, or "*" for every one. */
export function aeTitleOrAny() {
  const hint = 'write the sender\'s AE title, or "*" (in quotes) for any';
  return z.string().regex(aeTitlePattern, 'is not an AE title').meta({ 'x-hint': hint });
}

export function port(min: 0 | 1 = 0) {
  const hint = 'a TCP port is a number up to 65535; 0 means any free one';
  return z.int().min(min).max(65535).meta({ 'x-hint': hint });
}

/** An IP address or a host name (RFC 1123). */
export function host() {
  const label = '[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?';
  const hostName = new RegExp(`^${label}(\\.${label})*$`);
  return z
    .string()
    .max(253)
    .refine((text) => isIP(text) !== 0 || (hostName.test(text) && !/^[\d.]+$/.test(text)), 'is not a host')
    .meta({
      'x-hint':
        'write an IP address of this machine such as 10.1.2.3 or ::, or a host name; the port is a key of its own',
    });
}

/** An address or a network in CIDR form (RFC 4632, RFC 4291). */
export function isNetwork(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}

export function network() {
  const hint = 'write an address or a network such as 10.20.0.0/16, 192.168.1.7, fd00:1::/64';
  return z.string().refine(isNetwork, 'is not an address or network').meta({ 'x-hint': hint });
}

/** SHA-256 of a certificate, with or without colons; the result is lower-case hexadecimal without. */
export function fingerprint() {
  const hint =
    'write 64 hexadecimal digits in quotes, as "openssl x509 -noout -fingerprint -sha256 -in FILE" prints them';
  return z
    .string()
    .regex(/^([0-9A-Fa-f]{2}:){31}[0-9A-Fa-f]{2}$|^[0-9A-Fa-f]{64}$/, 'is not a SHA-256 fingerprint')
    .transform((text) => text.replaceAll(':', '').toLowerCase())
    .meta({ 'x-hint': hint });
}

/** A path in a file system. Relative ones are made absolute against the configuration file's folder afterwards. */
export function path() {
  return z
    .string()
    .min(1)
    .regex(/^[^\0]*$/, 'is not a path')
    .meta({ 'x-hint': "write a path; a relative one starts at this configuration file's folder", 'x-path': true });
}

/** A UID, or the beginning of UIDs: it ends in a dot. */
export function uidOrPrefix() {
  const hint = 'write a UID in quotes, or the beginning of UIDs with a dot at its end, such as "1.3.12.2.1107."';
  return z
    .string()
    .refine((text) => isUid(text.endsWith('.') ? text.slice(0, -1) : text), 'is not a UID or the beginning of one')
    .meta({ 'x-hint': hint });
}

/** A distinguished name in the form of RFC 4514: attribute=value, separated by commas. */
export function distinguishedName() {
  const hint =
    'write it as "openssl x509 -noout -subject -nameopt RFC2253 -in FILE" prints it, such as "CN=ct1,O=Elsewhere"';
  return z
    .string()
    .max(1024)
    .regex(/^[A-Za-z0-9.]+=(\\.|[^,\\])+(,[A-Za-z0-9.]+=(\\.|[^,\\])+)*$/, 'is not a distinguished name')
    .meta({ 'x-hint': hint });
}

/** A path of an object key: folders of safe characters, no empty ones, no `.` or `..`. */
export function keyPrefix() {
  const hint = 'write one or more folder names with slashes between, such as "medusa" or "radiology/edge"';
  return z
    .string()
    .max(200)
    .regex(/^(?!.*(^|\/)\.{1,2}(\/|$))[A-Za-z0-9._-]+(\/[A-Za-z0-9._-]+)*$/, 'is not a key prefix')
    .meta({ 'x-hint': hint });
}

/** Said in place, or where it is to be found. */
export function secret() {
  const hint = 'write the secret in quotes, { env: NAME } or { file: path }';
  return z
    .union(
      [
        z.string().min(1),
        z.strictObject({ env: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'is not a variable name') }),
        z.strictObject({ file: path() }),
      ],
      { error: 'is not a secret' },
    )
    .meta({ 'x-hint': hint });
}

/** A split application: its name for its newest version, or `name@1.2.0`. */
export function applicationReference() {
  const hint = 'write the name of an application, or name@version such as lung-segmentation@1.0.0';
  return z.string().regex(referencePattern, 'is not the name of an application').meta({ 'x-hint': hint });
}
