/**
 * Group commit. Frames that are handed in during one turn of the event loop go to disk in one write and are durable by
 * it (the segments are opened with O_DSYNC); their callers hear of it only then (invariant 1). A few groups may be under way:
 * the next is copied while the one before is on its way to the disk. They complete in the order in which they lie in the
 * log, so that nothing durable ever comes after something torn.
 */
import { writev } from 'node:fs';
import { promisify } from 'node:util';
import { describeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { alignUp, type Extent, encodeFrameHeader, type FrameType, segmentHeaderSize } from './segmentFormat.ts';
import type { Segment, SegmentStore } from './segmentStore.ts';

const writeVector = promisify(writev);

export type Frame = {
  type: FrameType;
  /** Called when the frame's place is known, in the order of the frames: an instance's meta names its parts' places. */
  meta(): Buffer;
  payload: readonly Buffer[];
  payloadLength: number;
  /** Upper bound of the meta's length, so that the frame surely fits. */
  metaBound: number;
  onPlaced(extent: Extent): void;
  onDurable(): void;
  onFailed(reason: string): void;
};

type Group = { segment: Segment; start: number; length: number; buffers: Buffer[]; frames: Frame[] };

const maxGroupsInFlight = 4;
const padding = Buffer.alloc(4096);
const spaceOf = (frame: Frame) => alignUp(28 + frame.metaBound + frame.payloadLength);

export class SegmentWriter {
  readonly #store: SegmentStore;
  readonly #log: Log;
  /** Tells that a segment is full and will not be written any more. */
  readonly #onSealed: (segment: Segment, end: number) => void;
  readonly #onActive: (segment: Segment) => void;
  #queue: Frame[] = [];
  #active: Segment | undefined;
  #position = 0;
  /** Completion of the newest group: the next one's frames are durable only after it. */
  #last: Promise<void> = Promise.resolve();
  /** Segments in which a write or sync failed: the kernel may have dropped the pages, so nothing later there is trusted. */
  readonly #poisoned = new WeakSet<Segment>();
  #inFlight = 0;
  #scheduled = false;
  #waitingForSegment = false;

  constructor(options: {
    store: SegmentStore;
    log: Log;
    onActive(segment: Segment): void;
    onSealed(segment: Segment, end: number): void;
  }) {
    this.#store = options.store;
    this.#log = options.log;
    this.#onActive = options.onActive;
    this.#onSealed = options.onSealed;
  }

  get active(): Segment | undefined {
    return this.#active;
  }

  /** Bytes that still fit the active segment. */
  get roomInActive(): number {
    return this.#active === undefined ? 0 : this.#store.segmentSize - this.#position;
  }

  enqueue(frame: Frame): void {
    if (segmentHeaderSize + spaceOf(frame) > this.#store.segmentSize) {
      return frame.onFailed(
        'it does not fit a segment: spool.segmentSize is too small for an instance of so many pieces',
      );
    }
    this.#queue.push(frame);
    this.#schedule();
  }

  /** Resolves when everything handed in so far is durable or has failed. */
  async idle(): Promise<void> {
    while (this.#queue.length > 0 || this.#inFlight > 0) await new Promise((resolve) => setTimeout(resolve, 2));
  }

  #schedule(): void {
    if (this.#scheduled || this.#waitingForSegment || this.#inFlight >= maxGroupsInFlight) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#startGroup();
    });
  }

  #startGroup(): void {
    if (this.#queue.length === 0 || this.#inFlight >= maxGroupsInFlight) return;
    const first = this.#queue[0];
    if (first === undefined) return;
    if (this.#active === undefined || !this.#fits(first)) {
      if (!this.#rotate()) return;
    }
    const group = this.#formGroup();
    if (group === undefined) return;
    this.#inFlight++;
    const before = this.#last;
    const written = this.#write(group);
    this.#last = this.#complete(group, before, written);
    this.#schedule();
  }

  #fits(frame: Frame): boolean {
    return this.#position + spaceOf(frame) <= this.#store.segmentSize;
  }

  /** Moves on to a free segment. False when there is none: the frames wait for one, or fail. */
  #rotate(): boolean {
    const next = this.#store.take();
    if (next === undefined) {
      if (this.#store.isAllocating) {
        this.#waitingForSegment = true;
        this.#store.whenFree(() => {
          this.#waitingForSegment = false;
          this.#schedule();
        });
        return false;
      }
      const reason = this.#store.refusal ?? 'no free segment';
      for (const frame of this.#queue.splice(0)) frame.onFailed(reason);
      return false;
    }
    void this.seal();
    this.#active = next;
    this.#position = segmentHeaderSize;
    this.#onActive(next);
    return true;
  }

  /**
   * Gives the active segment up; the next frame begins another. It counts as sealed, which is read to the end by nobody any
   * more, only when its last group has completed: what is still on its way would otherwise be forgotten by a crash.
   */
  seal(): Promise<void> {
    const segment = this.#active;
    if (segment === undefined) return this.#last;
    const end = this.#position;
    this.#active = undefined;
    return this.#last.then(() => this.#onSealed(segment, end));
  }

  #formGroup(): Group | undefined {
    const segment = this.#active;
    if (segment === undefined) return undefined;
    const group: Group = { segment, start: this.#position, length: 0, buffers: [], frames: [] };
    while (this.#queue[0] !== undefined && this.#fits(this.#queue[0])) {
      const frame = this.#queue.shift();
      if (frame === undefined) break;
      const header = encodeFrameHeader(frame.type, segment.generation, frame.meta(), frame.payloadLength);
      const unpadded = header.length + frame.payloadLength;
      const length = alignUp(unpadded);
      group.buffers.push(header, ...frame.payload);
      if (length > unpadded) group.buffers.push(padding.subarray(0, length - unpadded));
      frame.onPlaced({
        segment: segment.id,
        generation: segment.generation,
        offset: this.#position + header.length,
        length: frame.payloadLength,
      });
      group.frames.push(frame);
      group.length += length;
      this.#position += length;
    }
    return group;
  }

  async #write(group: Group): Promise<void> {
    const { bytesWritten } = await writeVector(group.segment.fd, group.buffers, group.start);
    if (bytesWritten !== group.length) throw new Error(`wrote ${bytesWritten} of ${group.length} bytes`);
  }

  /** Waits for the group and for all before it, then tells its frames what became of them. */
  async #complete(group: Group, before: Promise<void>, written: Promise<void>): Promise<void> {
    const failure = await written.then(
      () => undefined,
      (error: unknown) => describeError(error),
    );
    await before;
    this.#inFlight--;
    if (failure === undefined && !this.#poisoned.has(group.segment)) {
      for (const frame of group.frames) frame.onDurable();
    } else {
      this.#poison(group, failure ?? 'an earlier write to the same segment failed');
    }
    this.#schedule();
  }

  #poison(group: Group, reason: string): void {
    this.#log.error(
      'spool.write-failed',
      `a write to the spool failed: ${reason}; its instances were not acknowledged`,
      {
        segment: group.segment.path,
        instances: group.frames.length,
      },
    );
    this.#poisoned.add(group.segment);
    if (this.#active === group.segment) {
      this.#position = group.start; // what counts as its end; nothing is written to it again
      void this.seal();
    }
    for (const frame of group.frames) frame.onFailed(reason);
  }
}
