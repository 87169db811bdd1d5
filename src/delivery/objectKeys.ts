/**
 * Where things lie in a store. These keys are fixed: the cloud side, operators and `verify` rely on them.
 *
 *   <prefix>/<site>/studies/<study>/series/<series>/<instance>.dcm       first version of an instance
 *   <prefix>/<site>/studies/<study>/series/<series>/<instance>.v<n>.dcm  version n >= 2 of the same SOP Instance UID
 *   <prefix>/<site>/studies/<study>/results/<application>/<version>/<file>
 *                                                  a file that an application made of the whole study; `<file>` may have folders
 *     .../<version>/<unit>/<file>                  ... of one series or instance of it: `<unit>` is its UID
 *     .../<version>/[<unit>/]r<n>/<file>           ... in revision n >= 2, when instances came late
 *     .../<file stem>.v<n>.<extension>             ... and version n >= 2 when the same file came out otherwise
 *   <prefix>/<site>/studies/<study>/manifest.json                        written last
 *   <prefix>/<site>/receipts/<first>-<last>.jsonl                        receipts by sequence number, 12 digits each
 *   <prefix>/<site>/receipts/<first>-<last>.<digest>.jsonl               ... some as digests: 8 digits of the bundle's SHA-256
 *
 * UIDs are those of the object that lies there: the replacements where it was de-identified. They come from strangers, and
 * names of results from foreign programs. A UID that is not made of digits and dots never reaches a key, nor does a name that
 * is not plain: so no key leaves its prefix.
 */
import { GatewayError } from '../base/errors.ts';
import type { ResultRecord, RunRecord } from '../spool/work/workTypes.ts';

/** Stands for a Study or Series Instance UID that is missing or unfit. */
export const UNIDENTIFIED = 'unidentified';

/** Digits of a sequence number in a key, so that the order of names is the order of receipts. */
const SEQUENCE_DIGITS = 12;
/** Digits of a bundle's digest in its key. */
const VARIANT_DIGITS = 8;

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
  if (!isNumber(version) || !isDigest(sha256)) {
    throw badIdentity('not a version and digest of an instance', `version ${version}`);
  }
  const series = usableUid(identity.seriesInstanceUid) ?? UNIDENTIFIED;
  const name = usableUid(identity.sopInstanceUid) ?? `${UNIDENTIFIED}-${sha256.slice(0, 32)}`;
  const file = version === 1 ? `${name}.dcm` : `${name}.v${version}.dcm`;
  return `${studyKey(space, identity.studyInstanceUid)}/series/${series}/${file}`;
}

const isNumber = (value: number) => Number.isSafeInteger(value) && value >= 1;
const isDigest = (value: string) => /^[0-9a-f]{64}$/.test(value);

function badIdentity(message: string, subject: string): GatewayError {
  return new GatewayError(message, { code: 'delivery.bad-identity', operation: 'make object key', subject });
}

/** Of a run, what its results are named by. */
export type RunIdentity = Pick<
  RunRecord,
  'application' | 'version' | 'scope' | 'revision' | 'outputStudy' | 'outputUnit'
>;
/** Of a result, what it is named by. */
export type ResultIdentity = Pick<ResultRecord, 'kind' | 'name' | 'sopInstanceUid' | 'seriesInstanceUid' | 'sha256'>;

/**
 * The key of what a run made; `version` is 1 for the first content under it. A file whose name cannot stand in a key
 * (`resultNameProblem`) is named by its digest: it is not lost for that. Throws `delivery.bad-key-space`, and
 * `delivery.bad-identity` for an application, revision, version or digest that is none.
 */
export function resultKey(space: KeySpace, run: RunIdentity, result: ResultIdentity, version: number): string {
  const { application, version: release, scope, revision, outputStudy, outputUnit } = run;
  const { seriesInstanceUid, sopInstanceUid, sha256 } = result;
  if (result.kind === 'instance') {
    return instanceKey(space, { studyInstanceUid: outputStudy, seriesInstanceUid, sopInstanceUid, version, sha256 });
  }
  const isKnown = isPlainName(application) && isPlainName(release) && isNumber(revision);
  if (!isKnown || !isNumber(version) || !isDigest(sha256)) {
    throw badIdentity('not an application, revision, version and digest of a result', `version ${version}`);
  }
  const folders = [studyKey(space, outputStudy), 'results', application, release];
  if (scope !== 'study') folders.push(usableUid(outputUnit) ?? UNIDENTIFIED);
  if (revision > 1) folders.push(`r${revision}`);
  const name = resultNameProblem(result.name) === undefined ? result.name : unnamed(result);
  return [...folders, versionedName(name, version)].join('/');
}

/** With folders; well within what keys may have, together with what stands before. */
const MAX_RESULT_NAME = 256;
const MAX_RESULT_FOLDERS = 8;

/** Why the name of a result cannot stand in a key, for its author to read; undefined when it can. */
export function resultNameProblem(name: string): string | undefined {
  if (name.length > MAX_RESULT_NAME) return `it is longer than ${MAX_RESULT_NAME} characters`;
  const parts = name.split('/');
  if (parts.length > MAX_RESULT_FOLDERS) return `it has more than ${MAX_RESULT_FOLDERS} folders`;
  if (!parts.every((part) => /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/.test(part))) {
    return 'use letters, digits, ".", "_" and "-", no "." at the beginning, at most 128 characters between slashes';
  }
  if (/^r[0-9]+$/.test(parts[0] ?? '')) return 'names r1, r2, ... at the top are kept for revisions';
  if (/\.v[0-9]+(\.[^.]*)?$/.test(name)) return 'endings .v1, .v2, ... are kept for versions';
  return undefined;
}

/** The extension stays, for programs go by it. */
function unnamed({ name, sha256 }: ResultIdentity): string {
  return `unnamed-${sha256.slice(0, 32)}${/\.(?!v[0-9]+$)[A-Za-z0-9]{1,10}$/.exec(name)?.[0] ?? ''}`;
}

function versionedName(name: string, version: number): string {
  if (version === 1) return name;
  return name.replace(/(\.[^./]*)?$/, (extension) => `.v${version}${extension}`);
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

/**
 * The key of the receipts from `first` to `last`, both included. `digest` (SHA-256 of the bundle) when it holds digests in the
 * place of receipts: which ones depends on the routes of the day, and two bundles of one range must not meet under one key.
 */
export function receiptsKey(space: KeySpace, first: number, last: number, digest?: string): string {
  const digits = (seq: number) => String(seq).padStart(SEQUENCE_DIGITS, '0');
  const variant = digest === undefined ? '' : `.${digest.slice(0, VARIANT_DIGITS)}`;
  return `${receiptsFolder(space)}${digits(first)}-${digits(last)}${variant}.jsonl`;
}

/** The sequence numbers in a key that `receiptsKey` made; undefined for any other key. */
export function parseReceiptsKey(key: string): { first: number; last: number } | undefined {
  const match = /\/receipts\/([0-9]{1,15})-([0-9]{1,15})(?:\.[0-9a-f]{8})?\.jsonl$/.exec(key);
  return match ? { first: Number(match[1]), last: Number(match[2]) } : undefined;
}

/** The manifest that speaks for the object `key`; undefined when the key is not below a study. */
export function manifestKeyOf(key: string): string | undefined {
  const match = /^(.*\/studies\/[^/]+)\/(?:series|results)\//.exec(key);
  return match ? `${match[1]}/manifest.json` : undefined;
}

/** What is said by a key that `resultKey` made for a file; `file` with the folders of unit and revision, if any. */
export function parseResultKey(key: string): { application: string; version: string; file: string } | undefined {
  const match = /\/studies\/[^/]+\/results\/([^/]+)\/([^/]+)\/(.+)$/.exec(key);
  const [, application, version, file] = match ?? [];
  return application && version && file ? { application, version, file } : undefined;
}
