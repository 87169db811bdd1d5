/** Looks at the running parts now and then and raises or clears the declared warnings (src/web/warnings.ts). */
import { statfsSync } from 'node:fs';
import { describeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { CourierProcess } from '../delivery/courierProcess.ts';
import { STORE_ERRORS, type StoreErrorCode } from '../delivery/store/storeErrors.ts';
import { commitmentLook } from './commitments.ts';
import { lookAtApplications } from './processing/applicationWarnings.ts';
import { type StatusParts, storeStatuses } from './statusSource.ts';

const intervalMs = 2_000;
const nearlyFullPercent = 85;

const isLoopback = (host: string) => host === 'localhost' || host === '::1' || host.startsWith('127.');

type Watched = Pick<
  StatusParts,
  'config' | 'spool' | 'dispatcher' | 'health' | 'limits' | 'commitments' | 'processing'
> & {
  courier: CourierProcess;
  /** At what expires. */
  lookAtTls(): void;
  log: Log;
};

/** Raises what cannot change while the gateway runs, then watches the rest; `look` looks at once. */
export function watchHealth(watched: Watched): { look(): void; stop(): void } {
  const { config, health } = watched;
  health.set(config.peers.length === 0, 'peers.none', {});
  health.set(config.routes.length === 0, 'routes.none', {});
  health.set(config.api.enabled && !isLoopback(config.api.host), 'api.exposed', { address: config.api.host });
  for (const listener of config.listeners) {
    const exposed = listener.tls === undefined && !isLoopback(listener.host);
    health.set(exposed, 'listener.plain-exposed', { listener: listener.name, address: listener.host }, listener.name);
  }
  const looks = [
    () => lookAtSpool(watched),
    () => lookAtStores(watched),
    () => lookAtOrphans(watched),
    () => lookAtLimits(watched),
    commitmentLook(watched.commitments, health),
    () => lookAtApplications(watched),
  ];
  // What cannot be looked at for a moment (a certificate being replaced, a busy index) is looked at again.
  const safely = (looking: Array<() => void>) => {
    for (const one of looking) {
      try {
        one();
      } catch (error) {
        watched.log.warn('health.unknown', `a look at the gateway's state failed: ${describeError(error)}`);
      }
    }
  };
  const look = () => safely(looks);
  const timer = setInterval(() => safely([...looks, watched.lookAtTls]), intervalMs);
  safely([watched.lookAtTls]);
  return { look, stop: () => clearInterval(timer) };
}

function lookAtSpool({ spool, health, config }: Watched): void {
  const { refusal, quota, segments, freeSegments, segmentSize } = spool.status;
  health.set(refusal !== undefined, 'spool.refusing', { reason: refusal ?? '' });
  const percent = Math.round((100 * (segments - freeSegments) * segmentSize) / quota);
  health.set(refusal === undefined && percent >= nearlyFullPercent, 'spool.nearly-full', { percent });
  const needed = quota - segments * segmentSize;
  const { bavail, bsize } = statfsSync(config.stateDirectory);
  const gib = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  const sizes = { free: gib(bavail * bsize), needed: gib(needed) };
  health.set(bavail * bsize < needed, 'spool.disk-nearly-full', sizes);
  const { damaged } = spool.recovery;
  health.set(damaged > 0, 'spool.damaged', { count: damaged });
  const conflicts = spool.index.countVersions();
  health.set(conflicts > 0, 'spool.conflicts', { count: conflicts });
}

function lookAtStores(watched: Watched): void {
  const { health } = watched;
  for (const store of storeStatuses(watched)) {
    const reason = store.lastError?.message ?? 'unknown';
    const waiting = store.state === 'waiting';
    const refused = waiting && needsOperator(store.lastError?.code);
    health.set(refused, 'store.refuses', { store: store.name, reason }, store.name);
    const unavailable = waiting && !refused;
    health.set(unavailable, 'store.unavailable', { store: store.name, reason, queued: store.queued }, store.name);
    const { quarantined } = store;
    health.set(quarantined > 0, 'delivery.quarantined', { count: quarantined, store: store.name }, store.name);
  }
  const notReady = watched.courier.state === 'waiting';
  health.set(notReady, 'courier.failing', { count: watched.courier.deaths, minutes: 1 });
}

/** Deliveries and instances that nobody takes on: a store or a route that is no longer in the configuration. */
function lookAtOrphans({ config, spool, health }: Watched): void {
  const known = new Set(config.stores.map((store) => store.name));
  for (const { store, state, n } of spool.queue.counts()) {
    if (state !== 'ready' || known.has(store)) continue;
    health.set(n > 0, 'store.unknown', { store, count: n }, store);
  }
  const unrouted = spool.index.countsByState().find((row) => row.state === 'received')?.instances ?? 0;
  health.set(unrouted > 0 && config.routes.length > 0, 'routes.unclaimed', { count: unrouted });
}

function lookAtLimits({ limits, health }: Watched): void {
  for (const [key, hit] of limits.recentHits()) {
    if (hit) health.raise('limits.reached', hit, key);
    else health.clear('limits.reached', key);
  }
}

/** Whether somebody has to mend it at the store, so that waiting alone will not help. */
function needsOperator(code: string | undefined): boolean {
  return code !== undefined && Object.hasOwn(STORE_ERRORS, code) && !STORE_ERRORS[code as StoreErrorCode].retrySoon;
}
