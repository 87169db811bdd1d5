/** The spool as the configuration describes it: for the running gateway, and for `spool rebuild`. */
import { systemClock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { resultKey } from '../delivery/objectKeys.ts';
import { openSpool } from '../spool/openSpool.ts';
import type { Spool } from '../spool/spool.ts';
import type { Configuration } from './config/configuration.ts';
import { routing } from './routing.ts';
import { statePaths } from './statePaths.ts';

export function openTheSpool(config: Configuration, log: Log): Spool {
  const { segmentSize, quota, preallocate, reserve, keepDelivered, bufferMemory, resultsQuota } = config.spool;
  const route = routing(config);
  const spool = openSpool({
    directory: statePaths(config.stateDirectory).spool,
    segmentSize,
    quota,
    preallocate,
    reserve,
    keepDeliveredMs: keepDelivered,
    bufferMemory,
    route,
    resultsQuota,
    // Stores put their own prefix before every key.
    resultKey: (run, result, version) => resultKey({ prefix: '', site: config.site }, run, result, version),
    clock: systemClock,
    log,
  });
  const claimed = spool.index.routeUnclaimed(route);
  log.info('spool.opened', 'the spool is open', { ...spool.recovery, newlyRouted: claimed });
  return spool;
}
