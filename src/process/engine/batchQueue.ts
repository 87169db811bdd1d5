/**
 * Which items a worker thread gets next. Urgent runs first, then the oldest; an item on which a thread has died goes alone, so
 * that a second death says for certain whose fault it was. Pure.
 */

export type Pending<Item> = { item: Item; index: number /** Bytes to be worked on. */; weight: number; deaths: number };

export type BatchBounds = { items: number; weight: number };

/** Two deaths are its own doing; the first may have been another's, or the machine's. */
export const deathsOfPoison = 2;

export class BatchQueue<Run, Item> {
  /** In the order in which they were opened. */
  readonly #runs = new Map<Run, { priority: number; pending: Pending<Item>[] }>();
  readonly #bounds: BatchBounds;

  constructor(bounds: BatchBounds) {
    this.#bounds = bounds;
  }

  add(run: Run, priority: number, items: Pending<Item>[]): void {
    const known = this.#runs.get(run);
    if (known === undefined) this.#runs.set(run, { priority, pending: [...items] });
    else known.pending.push(...items);
  }

  /** What a thread had when it died: before everything else of its run. */
  putBack(run: Run, items: Pending<Item>[]): void {
    this.#runs.get(run)?.pending.unshift(...items);
  }

  drop(run: Run): void {
    this.#runs.delete(run);
  }

  get isEmpty(): boolean {
    return [...this.#runs.values()].every(({ pending }) => pending.length === 0);
  }

  next(): { run: Run; batch: Pending<Item>[] } | undefined {
    let best: { run: Run; priority: number; pending: Pending<Item>[] } | undefined;
    for (const [run, { priority, pending }] of this.#runs) {
      if (pending.length > 0 && (best === undefined || priority > best.priority)) best = { run, priority, pending };
    }
    return best === undefined ? undefined : { run: best.run, batch: this.#take(best.pending) };
  }

  #take(pending: Pending<Item>[]): Pending<Item>[] {
    let count = 0;
    let weight = 0;
    for (const one of pending) {
      if (count > 0 && (one.deaths > 0 || count >= this.#bounds.items || weight + one.weight > this.#bounds.weight))
        break;
      count += 1;
      weight += one.weight;
      if (one.deaths > 0) break;
    }
    return pending.splice(0, count);
  }
}
