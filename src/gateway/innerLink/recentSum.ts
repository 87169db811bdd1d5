/** The sum of what came in the last minute (or another span), in a fixed number of slots. Pure. */

const slots = 12;

export class RecentSum {
  readonly #slotMs: number;
  readonly #sums = new Float64Array(slots);
  /** Which slot of time each entry holds. */
  readonly #numbers = new Float64Array(slots).fill(-1);

  constructor(spanMs: number) {
    this.#slotMs = spanMs / slots;
  }

  add(amount: number, now: number): void {
    const number = Math.floor(now / this.#slotMs);
    const at = number % slots;
    if (this.#numbers[at] !== number) {
      this.#numbers[at] = number;
      this.#sums[at] = 0;
    }
    this.#sums[at] = (this.#sums[at] ?? 0) + amount;
  }

  sum(now: number): number {
    const number = Math.floor(now / this.#slotMs);
    return this.#sums.reduce((sum, of, at) => {
      const age = number - (this.#numbers[at] ?? -1);
      return age >= 0 && age < slots ? sum + of : sum;
    }, 0);
  }
}
