/** Waits for conditions that are looked at again whenever something has happened. */

export class Condition {
  #waiting: Array<() => void> = [];

  /** Something has happened: whoever waits looks again. */
  changed(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Resolves with the first value that `ready` yields; what it throws is thrown. `onLate` is called when that takes `ms`. */
  async until<T>(ready: () => T | undefined, ms: number, onLate: () => void): Promise<T> {
    const timer = setTimeout(onLate, ms);
    try {
      for (;;) {
        const value = ready();
        if (value !== undefined) return value;
        await new Promise<void>((resolve) => this.#waiting.push(resolve));
      }
    } finally {
      clearTimeout(timer);
    }
  }
}
