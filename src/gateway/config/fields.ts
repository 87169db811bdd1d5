/** The kinds of value that the configuration knows, each with its rule, its message and its hint. */
import { isIP } from 'node:net';
import { z } from 'zod';
import { isUid } from '../../dicom/uids.ts';
import { durationPattern, parseDuration, parseSize, sizePattern } from './units.ts';

type Bounds = { min?: number; max?: number };

/** A number or a text with a unit. The bounds and the result are in bytes or milliseconds. */
function measured(what: string, pattern: RegExp, parse: (text: string) => number | undefined, unit: string, b: Bounds) {
  return z
    .union([z.int().min(0), z.string().regex(pattern, `is not a ${what}`)], { error: `is not a ${what}` })
    .transform((written, context) => {
      const value = typeof written === 'number' ? written : parse(written);
      let message: string | undefined;
      if (value === undefined) message = 'is too large';
      else if (value < (b.min ?? 0)) message = `must be at least ${b.min} ${unit}`;
      else if (value > (b.max ?? Number.MAX_SAFE_INTEGER)) message = `must be at most ${b.max} ${unit}`;
      if (message === undefined && value !== undefined) return value;
      context.addIssue({ code: 'custom', message: message ?? '' });
      return z.NEVER;
    });
}

/** Bytes. */
export function size(bounds: Bounds = {}) {
  const hint = 'write a number of bytes, or a size such as 512KiB, 128MiB, 20GB';
  return measured('size', sizePattern, parseSize, 'bytes', bounds).meta({ 'x-hint': hint });
}

/** What a timer of Node can wait for: a longer time would end it at once. */
const longestTimer = 2 ** 31 - 1;

/** Milliseconds, at most what a timer takes unless `max` says otherwise. */
export function duration(bounds: Bounds = {}) {
  const hint = 'write a duration such as 500ms, 30s, 5min, 24h, 7d';
  return measured('duration', durationPattern, parseDuration, 'ms', { min: 1, max: longestTimer, ...bounds }).meta({
    'x-hint': hint,
  });
}

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

export function name() {
  const hint = 'use 1 to 63 characters: letters a-z, digits, hyphens, a letter or digit first';
  return z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'is not a name')
    .meta({ 'x-hint': hint });
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

export function uid() {
  const hint = 'a UID has digits and dots, at most 64 characters; put it in quotes';
  return z.string().refine(isUid, 'is not a UID').meta({ 'x-hint': hint });
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

/** PS3.5 6.2, VR CS. */
export function modality() {
  const hint = 'write a modality code such as CT, MR, US';
  return z
    .string()
    .regex(/^[A-Z0-9_]{1,16}$/, 'is not a modality code')
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
