/** The sandbox, opened when it is first needed; one that could not be had is tried again after a while. */
import type { Log } from '../../base/log.ts';
import { openSandbox } from '../../process/sandbox/openSandbox.ts';
import type { Sandbox, SandboxOptions, SandboxUnavailable } from '../../process/sandbox/sandboxTypes.ts';

const againAfterMs = 60_000;

export class SandboxOnDemand {
  readonly #options: SandboxOptions & { log: Log; now(): number };
  #opening: Promise<Sandbox | SandboxUnavailable> | undefined;
  #opened: Sandbox | SandboxUnavailable | undefined;
  #triedAt = 0;

  constructor(options: SandboxOptions & { log: Log; now(): number }) {
    this.#options = options;
  }

  get(): Promise<Sandbox | SandboxUnavailable> {
    const { now } = this.#options;
    if (this.#opened?.available === false && now() - this.#triedAt >= againAfterMs) this.#opening = undefined;
    this.#opening ??= this.#open();
    return this.#opening;
  }

  /** Why it cannot be had, as far as anybody has asked. */
  get problem(): SandboxUnavailable | undefined {
    return this.#opened?.available === false ? this.#opened : undefined;
  }

  async close(): Promise<void> {
    const opened = await this.#opening;
    if (opened?.available) await opened.close();
  }

  async #open(): Promise<Sandbox | SandboxUnavailable> {
    const { now, log } = this.#options;
    this.#triedAt = now();
    this.#opened = await openSandbox(this.#options);
    if (!this.#opened.available) {
      const { message, code, hint } = this.#opened.error;
      log.error('sandbox.unavailable', `foreign data parts cannot be run: ${message}`, { code, hint });
    }
    return this.#opened;
  }
}
