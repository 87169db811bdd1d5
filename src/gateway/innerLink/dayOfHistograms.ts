/** Samples of the last 24 hours: one histogram for each hour of the clock, merged when they are asked for. Pure. */
import { type HistogramEntries, LogHistogram } from './logHistogram.ts';

const hourMs = 3_600_000;
const hours = 24;

export type HourEntries = Array<[hour: number, entries: HistogramEntries]>;

export class DayOfHistograms {
  /** By hours since 1970. */
  readonly #hours: Map<number, LogHistogram>;
  /** The 23 hours before `hour`, merged: they change once an hour, and are asked for every few seconds. */
  #before: { hour: number; histogram: LogHistogram } | undefined;

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
    if (this.#before && hour < this.#before.hour) this.#before = undefined;
    histogram.add(value);
  }

  /** The hour that is running, and the 23 before it. */
  merged(now: number): LogHistogram {
    const hour = Math.floor(now / hourMs);
    if (this.#before?.hour !== hour)
      this.#before = { hour, histogram: this.#merge((of) => of > hour - hours && of < hour) };
    const merged = this.#merge((of) => of >= hour);
    merged.merge(this.#before.histogram);
    return merged;
  }

  #merge(isWanted: (hour: number) => boolean): LogHistogram {
    const merged = new LogHistogram();
    for (const [hour, histogram] of this.#hours) if (isWanted(hour)) merged.merge(histogram);
    return merged;
  }

  entries(): HourEntries {
    return [...this.#hours].map(([hour, histogram]) => [hour, histogram.entries()]);
  }
}
