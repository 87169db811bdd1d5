/** An intake that keeps what it is given in memory and does as the test says: full, slow, refusing, broken. */
import { createHash } from 'node:crypto';
import type { IncomingInstance, InstanceHeader, Intake, IntakeOutcome } from '../../src/dicom/services/storage.ts';

export type StoredInstance = { header: InstanceHeader; bytes: number; sha256: string; dataSet: Buffer | undefined };

export class MemoryIntake implements Intake {
  readonly stored: StoredInstance[] = [];
  begun = 0;
  discarded = 0;
  /** Bytes taken so far, of whole and of unfinished instances. */
  taken = 0;
  /** Set to have `begin` refuse. */
  refuse: string | undefined;
  /** Set to have `begin` or `write` throw, as no intake should. */
  breaks: 'begin' | 'write' | 'finish' | undefined;
  outcome: IntakeOutcome = { kind: 'stored' };
  readonly #keep: boolean;
  #full = false;
  #draining: Array<() => void> = [];
  #held: Array<() => void> | undefined;
  #waiting: Array<() => void> = [];

  /** `keep`: whether the bytes are kept, or only their number and digest. */
  constructor(options: { keep?: boolean } = {}) {
    this.#keep = options.keep ?? true;
  }

  set full(value: boolean) {
    this.#full = value;
    if (!value) for (const callback of this.#draining.splice(0)) callback();
  }

  /** From now on nothing becomes durable until `release`. */
  hold(): void {
    this.#held = [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const callback of held) callback();
  }

  /** From now on each instance becomes durable when the test calls its function; they stand in the order of their finishes. */
  holdEach(): Array<() => void> {
    this.#held = [];
    return this.#held;
  }

  /** Resolves as soon as `condition` holds; it is looked at whenever something happens here. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #changed(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  begin(header: InstanceHeader): IncomingInstance | { refused: string } {
    if (this.breaks === 'begin') throw new Error('begin breaks');
    if (this.refuse !== undefined) return { refused: this.refuse };
    this.begun++;
    const hash = createHash('sha256');
    const parts: Buffer[] = [];
    let bytes = 0;
    queueMicrotask(() => this.#changed());
    return {
      write: (piece) => {
        if (this.breaks === 'write') throw new Error('write breaks');
        hash.update(piece);
        bytes += piece.length;
        this.taken += piece.length;
        if (this.#keep) parts.push(Buffer.from(piece));
        this.#changed();
        return !this.#full;
      },
      onDrain: (callback) => void this.#draining.push(callback),
      finish: async () => {
        if (this.breaks === 'finish') throw new Error('finish breaks');
        const durable = new Promise<void>((resolve) => (this.#held ? this.#held.push(resolve) : resolve()));
        this.#changed();
        await durable;
        const dataSet = this.#keep ? Buffer.concat(parts) : undefined;
        this.stored.push({ header, bytes, sha256: hash.digest('hex'), dataSet });
        this.#changed();
        return this.outcome;
      },
      discard: () => {
        this.discarded++;
        this.#changed();
      },
    };
  }
}
