/**
 * Objects in an S3 service: AWS, Ceph, Swift's s3api and their like. What the service can do is found out at first use
 * (s3Capabilities.ts), and every put ends with the best proof it offers.
 *
 * "Only if absent" is atomic where the store has conditional PUT. Where it has not (Swift 2.30, Ceph 16 for multipart) we
 * look first and hold a lock per key, which is exact among the writers of this process. Writers in *other* processes that
 * send different content to the same key at the same moment could then overwrite each other; our keys derive from
 * content and identity so that this does not happen.
 */
import { GetObjectCommand, HeadBucketCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { type Clock, systemClock } from '../../base/clock.ts';
import { createKeyedLock } from './keyedLock.ts';
import type { Confirmation, ObjectHead, ObjectStore, PutRequest } from './objectStore.ts';
import { detectS3Capabilities, type S3Capabilities } from './s3Capabilities.ts';
import { callS3, createS3Client, DEFAULT_TIMEOUTS, type S3Configuration, type S3Timeouts } from './s3Client.ts';
import type { Pace, S3Context } from './s3Context.ts';
import { s3Error } from './s3Errors.ts';
import { putMultipart } from './s3Multipart.ts';
import { headObject, reportedSha256 } from './s3Present.ts';
import { putSingle } from './s3Put.ts';
import { checkAborted, hasCode, storeError, unlessAborted } from './storeErrors.ts';
import { createKeyMapper } from './storeKeys.ts';
import { createUploadState } from './uploadState.ts';

export type S3StoreOptions = {
  /** Where begun uploads are remembered; without it they are looked for in the store alone. */
  stateDirectory?: string;
  clock?: Clock;
  timeouts?: Partial<S3Timeouts>;
  /**
   * Waits until so many bytes may go out: the bandwidth limit. Called for what is sent only; the local content is also
   * read to be hashed, and that costs no bandwidth.
   */
  pace?: Pace;
  /** Overrides what was detected: to do without a capability that a store claims and does not keep. */
  capabilities?: Partial<S3Capabilities>;
};

/** Across all stores of this process: two configurations may lead to one bucket. */
const locked = createKeyedLock();

/** Throws `store.certificate` and `store.bad-key` for a bad `caFile` and `prefix`; nothing is sent before first use. */
export function createS3Store(configuration: S3Configuration, options: S3StoreOptions = {}): ObjectStore {
  const { name, endpoint, bucket, stateDirectory } = { ...configuration, ...options };
  const target = `${endpoint} ${bucket}`;
  const context: S3Context = {
    client: createS3Client(configuration, { ...DEFAULT_TIMEOUTS, ...options.timeouts }),
    configuration,
    keys: createKeyMapper(configuration.prefix),
    clock: options.clock ?? systemClock,
    pace: options.pace,
    uploads: stateDirectory === undefined ? undefined : createUploadState(stateDirectory, `${target} ${name}`),
  };
  const { client, keys } = context;
  let detecting: Promise<S3Capabilities> | undefined;
  let bucketSeen = false;

  const detect = async (): Promise<S3Capabilities> => {
    const detected = await detectS3Capabilities(context, undefined);
    bucketSeen = true;
    return { ...detected, ...options.capabilities };
  };
  /**
   * One detection for all who ask, and no one's signal ends it: one caller's abort must not fail another's, and a store
   * that hangs must cost all of them one time-out, not one each in turn. A failed one is forgotten.
   */
  const capabilities = async (signal?: AbortSignal): Promise<S3Capabilities> => {
    checkAborted(signal, 'probe store', name);
    detecting ??= detect().catch((error) => {
      detecting = undefined;
      throw error;
    });
    return unlessAborted(detecting, signal, 'probe store', name);
  };

  const put = async (request: PutRequest, signal?: AbortSignal): Promise<Confirmation> => {
    const fullName = keys.toStore(request.key);
    checkAborted(signal, 'PUT object', request.key);
    const write = { ...context, capabilities: await capabilities(signal) };
    const send = request.size >= configuration.multipartThreshold && request.size > 0 ? putMultipart : putSingle;
    try {
      return await locked(`${target} object ${fullName}`, async () => {
        checkAborted(signal, 'PUT object', request.key);
        return send(write, request, signal);
      });
    } catch (error) {
      // "Not found" is no answer to a PUT; taken at its word it would put a delivery into quarantine.
      if (!hasCode(error, 'store.not-found')) throw error;
      const details = { operation: 'PUT object', subject: request.key, cause: error };
      throw storeError('store.changed', 'what we were writing to has gone', details);
    }
  };

  /** HEAD of an object answers 404 for a missing bucket too. */
  const checkBucket = async (signal?: AbortSignal): Promise<void> => {
    if (bucketSeen) return;
    const command = new HeadBucketCommand({ Bucket: bucket });
    await callS3('HEAD bucket', bucket, signal, (o) => client.send(command, o)).catch((error) => {
      if (!hasCode(error, 'store.not-found')) throw error;
      const details = { operation: 'HEAD bucket', subject: bucket, cause: error };
      throw storeError('store.no-bucket', 'no such bucket', details);
    });
    bucketSeen = true;
  };

  const head = async (key: string, signal?: AbortSignal): Promise<ObjectHead | undefined> => {
    const found = await headObject(context, key, signal);
    if (!found) {
      await checkBucket(signal);
      return undefined;
    }
    const sha256 = reportedSha256(found);
    return { key, size: found.ContentLength ?? 0, ...(sha256 === undefined ? {} : { sha256 }) };
  };

  async function* get(key: string, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    const command = new GetObjectCommand({ Bucket: bucket, Key: keys.toStore(key) });
    const operation = 'GET object';
    const { Body } = await callS3(operation, key, signal, (o) => client.send(command, o));
    if (!Body) throw storeError('store.unexpected', 'an answer without a body', { operation, subject: key });
    try {
      for await (const chunk of Body as AsyncIterable<Uint8Array>) {
        checkAborted(signal, operation, key);
        yield chunk;
      }
    } catch (error) {
      throw s3Error(error, operation, key, signal);
    }
  }

  async function* list(prefix: string, signal?: AbortSignal): AsyncGenerator<ObjectHead> {
    let ContinuationToken: string | undefined;
    do {
      const page = { Bucket: bucket, Prefix: keys.prefixToStore(prefix) };
      const command = new ListObjectsV2Command(ContinuationToken ? { ...page, ContinuationToken } : page);
      const answer = await callS3('list objects', prefix, signal, (o) => client.send(command, o));
      for (const { Key, Size } of answer.Contents ?? []) {
        const key = Key === undefined ? undefined : keys.fromStore(Key);
        if (key !== undefined) yield { key, size: Size ?? 0 };
      }
      ContinuationToken = answer.IsTruncated ? answer.NextContinuationToken : undefined;
    } while (ContinuationToken !== undefined);
  }

  return { name, capabilities, put, head, get, list, close: async () => client.destroy() };
}
