/**
 * Queues what proves a study in its store: receipts, in bundles of consecutive ones, and then the manifest, last. Every
 * store of the site gets the whole chain, for a part of it would not be a chain; of receipts that it must not read it gets
 * the digests (receiptDigest.ts).
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { describeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { priorities } from '../spool/index/deliveryQueue.ts';
import { unidentifiedStudy } from '../spool/index/instanceIndex.ts';
import type { Spool } from '../spool/spool.ts';
import { signManifest } from './manifest.ts';
import { applicationsOf, instanceObject, resultObject } from './manifestObjects.ts';
import { type KeySpace, manifestKey, receiptsKey } from './objectKeys.ts';
import type { UsableLedger } from './openLedger.ts';
import { mayRead, signReceiptDigest } from './receiptDigest.ts';
import type { SigningKey } from './signingKey.ts';

export type ProofWriterOptions = {
  spool: Spool;
  ledger: UsableLedger;
  key: SigningKey;
  site: string;
  stores: ReadonlyArray<StoreSpace>;
  /**
   * Whether a store gets people as they are: some route delivers to it without de-identification. Asked for each bundle, so
   * that a change of routes counts from then on.
   */
  isIdentifiable(store: string): boolean;
  quietMs: number;
  clock: Clock;
  log: Log;
  onQueued(): void;
};

type StoreSpace = { name: string; keySpace: KeySpace };

const intervalMs = 500;
/** Receipts of one bundle, and how long they may wait for company while deliveries go on. */
const bundleSize = 1_000;
const bundleAgeMs = 10_000;
const manifestsAtOnce = 50;

export class ProofWriter {
  readonly #options: ProofWriterOptions;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #lastBundleAt = new Map<string, number>();

  constructor(options: ProofWriterOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = setInterval(() => this.#tick(), intervalMs);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }

  #tick(): void {
    if (this.#running) return;
    this.#running = this.run()
      .catch((error: unknown) => {
        const message = `receipts or manifests could not be queued: ${describeError(error)}; it is tried again`;
        this.#options.log.error('delivery.proof-failed', message);
      })
      .finally(() => {
        this.#running = undefined;
      });
  }

  /** Queues what is due now. */
  async run(): Promise<void> {
    for (const store of this.#options.stores) {
      const due = this.#dueManifests(store.name);
      const queued = await this.#queueReceipts(store, due.length > 0);
      // A manifest names receipts: they go first, and the manifest when they have arrived.
      if (queued || this.#options.spool.queue.receiptsWait(store.name)) continue;
      for (const study of due) this.#queueManifest(store, study);
    }
  }

  #dueManifests(store: string): Array<{ study: string; revision: number }> {
    const quietSince = this.#options.clock.now() - this.#options.quietMs;
    return this.#options.spool.queue.dueManifests(store, quietSince, manifestsAtOnce);
  }

  #uploadedTo(store: string): number {
    return this.#options.spool.index.getMeta(`receipts-uploaded:${store}`) ?? 0;
  }

  async #queueReceipts(store: StoreSpace, now: boolean): Promise<boolean> {
    const { ledger, spool, clock, onQueued } = this.#options;
    const from = this.#uploadedTo(store.name) + 1;
    const waiting = ledger.end.seq - from + 1;
    if (waiting <= 0) return false;
    const age = clock.monotonic() - (this.#lastBundleAt.get(store.name) ?? 0);
    const busy = spool.queue.instancesWait(store.name);
    if (!now && waiting < bundleSize && age < bundleAgeMs && busy) return false;
    const { lines, withheld } = await this.#readBundle(store.name, from);
    const to = from + lines.length - 1;
    const body = Buffer.from(lines.map((line) => `${line}\n`).join(''));
    const digest = withheld ? createHash('sha256').update(body).digest('hex') : undefined;
    const bundleKey = receiptsKey(store.keySpace, from, to, digest);
    spool.index.transaction(() => {
      spool.queue.addObject('receipts', store.name, null, bundleKey, body, priorities.proof);
      spool.index.setMeta(`receipts-uploaded:${store.name}`, to);
    });
    this.#lastBundleAt.set(store.name, clock.monotonic());
    onQueued();
    return true;
  }

  /** The next lines for a store; `withheld` when digests stand for some of them. */
  async #readBundle(store: string, from: number): Promise<{ lines: string[]; withheld: boolean }> {
    const { ledger, key, isIdentifiable } = this.#options;
    const reader = { name: store, isIdentifiable: isIdentifiable(store) };
    const lines: string[] = [];
    let withheld = false;
    for await (const { receipt, line } of ledger.read(from)) {
      const isGiven = mayRead(receipt, reader);
      withheld ||= !isGiven;
      lines.push(isGiven ? line : signReceiptDigest(receipt, line, store, key));
      if (lines.length === bundleSize) break;
    }
    return { lines, withheld };
  }

  #queueManifest(store: StoreSpace, due: { study: string; revision: number }): void {
    const { spool, key, site, clock, onQueued } = this.#options;
    const receipts = spool.queue.receiptsOfStudy(due.study, store.name);
    const results = spool.resultQueue.deliveredOf(due.study, store.name);
    const instances = spool.index.ofStudy(due.study).filter((instance) => receipts.has(instance.seq));
    const objects = [
      ...instances.map((instance) => instanceObject(store.keySpace, instance)),
      ...results.map(({ key: objectKey, result, run, version }) => resultObject(objectKey, result, run, version)),
    ];
    const numbers = [...receipts.values(), ...results.map(({ receipt }) => receipt)];
    const range = numbers.reduce((span, seq) => ({ from: Math.min(span.from, seq), to: Math.max(span.to, seq) }), {
      from: Number.MAX_SAFE_INTEGER,
      to: 0,
    });
    const studyInstanceUid = due.study === unidentifiedStudy ? undefined : due.study;
    const revision = due.revision + 1;
    const { bytes } = signManifest(
      {
        ...{ site, studyInstanceUid, revision, generatedAt: clock.now(), objects, receipts: range },
        applications: applicationsOf(results),
      },
      key,
    );
    spool.queue.addManifest(due.study, store.name, revision, manifestKey(store.keySpace, studyInstanceUid), bytes);
    onQueued();
  }
}
