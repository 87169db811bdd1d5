/** The site's map of identities as the engine uses it: opened when the first identity is to be kept, and again after a failure. */
import { GatewayError } from '../../base/errors.ts';
import { IdentityMap } from '../../process/identity/identityMap.ts';
import type { Identity } from '../../process/step.ts';

/** Keeps who is behind a pseudonym. Rejects when it is not durable: then nothing that was made with it leaves. */
export type IdentityKeeper = { remember(identities: readonly Identity[]): Promise<void>; close(): void };

export function siteIdentityKeeper(path: string, keyOf: () => Buffer | undefined): IdentityKeeper {
  let map: IdentityMap | undefined;
  return {
    async remember(identities) {
      const key = keyOf();
      if (key === undefined) {
        throw new GatewayError('there is no site key, so nothing de-identified may leave', {
          ...{ code: 'identity-map.no-key', operation: 'keep identities', subject: path },
          hint: 'restart the gateway: it makes the key when an application de-identifies',
        });
      }
      map ??= IdentityMap.open(path, key, 'write');
      await map.add(identities);
    },
    close() {
      map?.close();
      map = undefined;
    },
  };
}
