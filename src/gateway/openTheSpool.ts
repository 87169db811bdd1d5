/** The spool as the configuration describes it: for the running gateway, and for `spool rebuild`. */
import { systemClock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { resultKey } from '../delivery/objectKeys.ts';
import { openSpool } from '../spool/openSpool.ts';
import type { Spool } from '../spool/spool.ts';
import { applicationsIn } from './applications/catalogueOf.ts';
import { unusableRoutes } from './applications/routeFindings.ts';
import type { Configuration } from './config/configuration.ts';
import { routing } from './routing.ts';
import { statePaths } from './statePaths.ts';

/** `applications`: those that routes may name. What is received for one that cannot be used waits, whole, until it can be. */
export function openTheSpool(config: Configuration, log: Log, applications = applicationsIn(config)): Spool {
  for (const { route, reason } of unusableRoutes(config.routes, applications)) {
    const message = `what is received for route ${route} is kept and goes nowhere: ${reason}`;
    log.error('app.route-unusable', message, { route, hint: 'mend the application, then restart; see `app list`' });
  }
  const { segmentSize, quota, preallocate, reserve, keepDelivered, bufferMemory, resultsQuota } = config.spool;
  const route = routing(config, (reference) => applications.find(reference));
  const spool = openSpool({
    directory: statePaths(config.stateDirectory).spool,
    segmentSize,
    quota,
    preallocate,
    reserve,
    keepDeliveredMs: keepDelivered,
    bufferMemory,
    route,
    hasRoute: (name) => config.routes.some((one) => one.name === name && one.application !== undefined),
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
