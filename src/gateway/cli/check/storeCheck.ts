/** Whether each store can be reached and takes us, and what it can do. */
import type { StoreCapabilities, StoreConfiguration } from '../../../delivery/store/objectStore.ts';
import type { Configuration } from '../../config/configuration.ts';
import { type CheckResult, failWith, ok } from './result.ts';

export type ProbeStore = (store: StoreConfiguration, signal: AbortSignal) => Promise<StoreCapabilities>;

const timeoutMs = 20_000;

const words: Record<keyof StoreCapabilities, string> = {
  verifiesSha256: 'verifies SHA-256',
  reportsSha256: 'reports SHA-256',
  verifiesMd5: 'verifies MD5',
  conditionalPut: 'conditional writes',
  conditionalMultipart: 'conditional writes of large objects',
};

function describe(capabilities: StoreCapabilities): string {
  const has = (Object.keys(words) as Array<keyof StoreCapabilities>).filter((key) => capabilities[key]);
  return has.length === 0 ? 'no checks of its own: objects are read back' : has.map((key) => words[key]).join(', ');
}

/** All at once: one that does not answer holds up no other. */
export function checkStores(stores: Configuration['stores'], probe: ProbeStore): Promise<CheckResult[]> {
  return Promise.all(
    stores.map(async (store) => {
      const subject = `stores ${store.name}`;
      try {
        return ok(subject, `reached; ${describe(await probe(store, AbortSignal.timeout(timeoutMs)))}`);
      } catch (error) {
        return failWith(subject, error);
      }
    }),
  );
}
