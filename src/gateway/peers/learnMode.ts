/**
 * Learn mode: for a while, TLS listeners let callers with certificates that nobody vouches for come as far as their
 * A-ASSOCIATE-RQ, so that it can be seen who they are. They are rejected all the same, and nothing is stored for them. It ends
 * by itself and does not survive a restart.
 */
import type { Log } from '../../base/log.ts';
import type { Health } from '../../web/warnings.ts';

export const longestLearnMs = 24 * 3_600_000;

export class LearnMode {
  readonly #health: Health;
  readonly #log: Log;
  #until: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: { health: Health; log: Log }) {
    this.#health = parts.health;
    this.#log = parts.log;
  }

  get active(): boolean {
    return this.#until !== undefined;
  }

  /** Milliseconds since 1970; undefined while it is off. */
  get until(): number | undefined {
    return this.#until;
  }

  /** At most `longestLearnMs`. Begun again, it lasts from now. */
  start(forMs: number): void {
    clearTimeout(this.#timer);
    const ms = Math.min(forMs, longestLearnMs);
    this.#until = Date.now() + ms;
    this.#timer = setTimeout(() => this.stop('its time is over'), ms);
    this.#timer.unref();
    const until = new Date(this.#until).toISOString();
    this.#health.raise('peers.learning', { until });
    this.#log.warn('peers.learning', `learn mode is on until ${until}: who knocks is recorded and rejected`, { until });
  }

  stop(why: string): void {
    clearTimeout(this.#timer);
    if (this.#until === undefined) return;
    this.#until = undefined;
    this.#health.clear('peers.learning');
    this.#log.info('peers.learning-ended', `learn mode is off: ${why}`);
  }
}
