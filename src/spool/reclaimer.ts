/**
 * Gives space back: prunes delivered instances past their retention, and recycles segments in which nothing lives any more.
 * Undelivered data are never touched (invariant 3). When space has run out, delivered instances are pruned before their
 * time, oldest first.
 */
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { InstanceIndex } from './index/instanceIndex.ts';
import { segmentHeaderSize } from './segmentFormat.ts';
import type { SegmentStore } from './segmentStore.ts';

const intervalMs = 2_000;
const batch = 2_000;

export class Reclaimer {
  readonly #index: InstanceIndex;
  readonly #store: SegmentStore;
  readonly #isPinned: (segmentId: number) => boolean;
  readonly #keepDeliveredMs: number;
  readonly #onShort: () => void;
  readonly #onTurn: () => void;
  readonly #clock: Clock;
  readonly #log: Log;
  #timer: NodeJS.Timeout | undefined;
  #hurried = false;

  constructor(options: {
    index: InstanceIndex;
    store: SegmentStore;
    isPinned(segmentId: number): boolean;
    keepDeliveredMs: number;
    /** Called at intervals while less than two segments could still be taken: the time to copy stragglers together. */
    onShort(): void;
    /** Called at each turn, after instances were pruned. */
    onTurn(): void;
    clock: Clock;
    log: Log;
  }) {
    this.#index = options.index;
    this.#store = options.store;
    this.#isPinned = options.isPinned;
    this.#keepDeliveredMs = options.keepDeliveredMs;
    this.#onShort = options.onShort;
    this.#onTurn = options.onTurn;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.run();
      if (this.#store.bytesAvailable < 2 * this.#store.segmentSize) this.#onShort();
    }, intervalMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** An instance was just refused: look for space now, not at the next turn of the clock. */
  hurry(): void {
    if (this.#hurried) return;
    this.#hurried = true;
    setImmediate(() => {
      this.#hurried = false;
      this.run();
    });
  }

  run(): void {
    try {
      this.#index.prune(this.#clock.now() - this.#keepDeliveredMs, batch);
      if (this.#store.refusal !== undefined) this.#pruneEarly();
      this.#recycle();
      this.#onTurn();
    } catch (error) {
      this.#log.error('spool.reclaim-failed', `space could not be given back: ${String(error)}; it is tried again`);
    }
  }

  #pruneEarly(): void {
    const pruned = this.#index.prune(Number.MAX_SAFE_INTEGER, batch);
    if (pruned === 0) return;
    const message = `space has run out: ${pruned} delivered instances were pruned before their retention ended`;
    this.#log.warn('spool.pruned-early', message, { instances: pruned });
  }

  #recycle(): void {
    const segments = this.#index
      .reclaimableSegments()
      .filter((id) => !this.#isPinned(id))
      .map((id) => this.#store.get(id))
      .filter((segment) => segment !== undefined);
    if (segments.length === 0) return;
    // What was pruned or moved out of them must stay so after a power cut, before they are written again. And the index is
    // told first: a row that is ahead of its segment only makes recovery read it.
    for (const { id, generation } of segments) this.#index.putSegment(id, generation + 1, 'free', segmentHeaderSize);
    this.#index.sync();
    for (const segment of segments) this.#store.recycle(segment);
  }
}
