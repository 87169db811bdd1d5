/** The spool as the configuration describes it: for the running gateway, and for `spool rebuild`. */
import { systemClock } from '../base/clock.ts';
import { GatewayError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { resultKey } from '../delivery/objectKeys.ts';
import { openSpool } from '../spool/openSpool.ts';
import type { Spool } from '../spool/spool.ts';
import { applicationsIn } from './applications/catalogueOf.ts';
import { routeApplicationFindings } from './applications/routeFindings.ts';
import type { Configuration } from './config/configuration.ts';
import { routing } from './routing.ts';
import { statePaths } from './statePaths.ts';

/**
 * `applications`: those that routes may name. Throws `config.no-application` when one that a route names is not there: what
 * is received for it would go nowhere, or elsewhere.
 */
export function openTheSpool(config: Configuration, log: Log, applications = applicationsIn(config)): Spool {
  const [missing] = routeApplicationFindings(config.routes, applications);
  if (missing !== undefined) {
    const [list, index] = missing.path;
    throw new GatewayError(missing.message, {
      code: 'config.no-application',
      operation: 'open spool',
      subject: `${list}[${index}]`,
      hint: missing.hint ?? 'run `medusa-gateway check`',
    });
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
