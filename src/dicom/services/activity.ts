/**
 * Whether a peer still does something, and fast enough. Two measures, since either alone can be cheated: a message that
 * comes a byte at a time is never silent, and one that stops altogether has no rate. Pure: times are passed in, monotonic
 * milliseconds.
 */

export type ActivityLimits = {
  idleMs: number;
  /** Bytes a second, on average over `idleMs` in which a message was under way; 0 is no limit. */
  minimumRate: number;
};

export type Situation = {
  /** The peer waits for an answer, or we hold it back. */
  waitsForUs: boolean;
  /** A message has begun and is not whole. */
  midMessage: boolean;
};

/** As much of a long PDU as counts for a whole one: a slow link with long PDUs is not idle. */
const progressBytes = 16 * 1024;

export class Activity {
  /** When a PDU, or so much of one, last came whole, or we did something for the peer. */
  #lastProgress: number;
  #bytesSinceProgress = 0;
  #lastLook: number;
  #bytesSinceLook = 0;
  /** Of the time since the last look, all belongs to messages under way. */
  #measuring = false;
  #measured = { ms: 0, bytes: 0 };

  constructor(now: number) {
    this.#lastProgress = now;
    this.#lastLook = now;
  }

  received(now: number, bytes: number, pduCompleted: boolean): void {
    this.#bytesSinceLook += bytes;
    this.#bytesSinceProgress += bytes;
    if (pduCompleted || this.#bytesSinceProgress >= progressBytes) this.#progress(now);
  }

  /** We answered, or let the peer go on: it could not, or need not, do anything before. */
  ours(now: number): void {
    this.#measuring = false;
    this.#progress(now);
  }

  #progress(now: number): void {
    this.#lastProgress = now;
    this.#bytesSinceProgress = 0;
  }

  /** To be called now and then, several times in `idleMs`. Says which limit the peer has run into. */
  look(now: number, situation: Situation, limits: ActivityLimits): 'idleTimeout' | 'minimumRate' | undefined {
    const counts = situation.midMessage && !situation.waitsForUs;
    if (counts && this.#measuring) {
      this.#measured.ms += now - this.#lastLook;
      this.#measured.bytes += this.#bytesSinceLook;
    }
    this.#measuring = counts;
    this.#lastLook = now;
    this.#bytesSinceLook = 0;
    if (situation.waitsForUs) return undefined;
    if (now - this.#lastProgress >= limits.idleMs) return 'idleTimeout';
    return this.#isTooSlow(limits) ? 'minimumRate' : undefined;
  }

  #isTooSlow({ idleMs, minimumRate }: ActivityLimits): boolean {
    const { ms, bytes } = this.#measured;
    if (ms < idleMs) return false;
    this.#measured = { ms: 0, bytes: 0 };
    return bytes < (minimumRate * ms) / 1000;
  }
}
