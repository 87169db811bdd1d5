/** What the parts of the S3 store share. */
import type { S3Client } from '@aws-sdk/client-s3';
import type { Clock } from '../../base/clock.ts';
import type { S3Capabilities } from './s3Capabilities.ts';
import type { S3Configuration } from './s3Client.ts';
import type { KeyMapper } from './storeKeys.ts';
import type { UploadState } from './uploadState.ts';

/** Resolves when `bytes` more may be sent; rejects when the signal is raised. */
export type Pace = (bytes: number, signal: AbortSignal) => Promise<void>;

export type S3Context = {
  client: S3Client;
  configuration: S3Configuration;
  keys: KeyMapper;
  clock: Clock;
  /** The bandwidth limit, when there is one. */
  pace: Pace | undefined;
  /** Unfinished uploads of ours, as we remember them; undefined when there is nowhere to remember. */
  uploads: UploadState | undefined;
};

/** Once the store's capabilities are known. */
export type S3WriteContext = S3Context & { capabilities: S3Capabilities };
