/**
 * Reads a store again and proves by the receipts that everything is there, or names what is not.
 *
 * Proven is: the chain of receipts is unbroken and signed by the site's key; each object that a receipt names is there and
 * has the digest that the receipt says, read back and hashed here; each study's manifest is there, signed, and agrees with
 * the receipts. What split applications made is proved like what was received. Of receipts about other stores a store may
 * hold digests only, signed for it (receiptDigest.ts): one in the place of a receipt about this store can't be forged. Not provable from the store alone: that receipts were not cut off at the end, together with their objects.
 * Give the gateway's own ledger, or the end of the chain as it is known elsewhere (`expectEnd`).
 */
import { createHash, type KeyObject } from 'node:crypto';
import { forEachBounded } from './forEachBounded.ts';
import { type KeySpace, manifestKeyOf, parseReceiptsKey, receiptsFolder, siteKey } from './objectKeys.ts';
import type { ChainEnd } from './receipt.ts';
import { type ChainReport, ChainVerifier, verifyChain } from './receiptChain.ts';
import type { ObjectStore } from './store/objectStore.ts';
import { storeFailure } from './store/storeErrors.ts';
import { storedReceiptLines } from './storedReceipts.ts';
import { type Expected, type ManifestReport, verifyManifests } from './verifyManifests.ts';

export type VerifyOptions = {
  store: ObjectStore;
  site: string;
  publicKey: KeyObject;
  /** As in the keys of the receipts; '' when the store adds its prefix itself. */
  prefix?: string;
  /** Lines of the gateway's ledger; without them the receipts in the store are taken. */
  receipts?: Iterable<string> | AsyncIterable<string>;
  /** A receipt that must be in the chain. */
  expectEnd?: ChainEnd;
  /** Objects read at a time. */
  concurrency?: number;
  /** 'when-present': studies under way, which have no manifest yet or an outdated one, are no fault. */
  manifests?: 'required' | 'when-present';
  onProgress?(progress: VerifyProgress): void;
  signal?: AbortSignal;
};

/** `objects` grows while receipts are read. */
export type VerifyProgress = { receipts: number; objects: number; read: number; bytes: number };

export type VerifyFinding = { key: string; seq: number; reason: string };

export type VerifyReport = {
  /** Everything that has a receipt is there as the receipt says. `unexpected` does not count against it. */
  ok: boolean;
  store: string;
  /** In the chain, those of other stores included. */
  receipts: number;
  /** Objects that the receipts name in this store. */
  objects: number;
  /** Of these, there and with the right digest. */
  verified: number;
  /** Read back and hashed. */
  bytes: number;
  missing: VerifyFinding[];
  /** There with another content, or receipts that contradict each other. */
  corrupt: VerifyFinding[];
  /** The store would not give them: neither proven nor disproven. */
  unreadable: VerifyFinding[];
  manifests: ManifestReport;
  chain: ChainReport;
  /** The receipts in the store, when `receipts` came from elsewhere. They may lag behind. */
  storedChain: ChainReport | undefined;
  /** Keys below the site's folder that no receipt and no manifest explains: deliveries of the last moments, or intruders. */
  unexpected: string[];
};

/** Throws what the store throws when it is unavailable as a whole, for then nothing is proven, and `store.aborted`. */
export async function verifyStore(options: VerifyOptions): Promise<VerifyReport> {
  const { store, site, publicKey, signal, concurrency = 8, manifests = 'required' } = options;
  const space: KeySpace = { prefix: options.prefix ?? '', site };
  const verifier = new ObjectVerifier(options);
  const lines = options.receipts ?? storedReceiptLines(store, space, publicKey, signal);
  await forEachBounded(verifier.expect(lines), concurrency, (object) => verifier.check(object));
  const chain = verifier.chain.finish();
  const storedChain = options.receipts
    ? await verifyChain(storedReceiptLines(store, space, publicKey, signal), publicKey, { store: store.name })
    : undefined;
  const { expected, found } = verifier;
  const manifestReport = await verifyManifests({ store, site, publicKey, expected, concurrency, signal });
  const unfinished = manifestReport.missing.length + manifestReport.outdated.length;
  return {
    ok:
      chain.ok &&
      storedChain?.ok !== false &&
      found.verified === expected.size &&
      found.corrupt.length === 0 &&
      manifestReport.bad.length === 0 &&
      (manifests === 'when-present' || unfinished === 0),
    store: store.name,
    receipts: chain.receipts,
    objects: expected.size,
    ...found,
    manifests: manifestReport,
    chain,
    storedChain,
    unexpected: await findUnexpected(store, space, expected, signal),
  };
}

type Found = Pick<VerifyReport, 'verified' | 'bytes' | 'missing' | 'corrupt' | 'unreadable'>;

class ObjectVerifier {
  readonly chain: ChainVerifier;
  /** By key. The one thing here that grows with the store: about 300 bytes an object. */
  readonly expected = new Map<string, Expected>();
  readonly found: Found = { verified: 0, bytes: 0, missing: [], corrupt: [], unreadable: [] };
  readonly #options: VerifyOptions;
  #receipts = 0;

  constructor(options: VerifyOptions) {
    const { publicKey, expectEnd, receipts, store } = options;
    this.chain = new ChainVerifier(publicKey, {
      ...(expectEnd ? { expectEnd } : {}),
      // The ledger holds every receipt itself.
      ...(receipts ? {} : { store: store.name }),
    });
    this.#options = options;
  }

  /** Follows the chain, and gives each object of this store once, that an authentic receipt names. */
  async *expect(lines: Iterable<string> | AsyncIterable<string>): AsyncGenerator<{ key: string; expected: Expected }> {
    for await (const line of lines) {
      this.#receipts++;
      const receipt = this.chain.add(line);
      if (!receipt || receipt.delivered.store !== this.#options.store.name) continue;
      const { key, sha256, size } = receipt.delivered;
      const before = this.expected.get(key);
      if (!before) {
        const expected = { seq: receipt.seq, sha256, size };
        this.expected.set(key, expected);
        yield { key, expected };
      } else if (before.sha256 !== sha256 || before.size !== size) {
        // Objects are never overwritten: one of the two receipts is about bytes that are not there.
        const reason = `receipts ${before.seq} and ${receipt.seq} say different things of it`;
        this.found.corrupt.push({ key, seq: receipt.seq, reason });
      }
    }
  }

  async check({ key, expected }: { key: string; expected: Expected }): Promise<void> {
    const { store, signal, onProgress } = this.#options;
    const { found } = this;
    const { seq } = expected;
    try {
      const { size, sha256 } = await digestOf(store.get(key, signal));
      found.bytes += size;
      if (size !== expected.size) {
        found.corrupt.push({ key, seq, reason: `${size} bytes, not ${expected.size}` });
      } else if (sha256 !== expected.sha256) {
        found.corrupt.push({ key, seq, reason: `SHA-256 ${sha256}, not ${expected.sha256}` });
      } else found.verified++;
    } catch (error) {
      const { code, message, storeUnavailable } = storeFailure(error);
      if (storeUnavailable || code === 'store.aborted') throw error;
      if (code === 'store.not-found') found.missing.push({ key, seq, reason: 'there is no such object' });
      else found.unreadable.push({ key, seq, reason: message });
    }
    onProgress?.({
      receipts: this.#receipts,
      objects: this.expected.size,
      read: found.verified + found.missing.length + found.corrupt.length + found.unreadable.length,
      bytes: found.bytes,
    });
  }
}

async function digestOf(content: AsyncIterable<Uint8Array>): Promise<{ size: number; sha256: string }> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of content) {
    hash.update(chunk);
    size += chunk.length;
  }
  return { size, sha256: hash.digest('hex') };
}

async function findUnexpected(
  store: ObjectStore,
  space: KeySpace,
  expected: ReadonlyMap<string, Expected>,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const manifests = new Set<string | undefined>();
  for (const key of expected.keys()) manifests.add(manifestKeyOf(key));
  const folder = receiptsFolder(space);
  const unexpected: string[] = [];
  for await (const { key } of store.list(`${siteKey(space)}/`, signal)) {
    const isReceipts = key.startsWith(folder) && parseReceiptsKey(key) !== undefined;
    if (!isReceipts && !expected.has(key) && !manifests.has(key)) unexpected.push(key);
  }
  return unexpected;
}
