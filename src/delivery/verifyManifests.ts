/** Compares the manifests in a store with the receipts. */
import type { KeyObject } from 'node:crypto';
import { GatewayError } from '../base/errors.ts';
import { forEachBounded } from './forEachBounded.ts';
import { type Manifest, verifyManifest } from './manifest.ts';
import { manifestKeyOf, UNIDENTIFIED } from './objectKeys.ts';
import type { ObjectStore } from './store/objectStore.ts';
import { storeFailure } from './store/storeErrors.ts';

/** What receipts say of an object in the store. */
export type Expected = { seq: number; sha256: string; size: number };

export type ManifestReport = {
  /** Studies of which the store holds objects. */
  expected: number;
  verified: number;
  /** Keys of manifests that are not there: the study is not finished, or its manifest was taken away. */
  missing: string[];
  bad: Array<{ key: string; reason: string }>;
  /** Manifests to which deliveries have come since: a later revision is due. */
  outdated: Array<{ key: string; objects: number }>;
};

/** A manifest of 100,000 objects has 50 MB. */
const MAX_MANIFEST_BYTES = 1 << 27;

export async function verifyManifests(options: {
  store: ObjectStore;
  site: string;
  publicKey: KeyObject;
  expected: ReadonlyMap<string, Expected>;
  concurrency: number;
  signal?: AbortSignal | undefined;
}): Promise<ManifestReport> {
  const { store, site, publicKey, expected, concurrency, signal } = options;
  const studies = groupByManifest(expected.keys());
  const report: ManifestReport = { expected: studies.size, verified: 0, missing: [], bad: [], outdated: [] };
  await forEachBounded(studies, concurrency, async ([key, objects]) => {
    const bytes = await readManifest(store, key, signal);
    if (!bytes) return void report.missing.push(key);
    let manifest: Manifest;
    try {
      manifest = verifyManifest(bytes, publicKey, key);
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      return void report.bad.push({ key, reason: error.message });
    }
    const reason = misplaced(key, manifest, site) ?? inconsistency(manifest, objects, expected);
    if (reason !== undefined) return void report.bad.push({ key, reason });
    const later = objects.filter((object) => (expected.get(object)?.seq ?? 0) > manifest.receipts.to).length;
    if (later > 0) report.outdated.push({ key, objects: later });
    else report.verified++;
  });
  return report;
}

function groupByManifest(keys: Iterable<string>): Map<string, string[]> {
  const studies = new Map<string, string[]>();
  for (const key of keys) {
    const manifestKey = manifestKeyOf(key);
    if (manifestKey === undefined) continue;
    const objects = studies.get(manifestKey);
    if (objects) objects.push(key);
    else studies.set(manifestKey, [key]);
  }
  return studies;
}

/** A signed manifest in the place of another proves nothing there. */
function misplaced(key: string, manifest: Manifest, site: string): string | undefined {
  if (manifest.site !== site) return `it is the manifest of site ${manifest.site}`;
  if (key.endsWith(`/studies/${manifest.study || UNIDENTIFIED}/manifest.json`)) return undefined;
  return `it is the manifest of study ${manifest.study || UNIDENTIFIED}`;
}

/** The first thing in which a manifest and the receipts differ. */
function inconsistency(
  manifest: Manifest,
  objects: string[],
  expected: ReadonlyMap<string, Expected>,
): string | undefined {
  const named = new Set<string>();
  for (const { key, sha256, size } of manifest.objects) {
    const receipt = expected.get(key);
    if (!receipt) return `it names an object without a receipt: ${key}`;
    if (receipt.sha256 !== sha256 || receipt.size !== size) return `its digest of ${key} is not that of the receipt`;
    named.add(key);
  }
  for (const key of objects) {
    const seq = expected.get(key)?.seq ?? 0;
    if (seq <= manifest.receipts.to && !named.has(key)) return `it does not name ${key}, which has receipt ${seq}`;
  }
  return undefined;
}

async function readManifest(
  store: ObjectStore,
  key: string,
  signal: AbortSignal | undefined,
): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of store.get(key, signal)) {
      chunks.push(chunk);
      size += chunk.length;
      // What is longer is none; cut short, it will not be taken for one.
      if (size > MAX_MANIFEST_BYTES) break;
    }
  } catch (error) {
    if (storeFailure(error).code === 'store.not-found') return undefined;
    throw error;
  }
  return Buffer.concat(chunks);
}
