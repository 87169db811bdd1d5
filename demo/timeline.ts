/** Samples of how far acknowledgement and delivery had come, for the chart. */
export type Sample = { ms: number; acknowledged: number; delivered: number };

const intervalMs = 100;

export class Timeline {
  /** Bytes so far; set from outside. */
  acknowledged = 0;
  delivered = 0;
  readonly #samples: Sample[] = [];
  readonly #began = performance.now();
  readonly #timer: NodeJS.Timeout;

  constructor() {
    this.#timer = setInterval(() => this.#sample(), intervalMs);
  }

  stop(): Sample[] {
    clearInterval(this.#timer);
    this.#sample();
    return this.#samples;
  }

  #sample(): void {
    const { acknowledged, delivered } = this;
    this.#samples.push({ ms: performance.now() - this.#began, acknowledged, delivered });
  }
}
