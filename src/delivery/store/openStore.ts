/** From a configuration to a store that is ready to use: the one place that knows which kinds there are. */
import type { Clock } from '../../base/clock.ts';
import { createDirectoryStore } from './directoryStore.ts';
import type { ObjectStore, StoreConfiguration } from './objectStore.ts';
import { createRetryingStore, type RetryOptions } from './retryingStore.ts';
import type { S3Timeouts } from './s3Client.ts';
import type { Pace } from './s3Context.ts';
import { createS3Store } from './s3Store.ts';

export type OpenStoreOptions = {
  /** Where stores remember what only this machine knows: begun uploads, and that a directory was once mounted. */
  stateDirectory?: string;
  clock?: Clock;
  timeouts?: Partial<S3Timeouts>;
  /** The bandwidth limit for stores that are reached over the network: waits until so many bytes may go out. */
  pace?: Pace;
  /** false: each operation is tried once. */
  retry?: RetryOptions | false;
};

/**
 * Nothing is touched or sent before the first operation. Throws `store.bad-key` for a prefix that cannot be one and
 * `store.certificate` for a `caFile` that cannot be read.
 */
export function openStore(configuration: StoreConfiguration, options: OpenStoreOptions = {}): ObjectStore {
  const { retry = {}, ...storeOptions } = options;
  const store =
    configuration.type === 'directory'
      ? createDirectoryStore(configuration, storeOptions)
      : createS3Store(configuration, storeOptions);
  if (retry === false) return store;
  return createRetryingStore(store, options.clock ? { clock: options.clock, ...retry } : retry);
}
