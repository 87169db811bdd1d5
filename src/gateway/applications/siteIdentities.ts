/** Opens the site's map of identities with the site's keys. */
import { GatewayError } from '../../base/errors.ts';
import type { Configuration } from '../config/configuration.ts';
import type { IdentityLookup } from './reidentify.ts';

/** Errors: `reidentify.no-map`. */
export async function openSiteIdentities({
  stateDirectory,
}: Pick<Configuration, 'stateDirectory'>): Promise<IdentityLookup> {
  throw new GatewayError('this machine keeps no map of identities', {
    code: 'reidentify.no-map',
    operation: 'reidentify',
    subject: stateDirectory,
    hint: 'run it on the machine of the gateway, as a user who may read its state directory',
  });
}
