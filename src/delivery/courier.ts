/**
 * The courier: takes jobs, gives them to the stores, and says what the stores confirmed. It has no database and no key,
 * and remembers nothing that the gateway's queue does not know; so it may be killed at any moment.
 */
import type { Clock } from '../base/clock.ts';
import { describeError, GatewayError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { CourierConfiguration, CourierJob, FromCourier } from './courierProtocol.ts';
import { Outbox } from './outbox.ts';
import type { ObjectStore, StoreConfiguration } from './store/objectStore.ts';
import { jobFailure, type LaneReport, StoreLane } from './storeLane.ts';

/** Milliseconds that aborted operations get to end by themselves. */
const ABORT_GRACE_MS = 1000;

export type CourierOptions = {
  openStore(configuration: StoreConfiguration, options: { log: Log; stateDirectory: string }): ObjectStore;
  send(message: FromCourier): Promise<void>;
  log: Log;
  clock: Clock;
};

/** A store as it was configured: with a lane, or with the reason why it could not be opened. */
type Route = { text: string } & ({ lane: StoreLane } | { error: unknown });

export class Courier {
  readonly #options: CourierOptions;
  readonly #outbox: Outbox;
  readonly #report: LaneReport;
  /** Jobs that we have not answered yet: one that comes twice is done once. */
  readonly #held = new Set<number>();
  #routes = new Map<string, Route>();
  /** Lanes of former configurations that still have something under way. */
  readonly #retired = new Set<StoreLane>();
  #stopping = false;
  #aborted = false;

  constructor(options: CourierOptions) {
    this.#options = options;
    this.#outbox = new Outbox(options.send);
    this.#report = {
      confirmed: (id, confirmation) => {
        if (this.#held.delete(id)) this.#outbox.confirmed(id, confirmation);
      },
      failed: (failure) => {
        // What we aborted ourselves is no failure of the job: the gateway gets it back when we have gone.
        if (!this.#aborted && this.#held.delete(failure.id)) this.#outbox.failed(failure);
      },
    };
  }

  /** Never throws: a store that cannot be opened fails its own jobs, not those of others. */
  configure(configuration: CourierConfiguration): void {
    const before = this.#routes;
    this.#routes = new Map();
    for (const store of configuration.stores) {
      this.#routes.set(store.name, this.#route(store, configuration, before.get(store.name)));
    }
    for (const [name, route] of before) {
      if ('lane' in route && this.#routes.get(name) !== route) this.#retire(route.lane);
    }
  }

  accept(jobs: CourierJob[]): void {
    if (this.#stopping) return;
    for (const job of jobs) {
      if (this.#held.has(job.id)) continue;
      this.#held.add(job.id);
      this.#dispatch(job);
    }
  }

  /** Gives back jobs that make no progress. To be called every few seconds. */
  sweep(): void {
    for (const lane of this.#lanes()) lane.sweep();
  }

  /** Finishes what is under way, for at most `graceMs`; then aborts it. Nothing that waits is begun. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    for (const lane of this.#lanes()) lane.takeWaiting();
    await this.#within(graceMs, () => Promise.all([...this.#lanes()].map((lane) => lane.close())));
    await this.abort();
  }

  /** Stops at once, as far as the stores let us. What was aborted is not answered. */
  async abort(): Promise<void> {
    this.#stopping = true;
    this.#aborted = true;
    const reason = new GatewayError('the courier stops', { code: 'delivery.stopping', operation: 'put object' });
    for (const lane of this.#lanes()) lane.abort(reason);
    await this.#within(ABORT_GRACE_MS, () => Promise.all([...this.#lanes()].map((lane) => lane.idle())));
    await this.#outbox.flush();
  }

  *#lanes(): Generator<StoreLane> {
    for (const route of this.#routes.values()) if ('lane' in route) yield route.lane;
    yield* this.#retired;
  }

  #route(store: StoreConfiguration, { concurrency, stateDirectory }: CourierConfiguration, before?: Route): Route {
    const text = JSON.stringify([store, stateDirectory]);
    if (before?.text === text && 'lane' in before) {
      before.lane.concurrency = concurrency;
      return before;
    }
    const { openStore, log, clock } = this.#options;
    try {
      const opened = openStore(store, { log: log.child({ store: store.name }), stateDirectory });
      return { text, lane: new StoreLane(opened, concurrency, this.#report, clock) };
    } catch (error) {
      log.error('courier.store-unusable', 'a store cannot be opened; its deliveries wait', {
        store: store.name,
        error: describeError(error),
      });
      return { text, error };
    }
  }

  /** What has begun may finish there; what waits goes by the new configuration. */
  #retire(lane: StoreLane): void {
    this.#retired.add(lane);
    const { log } = this.#options;
    for (const job of lane.takeWaiting()) this.#dispatch(job);
    lane
      .close()
      .catch((error) =>
        log.warn('courier.store-close', 'a store did not close cleanly', { error: describeError(error) }),
      )
      .finally(() => this.#retired.delete(lane));
  }

  #dispatch(job: CourierJob): void {
    const route = this.#routes.get(job.store);
    if (route && 'lane' in route) return route.lane.add(job);
    const error = route
      ? route.error
      : new GatewayError(`there is no store ${job.store}`, {
          code: 'delivery.unknown-store',
          operation: 'deliver',
          subject: job.key,
          hint: 'the configuration names no such store: add it, or move the deliveries to another',
        });
    // Somebody will mend the configuration: nothing is wrong with the job.
    this.#report.failed({ ...jobFailure(job.id, error), permanent: false, storeUnavailable: true });
  }

  async #within(ms: number, work: () => Promise<unknown>): Promise<void> {
    const timer = new AbortController();
    const late = this.#options.clock.sleep(ms, timer.signal).catch(() => {});
    await Promise.race([work().catch(() => {}), late]);
    timer.abort();
  }
}
