/** The real gateway program as a child that can be killed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { askGateway } from '../../src/web/client.ts';
import type { GatewayStatus, QueueEntry } from '../../src/web/status.ts';

const program = fileURLToPath(new URL('../../bin/medusa-gateway', import.meta.url));

/** GET on the gateway's local socket; rejects while it is down. */
export function fetchText(socketPath: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path, timeout: 5_000, agent: false }, (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('end', () => resolve(Buffer.concat(pieces).toString('utf8')));
      response.on('error', reject);
    });
    asked.on('error', reject);
    asked.on('timeout', () => asked.destroy(new Error('no answer')));
    asked.end();
  });
}

export class GatewayProcess {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #socketPath: string;

  /** `program`: in place of the gateway's own, with the same arguments. */
  constructor(options: { config: string; stateDirectory: string; log: string; program?: string; env?: object }) {
    this.#socketPath = join(options.stateDirectory, 'api.sock');
    const log = openSync(options.log, 'a');
    const [command, ...first] = options.program === undefined ? [program] : [process.execPath, options.program];
    this.#child = spawn(command ?? '', [...first, 'run', '--config', options.config], {
      stdio: ['ignore', log, log],
      env: { ...process.env, ...options.env },
    });
    this.#exited = once(this.#child, 'exit');
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Waits until it answers and listens; resolves with its status. Throws when it ends before. */
  async ready(timeoutMs = 30_000): Promise<GatewayStatus> {
    const deadline = Date.now() + timeoutMs;
    while (Date.now() < deadline) {
      if (!this.running) throw new Error(`the gateway ended with ${this.#child.exitCode ?? this.#child.signalCode}`);
      try {
        const status = await this.status();
        if (status.listeners.every((listener) => listener.listening)) return status;
      } catch {
        // not yet
      }
      await new Promise((resolve) => setTimeout(resolve, 15));
    }
    throw new Error(`the gateway was not ready within ${timeoutMs} ms`);
  }

  async status(): Promise<GatewayStatus> {
    return JSON.parse(await fetchText(this.#socketPath, '/v1/status')) as GatewayStatus;
  }

  /** The first of all deliveries, delivered ones among them. */
  async deliveries(): Promise<QueueEntry[]> {
    const text = await fetchText(
      this.#socketPath,
      '/v1/queue?state=delivered&state=queued&state=quarantined&limit=100',
    );
    return (JSON.parse(text) as { entries: QueueEntry[] }).entries;
  }

  /** Asks for another try of one delivery; resolves with how many there were. */
  async retry(id: number): Promise<number> {
    return (await askGateway<{ retried: number }>(this.#socketPath, '/v1/queue/retry', { id })).retried;
  }

  /** The status page, as a browser would get it. */
  page(): Promise<string> {
    return fetchText(this.#socketPath, '/');
  }

  /** SIGKILL and gone. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  async stop(): Promise<number | null> {
    this.#child.kill('SIGTERM');
    await this.#exited;
    return this.#child.exitCode;
  }
}
