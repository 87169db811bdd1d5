/** Counts by fixed upper bounds, in seconds, as Prometheus wants a histogram: they only ever grow. Pure. */

export const bucketBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

/** `counts`: one for each bound, and one for what is above them all. */
export type SecondsEntries = { counts: number[]; sumSeconds: number };

export class SecondsBuckets {
  readonly #counts: number[];
  #sumSeconds: number;

  constructor(entries: SecondsEntries = { counts: [], sumSeconds: 0 }) {
    this.#counts = Array.from({ length: bucketBounds.length + 1 }, (_, at) => entries.counts[at] ?? 0);
    this.#sumSeconds = entries.sumSeconds;
  }

  add(seconds: number): void {
    const found = bucketBounds.findIndex((bound) => seconds <= bound);
    const at = found < 0 ? bucketBounds.length : found;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#sumSeconds += seconds;
  }

  /** How many were at most so long, for each bound; `count` is all of them. */
  get cumulative(): { buckets: Array<[bound: number, count: number]>; count: number; sumSeconds: number } {
    let count = 0;
    const buckets = bucketBounds.map((bound, at): [number, number] => {
      count += this.#counts[at] ?? 0;
      return [bound, count];
    });
    return { buckets, count: count + (this.#counts[bucketBounds.length] ?? 0), sumSeconds: this.#sumSeconds };
  }

  entries(): SecondsEntries {
    return { counts: [...this.#counts], sumSeconds: this.#sumSeconds };
  }
}
