/**
 * Counts the connections of all listeners and ends those that do not become associations: ARTIM (PS3.8 9.1.5) runs from the
 * TCP accept on, the TLS handshake included, and when too many are pending the oldest has to go. So whoever only holds
 * connections loses them to those who come with a request, and keeps nobody out.
 */
import type { LimitName } from '../services/access.ts';
import type { Timers } from '../upperLayer/association.ts';

export type GateLimits = {
  /** Open connections in all. */
  connections: number;
  /** Those of them that are no association yet. */
  pendingConnections: number;
  /** What all pending ones together may have sent: it is kept until a request is whole. */
  pendingBytes?: number;
};

const defaultPendingBytes = 32 * 2 ** 20;

/** Why the gate ended a connection. */
export type Shed = Extract<LimitName, 'pendingConnections' | 'artimTimeout'>;

export type Connection = {
  destroy(): void;
  /** Called when the gate ends it, before `destroy`. */
  onShed(why: Shed): void;
};

type Place = Connection & { deadline: number; bytes: number };

/** One connection's place at the gate. */
export type Ticket = {
  /** So many bytes have come. */
  received(bytes: number): void;
  /** It is an association now: no longer pending. */
  admitted(): void;
  /** It is closed. To be called in any case. */
  left(): void;
};

export class ConnectionGate {
  readonly #limits: GateLimits;
  readonly #timers: Timers;
  readonly #monotonic: () => number;
  /** Oldest first. */
  readonly #pending = new Set<Place>();
  #pendingBytes = 0;
  #open = 0;
  #cancelTimer: (() => void) | undefined;

  constructor(parts: { limits: GateLimits; timers: Timers; monotonic: () => number }) {
    this.#limits = parts.limits;
    this.#timers = parts.timers;
    this.#monotonic = parts.monotonic;
  }

  get limits(): GateLimits {
    return this.#limits;
  }

  get open(): number {
    return this.#open;
  }

  get pending(): number {
    return this.#pending.size;
  }

  /** undefined: there are too many; the caller closes it. `artimMs`: how long it may stay pending. */
  enter(connection: Connection, artimMs: number): Ticket | undefined {
    if (this.#open >= this.#limits.connections) return undefined;
    this.#open++;
    const place: Place = Object.assign(connection, { deadline: this.#monotonic() + artimMs, bytes: 0 });
    this.#pending.add(place);
    const oldest = this.#oldest;
    if (this.#pending.size > this.#limits.pendingConnections && oldest) this.#shed(oldest, 'pendingConnections');
    this.#watch(artimMs);
    let inside = true;
    return {
      received: (bytes) => this.#received(place, bytes),
      admitted: () => this.#noLongerPending(place),
      left: () => {
        if (!inside) return;
        inside = false;
        this.#open--;
        this.#noLongerPending(place);
      },
    };
  }

  /** Whoever has sent most goes first: a request has a few kilobytes. */
  #received(place: Place, bytes: number): void {
    if (!this.#pending.has(place)) return;
    place.bytes += bytes;
    this.#pendingBytes += bytes;
    while (this.#pendingBytes > (this.#limits.pendingBytes ?? defaultPendingBytes)) {
      let largest = place;
      for (const other of this.#pending) if (other.bytes > largest.bytes) largest = other;
      this.#shed(largest, 'pendingConnections');
      if (largest === place) return;
    }
  }

  #shed(place: Place, why: Shed): void {
    this.#noLongerPending(place);
    place.onShed(why);
    place.destroy();
  }

  /** Without anybody to watch there is no timer: it would keep a process that has stopped from ending. */
  #noLongerPending(place: Place): void {
    if (this.#pending.delete(place)) this.#pendingBytes -= place.bytes;
    if (this.#pending.size > 0) return;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  /** One timer for all, set for the oldest. */
  #watch(ms: number): void {
    if (this.#cancelTimer) return;
    this.#cancelTimer = this.#timers.after(Math.max(1, Math.ceil(ms)), () => {
      this.#cancelTimer = undefined;
      const now = this.#monotonic();
      for (let oldest = this.#oldest; oldest && oldest.deadline <= now; oldest = this.#oldest) {
        this.#shed(oldest, 'artimTimeout');
      }
      const next = this.#oldest;
      if (next) this.#watch(next.deadline - now);
    });
  }

  get #oldest(): Place | undefined {
    const [oldest] = this.#pending;
    return oldest;
  }
}
