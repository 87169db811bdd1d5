/**
 * Where things lie in a store. These keys are fixed: the cloud side, operators and `verify` rely on them.
 *
 *   <prefix>/<site>/studies/<study>/series/<series>/<instance>.dcm       first version of an instance
 *   <prefix>/<site>/studies/<study>/series/<series>/<instance>.v<n>.dcm  version n >= 2 of the same SOP Instance UID
 *   <prefix>/<site>/studies/<study>/manifest.json                        written last
 *   <prefix>/<site>/receipts/<first>-<last>.jsonl                        receipts by sequence number, 12 digits each
 *
 * UIDs come from strangers. One that is not made of digits and dots never reaches a key, so no key leaves its prefix.
 */
import { GatewayError } from '../base/errors.ts';

/** Stands for a Study or Series Instance UID that is missing or unfit. */
export const UNIDENTIFIED = 'unidentified';

/** Digits of a sequence number in a key, so that the order of names is the order of receipts. */
const SEQUENCE_DIGITS = 12;

/** The UID itself when it can stand in a key or a receipt; else undefined. DICOM PS3.5 section 9.1: at most 64 characters. */
export function usableUid(uid: string | undefined): string | undefined {
  return uid !== undefined && /^[0-9.]{1,64}$/.test(uid) && /[0-9]/.test(uid) ? uid : undefined;
}

export type KeySpace = {
  /** Folders before the site, separated by `/`; '' when there are none, or when the store itself adds them. */
  prefix: string;
  /** The site's short name: letters, digits, `.`, `_` and `-`, beginning with a letter or digit. */
  site: string;
};

/** Throws `delivery.bad-key-space` for a prefix or a site that cannot stand in a key: a mistake in the configuration. */
export function siteKey({ prefix, site }: KeySpace): string {
  const folders = prefix.split('/').filter((folder) => folder !== '');
  if (folders.every(isPlainName) && isPlainName(site) && /^[A-Za-z0-9]/.test(site)) return [...folders, site].join('/');
  throw new GatewayError('the prefix or the site cannot stand in an object key', {
    code: 'delivery.bad-key-space',
    operation: 'make object key',
    subject: `${prefix}/${site}`,
    hint: 'use letters, digits, ".", "_" and "-" only, at most 64 characters between slashes',
  });
}

function isPlainName(name: string): boolean {
  return /^[A-Za-z0-9._-]{1,64}$/.test(name) && /[^.]/.test(name);
}

export type InstanceIdentity = {
  studyInstanceUid: string | undefined;
  seriesInstanceUid: string | undefined;
  sopInstanceUid: string | undefined;
  /** 1 for the first content received under this SOP Instance UID. */
  version: number;
  /** Lower-case hexadecimal; names an instance whose SOP Instance UID is unfit. */
  sha256: string;
};

/** Throws `delivery.bad-key-space`, and `delivery.bad-identity` for a version or digest that is none. */
export function instanceKey(space: KeySpace, identity: InstanceIdentity): string {
  const { version, sha256 } = identity;
  if (!Number.isSafeInteger(version) || version < 1 || !/^[0-9a-f]{64}$/.test(sha256)) {
    throw new GatewayError('not a version and digest of an instance', {
      code: 'delivery.bad-identity',
      operation: 'make object key',
      subject: `version ${version}`,
    });
  }
  const series = usableUid(identity.seriesInstanceUid) ?? UNIDENTIFIED;
  const name = usableUid(identity.sopInstanceUid) ?? `${UNIDENTIFIED}-${sha256.slice(0, 32)}`;
  const file = version === 1 ? `${name}.dcm` : `${name}.v${version}.dcm`;
  return `${studyKey(space, identity.studyInstanceUid)}/series/${series}/${file}`;
}

export function manifestKey(space: KeySpace, studyInstanceUid: string | undefined): string {
  return `${studyKey(space, studyInstanceUid)}/manifest.json`;
}

function studyKey(space: KeySpace, studyInstanceUid: string | undefined): string {
  return `${siteKey(space)}/studies/${usableUid(studyInstanceUid) ?? UNIDENTIFIED}`;
}

/** Everything below is receipts, and every receipt is below. Ends in `/`. */
export function receiptsFolder(space: KeySpace): string {
  return `${siteKey(space)}/receipts/`;
}

/** The key of the receipts from `first` to `last`, both included. */
export function receiptsKey(space: KeySpace, first: number, last: number): string {
  const digits = (seq: number) => String(seq).padStart(SEQUENCE_DIGITS, '0');
  return `${receiptsFolder(space)}${digits(first)}-${digits(last)}.jsonl`;
}

/** The sequence numbers in a key that `receiptsKey` made; undefined for any other key. */
export function parseReceiptsKey(key: string): { first: number; last: number } | undefined {
  const match = /\/receipts\/([0-9]{1,15})-([0-9]{1,15})\.jsonl$/.exec(key);
  return match ? { first: Number(match[1]), last: Number(match[2]) } : undefined;
}

/** The manifest that speaks for the object `key`; undefined when the key is not below a study. */
export function manifestKeyOf(key: string): string | undefined {
  const match = /^(.*\/studies\/[^/]+)\/(?:series|results)\//.exec(key);
  return match ? `${match[1]}/manifest.json` : undefined;
}
