/** Opens the site's map of identities with the site's keys. */
import { existsSync } from 'node:fs';
import { GatewayError } from '../../base/errors.ts';
import { IdentityMap } from '../../process/identity/identityMap.ts';
import { openSiteKeys } from '../../process/identity/siteKeys.ts';
import type { Configuration } from '../config/configuration.ts';
import { statePaths } from '../statePaths.ts';
import type { IdentityLookup } from './reidentify.ts';

/** Errors: `reidentify.no-map`, `reidentify.no-key`, and those of the key file and of the map. */
export async function openSiteIdentities({
  stateDirectory,
}: Pick<Configuration, 'stateDirectory'>): Promise<IdentityLookup> {
  const { identityMap, deidentificationKey } = statePaths(stateDirectory);
  const absent = (code: string, problem: string, subject: string, hint: string) =>
    new GatewayError(problem, { code, operation: 'reidentify', subject, hint });
  if (!existsSync(identityMap)) {
    const hint = 'run it on the machine of the gateway, as a user who may read its state directory';
    throw absent('reidentify.no-map', 'this machine keeps no map of identities', stateDirectory, hint);
  }
  // Opening would make a new one, which opens nothing.
  if (!existsSync(deidentificationKey)) {
    const hint = 'put it back from the backup: without it nobody can read the map';
    throw absent('reidentify.no-key', "the site's key for de-identification is gone", deidentificationKey, hint);
  }
  const { identityMap: key } = openSiteKeys(deidentificationKey);
  return IdentityMap.open(identityMap, key, 'read');
}
