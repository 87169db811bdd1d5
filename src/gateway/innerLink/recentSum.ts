/** The sum of what came in the last minute (or another span), in a fixed number of slots. Pure. */

const slots = 12;
/** The span begins within the oldest. */
const kept = slots + 1;

export class RecentSum {
  readonly #slotMs: number;
  readonly #sums = new Float64Array(kept);
  /** Which slot of time each entry holds. */
  readonly #numbers = new Float64Array(kept).fill(-1);

  constructor(spanMs: number) {
    this.#slotMs = spanMs / slots;
  }

  add(amount: number, now: number): void {
    const number = Math.floor(now / this.#slotMs);
    const at = number % kept;
    if (this.#numbers[at] !== number) {
      this.#numbers[at] = number;
      this.#sums[at] = 0;
    }
    this.#sums[at] = (this.#sums[at] ?? 0) + amount;
  }

  /** Of whole slots: of eleven to twelve twelfths of the span. */
  sum(now: number): number {
    return this.#weighed(now, (age) => Number(age < slots));
  }

  /** Over the whole span; the slot in which it begins counts by the share of it that is in the span. */
  perSecond(now: number): number {
    const share = 1 - (now % this.#slotMs) / this.#slotMs;
    const sum = this.#weighed(now, (age) => (age < slots ? 1 : share));
    return (sum * 1000) / (this.#slotMs * slots);
  }

  /** `weight`: of a slot by its age in slots, 0 to 12. */
  #weighed(now: number, weight: (age: number) => number): number {
    const number = Math.floor(now / this.#slotMs);
    return this.#sums.reduce((sum, of, at) => {
      const age = number - (this.#numbers[at] ?? -1);
      return age >= 0 && age < kept ? sum + of * weight(age) : sum;
    }, 0);
  }
}
