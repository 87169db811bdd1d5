/**
 * Whether a store should be tried now. A store that is unavailable is left alone for a growing while, then probed with one
 * delivery; the first success opens it again. Pure: time is handed in.
 */
import { type BackoffPolicy, backoffDelay } from '../base/backoff.ts';

export type GateState =
  | { name: 'open' }
  /** Not before `until` (monotonic milliseconds). */
  | { name: 'closed'; until: number; failures: number }
  /** One delivery is on its way to see whether the store works again. */
  | { name: 'probing'; failures: number };

export class StoreGate {
  readonly #policy: BackoffPolicy;
  #state: GateState = { name: 'open' };

  constructor(policy: BackoffPolicy) {
    this.#policy = policy;
  }

  get state(): GateState {
    return this.#state;
  }

  /** How many deliveries may be given out, of `window`, when `inFlight` are out already. */
  allowance(now: number, window: number, inFlight: number): number {
    if (this.#state.name === 'open') return Math.max(0, window - inFlight);
    if (this.#state.name === 'probing' || now < this.#state.until || inFlight > 0) return 0;
    return 1;
  }

  /** A delivery was given out. */
  given(): void {
    if (this.#state.name === 'closed') this.#state = { name: 'probing', failures: this.#state.failures };
  }

  /** A delivery came back without telling anything of the store: its courier died. */
  returned(now: number): void {
    if (this.#state.name === 'probing') this.#state = { name: 'closed', until: now, failures: this.#state.failures };
  }

  /** The store answered. True when that ends an outage. */
  works(): boolean {
    const wasOut = this.#state.name !== 'open';
    this.#state = { name: 'open' };
    return wasOut;
  }

  /** The store is unavailable. Returns the wait in milliseconds, and whether the outage is new. */
  fails(now: number, random?: () => number): { waitMs: number; isNew: boolean } {
    const isNew = this.#state.name === 'open';
    if (this.#state.name === 'closed' && now < this.#state.until) {
      return { waitMs: this.#state.until - now, isNew }; // one more of those that were out when it closed
    }
    const failures = this.#state.name === 'open' ? 1 : this.#state.failures + 1;
    const waitMs = backoffDelay(this.#policy, failures, random);
    this.#state = { name: 'closed', until: now + waitMs, failures };
    return { waitMs, isNew };
  }
}
