/** Whether each store can be reached and takes us, and what it can do. */
import type { StoreCapabilities, StoreConfiguration } from '../../../delivery/store/objectStore.ts';
import type { Configuration } from '../../config/configuration.ts';
import { checkWritable, existing } from './diskCheck.ts';
import { type CheckResult, failWith, ok, warn } from './result.ts';

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

/**
 * Not by opening the store, which would make its folders: this may be run by another user than the gateway's, and what is
 * made then could not be written later.
 */
function checkDirectory(subject: string, path: string): CheckResult {
  if (existing(path) === path) return checkWritable(subject, path, path);
  const hint = 'if it is a mount point, mount it before the gateway starts';
  return warn(subject, `${path} does not exist; it is made with the first delivery`, hint);
}

async function checkStore(store: Configuration['stores'][number], probe: ProbeStore): Promise<CheckResult> {
  const subject = `stores ${store.name}`;
  if (store.type === 'directory') return checkDirectory(subject, store.path);
  try {
    return ok(subject, `reached; ${describe(await probe(store, AbortSignal.timeout(timeoutMs)))}`);
  } catch (error) {
    return failWith(subject, error);
  }
}

/** All at once: one that does not answer holds up no other. */
export function checkStores(stores: Configuration['stores'], probe: ProbeStore): Promise<CheckResult[]> {
  return Promise.all(stores.map((store) => checkStore(store, probe)));
}
