/**
 * Keeps strangers from flooding the log. Of the lines that share an event and an address the first few of a window are
 * written; the others are counted, and said once when the window ends: "and N more like this". Only lines that the owner
 * names are limited, and never one of level error. Counters are somebody else's: nothing is left uncounted here.
 */
import type { Log, LogFields } from './log.ts';

export type LogLimits = {
  /** Lines of one (event, address) that are written in a window. */
  first: number;
  windowMs: number;
  /** Addresses are cheap to come by: beyond so many (event, address) at a time, an event's further ones share a window. */
  maxWindows: number;
};

export const defaultLogLimits: LogLimits = { first: 5, windowMs: 60_000, maxWindows: 256 };

/** What was held back of one (event, address). */
export type HeldBack<Line> = { event: string; address: string; more: number; last: Line };

type Window<Line> = { event: string; address: string; endsAt: number; written: number; more: number; last: Line };

const elsewhere = 'various';

/** The bookkeeping. Pure: times, monotonic milliseconds, are passed in. */
export class LineWindows<Line> {
  readonly #limits: LogLimits;
  readonly #windows = new Map<string, Window<Line>>();

  constructor(limits: LogLimits) {
    this.#limits = limits;
  }

  /** Whether this line is written. What ended before it is taken by `ended`, which has to be asked first. */
  admits(event: string, address: string, line: Line, now: number): boolean {
    const window = this.#windowOf(event, address, line, now);
    if (window.written < this.#limits.first) {
      window.written++;
      return true;
    }
    window.more++;
    window.last = line;
    return false;
  }

  /** Closes the windows that are over, and answers what they held back. */
  ended(now: number): Array<HeldBack<Line>> {
    const heldBack: Array<HeldBack<Line>> = [];
    for (const [key, { event, address, endsAt, more, last }] of this.#windows) {
      if (now < endsAt) break; // they end in the order in which they began
      this.#windows.delete(key);
      if (more > 0) heldBack.push({ event, address, more, last });
    }
    return heldBack;
  }

  #windowOf(event: string, address: string, last: Line, now: number): Window<Line> {
    const known = this.#windows.get(`${event} ${address}`);
    if (known) return known;
    const shared = this.#windows.size >= this.#limits.maxWindows ? elsewhere : address;
    const key = `${event} ${shared}`;
    const window = this.#windows.get(key) ?? {
      ...{ event, address: shared, endsAt: now + this.#limits.windowMs },
      ...{ written: 0, more: 0, last },
    };
    this.#windows.set(key, window);
    return window;
  }
}

type Level = 'debug' | 'info' | 'warn';
type Line = { log: Log; level: Level; message: string };

export type LimitedLog = {
  log: Log;
  /** Says what was held back in windows that are over: to be called now and then, and with `true` at the end for all. */
  sweep(atEnd?: boolean): void;
};

/**
 * `log` with the lines limited that `isLimited` names; its children share the windows. `monotonic`: milliseconds.
 * A line without an address counts as one from nowhere.
 */
export function limitLog(
  log: Log,
  options: {
    isLimited(event: string, fields: LogFields): boolean;
    monotonic(): number;
    limits?: LogLimits;
  },
): LimitedLog {
  const limits = options.limits ?? defaultLogLimits;
  const windows = new LineWindows<Line>(limits);
  const sweep = (atEnd = false) => {
    for (const held of windows.ended(atEnd ? Number.POSITIVE_INFINITY : options.monotonic())) {
      const { event, address, more, last } = held;
      const message = `and ${more} more like this within ${limits.windowMs / 1000} s; the last: ${last.message}`;
      last.log[last.level](event, message, { address, more });
    }
  };
  const wrap = (inner: Log): Log => {
    const at =
      (level: Level) =>
      (event: string, message: string, fields: LogFields = {}) => {
        if (options.isLimited(event, fields)) {
          sweep();
          const address = typeof fields.address === 'string' ? fields.address : '';
          if (!windows.admits(event, address, { log: inner, level, message }, options.monotonic())) return;
        }
        inner[level](event, message, fields);
      };
    return {
      debug: at('debug'),
      info: at('info'),
      warn: at('warn'),
      error: (event, message, fields) => inner.error(event, message, fields),
      child: (fields) => wrap(inner.child(fields)),
    };
  };
  return { log: wrap(log), sweep };
}
