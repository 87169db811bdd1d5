/**
 * A histogram whose buckets grow by 5 %: quantiles of anything positive (milliseconds, bytes a second) to within 2.5 %, in
 * bounded memory, and two of them merge by adding. Pure.
 */

const growth = 1.05;
const logGrowth = Math.log(growth);
/** From 5e-5 to 1e15; what is outside counts at the edge. */
const [lowest, highest] = [-203, 708];

const bucketOf = (value: number) =>
  value > 0 ? Math.min(highest, Math.max(lowest, Math.ceil(Math.log(value) / logGrowth))) : lowest;

/** Pairs of bucket and count, as a histogram is written to a file. */
export type HistogramEntries = ReadonlyArray<readonly [bucket: number, count: number]>;

export class LogHistogram {
  readonly #counts: Map<number, number>;
  #samples = 0;
  /** What `entries` answered, until something is added. */
  #sorted: HistogramEntries | undefined;

  constructor(entries: HistogramEntries = []) {
    this.#counts = new Map(entries);
    for (const [, count] of entries) this.#samples += count;
  }

  get samples(): number {
    return this.#samples;
  }

  add(value: number): void {
    const bucket = bucketOf(value);
    this.#counts.set(bucket, (this.#counts.get(bucket) ?? 0) + 1);
    this.#samples++;
    this.#sorted = undefined;
  }

  merge(other: LogHistogram): void {
    for (const [bucket, count] of other.#counts) this.#counts.set(bucket, (this.#counts.get(bucket) ?? 0) + count);
    this.#samples += other.#samples;
    this.#sorted = undefined;
  }

  /** The value that a share `q` of the samples does not exceed (nearest rank); undefined without samples. */
  quantile(q: number): number | undefined {
    let rank = Math.max(1, Math.ceil(q * this.#samples));
    for (const [bucket, count] of this.entries()) {
      rank -= count;
      if (rank <= 0) return growth ** (bucket - 0.5);
    }
    return undefined;
  }

  /** In the order of the buckets. */
  entries(): HistogramEntries {
    this.#sorted ??= [...this.#counts].sort(([a], [b]) => a - b);
    return this.#sorted;
  }
}
