/** Many connections that want nothing, in a process of their own: 1 byte a second, or none at all. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export type CrowdOptions = {
  plainPort: number;
  tlsPort: number;
  silent: number;
  dribbling: number;
  /** PEM files, for those that finish a TLS handshake. */
  caFile: string;
  certificateFile: string;
  keyFile: string;
  /** One that is closed comes again after about so long. */
  comeAgainMs: number;
};

export type CrowdState = {
  members: number;
  /** Open now. */
  held: number;
  connected: number;
  closed: number;
};

const program = fileURLToPath(new URL('children/crowd.ts', import.meta.url));

export class Crowd {
  readonly #child: ChildProcess;
  #state: CrowdState | undefined;

  constructor(options: CrowdOptions) {
    this.#child = fork(program, [JSON.stringify(options)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    this.#child.on('message', (state) => {
      this.#state = state as CrowdState;
    });
  }

  /** As it said last; undefined while they still arrive. */
  get state(): CrowdState | undefined {
    return this.#state;
  }

  /** Resolves when each has been connected once, though not all at the same time where the gateway closes some. */
  async gathered(): Promise<CrowdState> {
    while (this.#state === undefined) {
      if (this.#child.exitCode !== null) throw new Error(`the crowd ended with ${this.#child.exitCode}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return this.#state;
  }

  async disperse(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }
}
