/**
 * The manifest of a study: which objects it consists of, each with its digest, signed by the site. It is written last, so
 * that whoever finds one knows that everything it names is there. A study that grows gets a later revision under the same
 * key. Canonical JSON (RFC 8785); `signature` (Ed25519) covers the canonical JSON of the rest.
 */
import { createHash, type KeyObject } from 'node:crypto';
import { GatewayError } from '../base/errors.ts';
import { canonicalJson } from './canonicalJson.ts';
import { usableUid } from './objectKeys.ts';
import type { AppliedStep } from './receipt.ts';
import { keyIdOf, type SigningKey, signCanonical, verifyCanonical } from './signingKey.ts';

/** Part of what is signed, so that no signature made for another kind of document can stand for a manifest. */
export const MANIFEST_FORMAT = 'medusa.manifest/1';

export type ManifestObject = {
  key: string;
  sha256: string;
  size: number;
  /** UIDs stand as '' when the instance had none that is fit. */
  sopInstanceUid: string;
  version: number;
  series: string;
  sopClass: string;
  transferSyntax: string;
  /** What was noticed at reception: `malformed`, `conflicting-version`, ... */
  flags: string[];
  /** Of what a split application made: by which run (`applications`), and from how many instances. */
  result?: { application: string; version: string; revision: number; unit: string; from: number };
};

/**
 * What one run of a split application took, made, cost and saved. Only whole numbers have one canonical form, so what has a
 * fraction stands as decimal text.
 */
export type ManifestApplication = {
  name: string;
  version: string;
  revision: number;
  scope: 'instance' | 'series' | 'study';
  /** UID of the study, series or instance, as it is in the results; '' when it has none that is fit. */
  unit: string;
  bytesIn: number;
  /** Bytes of the results that are delivered. */
  bytesOut: number;
  /** bytesOut / bytesIn, as in "0.0312"; "0" when nothing came in. */
  ratio: string;
  /** The ratio that the application's manifest promised, and whether it was reached; not there when none was promised. */
  promised?: string;
  reached?: boolean;
  cpuSeconds: string;
  peakMemoryBytes: number;
  wallMs: number;
  instancesIn: number;
  instancesOut: number;
  files: number;
  notSelected: number;
  quarantined: number;
  steps: AppliedStep[];
};

export type Manifest = {
  format: typeof MANIFEST_FORMAT;
  site: string;
  /** Id of the gateway's key: `keyIdOf`. */
  gateway: string;
  /** Study Instance UID, or '' for the instances that named none. */
  study: string;
  /** 1 for the first manifest of a study; a later one replaces it. */
  revision: number;
  /** Milliseconds since 1970. */
  generatedAt: number;
  /** Every object named was confirmed by the store before this was written. */
  complete: true;
  /** In the order of their keys. */
  objects: ManifestObject[];
  /** The runs that made `objects`; not there when none is a result. */
  applications?: ManifestApplication[];
  /** The sequence numbers of the first and the last receipt of these objects, both included. */
  receipts: { from: number; to: number };
  signature: string;
};

export type ManifestDraft = {
  site: string;
  studyInstanceUid: string | undefined;
  revision: number;
  generatedAt: number;
  objects: ManifestObject[];
  applications?: ManifestApplication[];
  receipts: { from: number; to: number };
};

/** The bytes to store, with what a job needs to carry them. Throws `json.not-canonical`. */
export function signManifest(
  draft: ManifestDraft,
  key: SigningKey,
): { manifest: Manifest; bytes: Buffer; sha256: string } {
  const uid = (value: string) => usableUid(value) ?? '';
  const unsigned: Omit<Manifest, 'signature'> = {
    format: MANIFEST_FORMAT,
    site: draft.site,
    gateway: key.keyId,
    study: usableUid(draft.studyInstanceUid) ?? '',
    revision: draft.revision,
    generatedAt: draft.generatedAt,
    complete: true,
    objects: draft.objects
      .map((object) => ({ ...object, sopInstanceUid: uid(object.sopInstanceUid), series: uid(object.series) }))
      .sort((a, b) => (a.key < b.key ? -1 : 1)),
    ...(draft.applications?.length ? { applications: draft.applications } : {}),
    receipts: draft.receipts,
  };
  const manifest: Manifest = { ...unsigned, signature: signCanonical(unsigned, key.privateKey) };
  const bytes = Buffer.from(canonicalJson(manifest));
  return { manifest, bytes, sha256: createHash('sha256').update(bytes).digest('hex') };
}

/** Throws `manifest.malformed`, `manifest.foreign-key` and `manifest.bad-signature`. */
export function verifyManifest(bytes: Uint8Array, publicKey: KeyObject, subject: string): Manifest {
  const manifest = parseManifest(bytes, subject);
  if (manifest.gateway !== keyIdOf(publicKey)) {
    throw manifestError('foreign-key', `signed by key ${manifest.gateway}, not by ${keyIdOf(publicKey)}`, subject);
  }
  const { signature, ...unsigned } = manifest;
  if (!verifyCanonical(unsigned, signature, publicKey)) {
    throw manifestError('bad-signature', 'it was changed after it was signed', subject);
  }
  return manifest;
}

function parseManifest(bytes: Uint8Array, subject: string): Manifest {
  let value: unknown;
  const text = Buffer.from(bytes).toString('utf8');
  try {
    value = JSON.parse(text);
    if (canonicalJson(value as Manifest) !== text) throw new Error('not in canonical form');
  } catch (cause) {
    throw manifestError('malformed', 'no canonical JSON', subject, cause);
  }
  if (!hasMembers(value, MANIFEST_MEMBERS) || value.format !== MANIFEST_FORMAT || value.complete !== true) {
    throw manifestError('malformed', 'members are missing or of the wrong kind', subject);
  }
  const manifest = value as Manifest;
  if (!manifest.objects.every((object) => hasMembers(object, OBJECT_MEMBERS))) {
    throw manifestError('malformed', 'an object lacks members', subject);
  }
  const problem = resultsProblem(manifest);
  if (problem !== undefined) throw manifestError('malformed', problem, subject);
  if (!hasMembers(manifest.receipts, { from: 'number', to: 'number' })) {
    throw manifestError('malformed', 'the range of receipts is missing', subject);
  }
  return manifest;
}

/** Members that manifests have had since there are split applications; older ones have none of them. */
function resultsProblem({ applications = [], objects }: Manifest): string | undefined {
  if (!Array.isArray(applications)) return 'applications are no list';
  if (!applications.every((one) => hasMembers(one, APPLICATION_MEMBERS))) return 'an application lacks members';
  const runs = new Set(applications.map(({ name, ...run }) => runKey({ application: name, ...run })));
  for (const { result } of objects) {
    if (result === undefined) continue;
    if (!hasMembers(result, RESULT_MEMBERS)) return 'a result lacks members';
    if (!runs.has(runKey(result))) return 'a result is of no application that it names';
  }
  return undefined;
}

const runKey = (run: { application: string; version: string; revision: number; unit: string }) =>
  JSON.stringify([run.application, run.version, run.revision, run.unit]);

type Members = Record<string, 'string' | 'number' | 'boolean' | 'object' | 'list'>;

const MANIFEST_MEMBERS: Members = {
  format: 'string',
  site: 'string',
  gateway: 'string',
  study: 'string',
  revision: 'number',
  generatedAt: 'number',
  complete: 'boolean',
  objects: 'list',
  receipts: 'object',
  signature: 'string',
};

const OBJECT_MEMBERS: Members = {
  key: 'string',
  sha256: 'string',
  size: 'number',
  sopInstanceUid: 'string',
  version: 'number',
  series: 'string',
  sopClass: 'string',
  transferSyntax: 'string',
  flags: 'list',
};

const RESULT_MEMBERS: Members = {
  application: 'string',
  version: 'string',
  revision: 'number',
  unit: 'string',
  from: 'number',
};

const APPLICATION_MEMBERS: Members = {
  name: 'string',
  version: 'string',
  revision: 'number',
  scope: 'string',
  unit: 'string',
  bytesIn: 'number',
  bytesOut: 'number',
  ratio: 'string',
  cpuSeconds: 'string',
  peakMemoryBytes: 'number',
  wallMs: 'number',
  instancesIn: 'number',
  instancesOut: 'number',
  files: 'number',
  notSelected: 'number',
  quarantined: 'number',
  steps: 'list',
};

function hasMembers(value: unknown, members: Members): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const record = value as Record<string, unknown>;
  return Object.entries(members).every(([name, kind]) =>
    kind === 'list' ? Array.isArray(record[name]) : typeof record[name] === kind,
  );
}

function manifestError(problem: string, message: string, subject: string, cause?: unknown): GatewayError {
  return new GatewayError(`not a manifest of this site: ${message}`, {
    code: `manifest.${problem}`,
    operation: 'verify manifest',
    subject,
    cause,
  });
}
