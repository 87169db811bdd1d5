/** Stops reading from a peer while there is a reason to, and says for how long it was. */
import type { Transport } from '../upperLayer/association.ts';

/**
 * `intake`: it is full. `answers`: the peer does not read them, and they must not gather here. `window`: the peer sent more
 * requests than were negotiated (PS3.7 D.3.3.3), and the next waits for its turn.
 */
export type Hold = 'intake' | 'answers' | 'window';

export class BackPressure {
  readonly #transport: Pick<Transport, 'pause' | 'resume'>;
  readonly #monotonic: () => number;
  readonly #onHeld: (why: Hold, ms: number) => void;
  readonly #since = new Map<Hold, number>();

  constructor(options: {
    transport: Pick<Transport, 'pause' | 'resume'>;
    monotonic: () => number;
    /** A reason has gone, after `ms`. */
    onHeld: (why: Hold, ms: number) => void;
  }) {
    this.#transport = options.transport;
    this.#monotonic = options.monotonic;
    this.#onHeld = options.onHeld;
  }

  /** The peer waits for us: whatever does not come is not its fault. */
  get byUs(): boolean {
    return this.#since.has('intake') || this.#since.has('window');
  }

  get any(): boolean {
    return this.#since.size > 0;
  }

  has(why: Hold): boolean {
    return this.#since.has(why);
  }

  hold(why: Hold): void {
    if (!this.#since.has(why)) this.#since.set(why, this.#monotonic());
    this.#transport.pause();
  }

  letGo(why: Hold): void {
    const since = this.#since.get(why);
    if (since === undefined) return;
    this.#since.delete(why);
    this.#onHeld(why, this.#monotonic() - since);
    if (this.#since.size === 0) this.#transport.resume();
  }

  /** The association is over: a paused transport would never tell that it is closed. */
  end(): void {
    for (const why of [...this.#since.keys()]) this.letGo(why);
    this.#transport.resume();
  }
}
