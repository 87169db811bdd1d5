/**
 * The gateway's side of the courier: starts it, keeps it running, and knows which jobs it holds.
 *
 * Each job that was accepted by `send` comes back exactly once: confirmed, failed, or returned. Jobs are returned when the
 * courier has died or was stopped; whether a store has them is then unknown, and sending them again is harmless.
 */
import { fileURLToPath } from 'node:url';
import { type BackoffPolicy, backoffDelay } from '../base/backoff.ts';
import { type Child, type ChildExit, startChild } from '../base/channel.ts';
import type { Clock } from '../base/clock.ts';
import { describeError, GatewayError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { CourierConfiguration, CourierJob, FromCourier, JobFailure, ToCourier } from './courierProtocol.ts';
import type { Confirmation } from './store/objectStore.ts';

/** Handlers run one after another; the courier's next word waits for the promise of the one before. */
export type CourierHandlers = {
  /** The courier has started (again): jobs may be sent. */
  onReady(): void | Promise<void>;
  onConfirmed(confirmations: Array<{ id: number; confirmation: Confirmation }>): void | Promise<void>;
  onFailed(failures: JobFailure[]): void | Promise<void>;
  /** The courier is gone and had not answered these. */
  onReturned(ids: number[]): void | Promise<void>;
};

export type CourierProcessOptions = {
  configuration: CourierConfiguration;
  handlers: CourierHandlers;
  log: Log;
  clock: Clock;
  /** Between restarts of a courier that dies. */
  backoff?: BackoffPolicy;
  /** Milliseconds between questions whether it lives; one that has not answered by the fourth is killed. */
  pingMs?: number;
  /** Another program with the same channel, for tests. */
  module?: string;
};

/** Milliseconds of service after which a death counts as the first again. */
const STABLE_MS = 60_000;
const MISSED_PINGS = 4;
/** Milliseconds beyond the grace of `stop` before the courier is killed. */
const KILL_MARGIN_MS = 3000;
/**
 * File operations of a store on a network file system that hangs hold threads of libuv's pool; with the four of the default
 * one such store would stop all others.
 */
const THREAD_POOL_SIZE = '64';

type State = 'idle' | 'starting' | 'ready' | 'waiting' | 'stopping' | 'stopped';

export class CourierProcess {
  readonly #options: Required<CourierProcessOptions>;
  readonly #held = new Set<number>();
  readonly #stopRequest = new AbortController();
  #configuration: CourierConfiguration;
  #state: State = 'idle';
  #child: Child<ToCourier> | undefined;
  #deaths = 0;
  #unanswered = 0;
  #supervision: Promise<void> | undefined;

  constructor(options: CourierProcessOptions) {
    const module = fileURLToPath(new URL('./courierMain.ts', import.meta.url));
    this.#options = { backoff: { initialMs: 200, capMs: 30_000 }, pingMs: 15_000, module, ...options };
    this.#configuration = options.configuration;
  }

  get state(): State {
    return this.#state;
  }

  /** Jobs sent and not answered yet. */
  get held(): number {
    return this.#held.size;
  }

  /** Deaths since it last served for a minute. */
  get deaths(): number {
    return this.#deaths;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Begins to keep a courier running. `onReady` tells when jobs may be sent. */
  start(): void {
    this.#supervision ??= this.#supervise();
  }

  /**
   * Hands jobs over. Throws `delivery.courier-not-ready` (retryable) when none was taken. Resolves when the courier's pipe
   * has taken them, or the courier died and `onReturned` gives them back: a caller that waits is held back by a slow one.
   */
  async send(jobs: CourierJob[]): Promise<void> {
    const channel = this.#child?.channel;
    if (this.#state !== 'ready' || !channel) {
      throw new GatewayError('the courier is not ready', {
        code: 'delivery.courier-not-ready',
        operation: 'send jobs',
        retryable: true,
      });
    }
    for (const { id } of jobs) this.#held.add(id);
    await channel.send({ type: 'jobs', jobs }).catch(() => {});
  }

  /** Takes effect now and at each restart. Stores that have not changed go on undisturbed. */
  async configure(configuration: CourierConfiguration): Promise<void> {
    this.#configuration = configuration;
    await this.#child?.channel.send({ type: 'configure', ...configuration }).catch(() => {});
  }

  /** Lets the courier finish what is under way for at most `graceMs`; what it still holds then is returned. */
  async stop(graceMs: number): Promise<void> {
    this.#state = 'stopping';
    this.#stopRequest.abort();
    const child = this.#child;
    if (child) {
      child.channel.post({ type: 'stop', graceMs });
      const { clock } = this.#options;
      const timer = new AbortController();
      clock.sleep(graceMs + KILL_MARGIN_MS, timer.signal).then(
        () => child.kill('SIGKILL'),
        () => {},
      );
      await child.ended;
      timer.abort();
    }
    await this.#supervision;
    this.#state = 'stopped';
  }

  async #supervise(): Promise<void> {
    const { clock, backoff, log } = this.#options;
    while (!this.#stopRequest.signal.aborted) {
      const startedAt = clock.monotonic();
      const exit = await this.#runOnce();
      await this.#returnHeld();
      if (this.#stopRequest.signal.aborted) return;
      this.#deaths = clock.monotonic() - startedAt >= STABLE_MS ? 1 : this.#deaths + 1;
      const delayMs = backoffDelay(backoff, this.#deaths);
      const { code, signal } = exit;
      log.error('courier.died', 'the courier died and is started again', {
        code,
        signal,
        deaths: this.#deaths,
        delayMs,
      });
      await clock.sleep(delayMs, this.#stopRequest.signal).catch(() => {});
    }
  }

  async #runOnce(): Promise<ChildExit> {
    const { module, log } = this.#options;
    this.#state = 'starting';
    const child = startChild<FromCourier, ToCourier>(
      {
        module,
        env: { UV_THREADPOOL_SIZE: THREAD_POOL_SIZE },
        onStrayLine: (line, stream) => log.warn('courier.printed', line, { stream }),
      },
      {
        onMessage: (message) => this.#handle(message),
        onFault: (error) =>
          log.error('courier.fault', "the courier's word could not be handled", { error: describeError(error) }),
      },
    );
    this.#child = child;
    child.channel.post({ type: 'configure', ...this.#configuration });
    const pinging = new AbortController();
    void this.#ping(child, pinging.signal);
    void child.channel.closed.then(() => {
      if (this.#state !== 'stopping') this.#state = 'waiting';
    });
    const exit = await child.ended;
    pinging.abort();
    this.#child = undefined;
    return exit;
  }

  /** Never rejects. */
  async #ping(child: Child<ToCourier>, signal: AbortSignal): Promise<void> {
    const { clock, pingMs, log } = this.#options;
    for (this.#unanswered = 0; this.#unanswered < MISSED_PINGS; this.#unanswered++) {
      child.channel.post({ type: 'ping' });
      await clock.sleep(pingMs, signal).catch(() => {});
      if (signal.aborted) return;
    }
    log.error('courier.hangs', 'the courier does not answer and is killed', { pid: child.pid });
    child.kill('SIGKILL');
  }

  async #handle(message: FromCourier): Promise<void> {
    const { handlers, log } = this.#options;
    this.#unanswered = 0;
    switch (message.type) {
      case 'ready':
        if (this.#state !== 'starting') return;
        this.#state = 'ready';
        log.info('courier.ready', 'the courier is ready', { pid: this.#child?.pid });
        return handlers.onReady();
      case 'confirmed': {
        const confirmations = message.confirmations.filter(({ id }) => this.#held.delete(id));
        return handlers.onConfirmed(confirmations);
      }
      case 'failed':
        return handlers.onFailed(message.failures.filter(({ id }) => this.#held.delete(id)));
      case 'log':
        return log[message.level](message.event, message.message, { process: 'courier', ...message.fields });
      case 'alive':
        return;
    }
  }

  async #returnHeld(): Promise<void> {
    const ids = [...this.#held];
    this.#held.clear();
    if (ids.length === 0) return;
    try {
      await this.#options.handlers.onReturned(ids);
    } catch (error) {
      this.#options.log.error('courier.fault', 'jobs could not be given back', { error: describeError(error) });
    }
  }
}
