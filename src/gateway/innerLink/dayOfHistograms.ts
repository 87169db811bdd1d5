/** Samples of the last 24 hours: one histogram for each hour of the clock, merged when they are asked for. Pure. */
import { type HistogramEntries, LogHistogram } from './logHistogram.ts';

const hourMs = 3_600_000;
const hours = 24;

export type HourEntries = Array<[hour: number, entries: HistogramEntries]>;

export class DayOfHistograms {
  /** By hours since 1970. */
  readonly #hours: Map<number, LogHistogram>;

  constructor(entries: HourEntries = []) {
    this.#hours = new Map(entries.map(([hour, histogram]) => [hour, new LogHistogram(histogram)]));
  }

  add(value: number, now: number): void {
    const hour = Math.floor(now / hourMs);
    let histogram = this.#hours.get(hour);
    if (histogram === undefined) {
      // Also those that a clock which was wrong has left in the future.
      for (const old of this.#hours.keys()) if (old <= hour - hours || old > hour + 1) this.#hours.delete(old);
      histogram = new LogHistogram();
      this.#hours.set(hour, histogram);
    }
    histogram.add(value);
  }

  /** The hour that is running, and the 23 before it. */
  merged(now: number): LogHistogram {
    const hour = Math.floor(now / hourMs);
    const all = new LogHistogram();
    for (const [of, histogram] of this.#hours) if (of > hour - hours) all.merge(histogram);
    return all;
  }

  entries(): HourEntries {
    return [...this.#hours].map(([hour, histogram]) => [hour, histogram.entries()]);
  }
}
