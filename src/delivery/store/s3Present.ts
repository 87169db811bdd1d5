/**
 * Is the object that lies under a key the one we want there? Answered by evidence of the store about its own bytes:
 *
 *   other size                                            -> no
 *   SHA-256 reported by the store (of the whole object)   -> yes or no
 *   ETag is the MD5 (or the MD5 of the parts' MD5s) of our content, and the SHA-256 noted beside it is ours -> yes
 *   anything else                                         -> read back and hashed
 *
 * The SHA-256 that we note in the object's metadata is a hint and never proof: whoever wrote the object wrote that too.
 * With it, an equal MD5 is enough; an unequal one is not held against the object, for an ETag may be something else.
 */
import { createHash } from 'node:crypto';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  type HeadObjectCommandOutput,
} from '@aws-sdk/client-s3';
import { checkLocalContent, digestOf, readContent } from './content.ts';
import type { Confirmation, PutRequest } from './objectStore.ts';
import { planParts } from './partPlan.ts';
import { callS3 } from './s3Client.ts';
import type { S3Context, S3WriteContext } from './s3Context.ts';
import { s3Error } from './s3Errors.ts';
import { hasCode, storeError } from './storeErrors.ts';

/** Names of our user metadata (`x-amz-meta-…`). */
export const DIGEST_HINT = 'sha256';
export const PART_SIZE_HINT = 'part-size';

export function confirm(
  { clock }: S3Context,
  { key, size, sha256 }: PutRequest,
  outcome: Confirmation['outcome'],
  confirmedBy: Confirmation['confirmedBy'],
): Confirmation {
  return { key, size, sha256, outcome, confirmedBy, at: clock.now() };
}

export async function headObject(
  context: S3Context,
  key: string,
  signal: AbortSignal | undefined,
): Promise<HeadObjectCommandOutput | undefined> {
  const { client, configuration, keys } = context;
  const command = new HeadObjectCommand({
    Bucket: configuration.bucket,
    Key: keys.toStore(key),
    ChecksumMode: 'ENABLED',
  });
  try {
    return await callS3('HEAD object', key, signal, (options) => client.send(command, options));
  } catch (error) {
    if (hasCode(error, 'store.not-found')) return undefined;
    throw error;
  }
}

/** The SHA-256 of the whole object, hexadecimal, when the store reports one; that of a multipart is of its parts' digests. */
export function reportedSha256(head: HeadObjectCommandOutput): string | undefined {
  const { ChecksumSHA256: reported, ChecksumType: type } = head;
  if (reported === undefined || type === 'COMPOSITE' || reported.includes('-')) return undefined;
  return Buffer.from(reported, 'base64').toString('hex');
}

/** undefined when there is no object. Throws `store.conflict` when there is another. */
export async function settleIfPresent(
  context: S3WriteContext,
  request: PutRequest,
  signal: AbortSignal | undefined,
): Promise<Confirmation | undefined> {
  const head = await headObject(context, request.key, signal);
  if (!head) return undefined;
  const present = (by: Confirmation['confirmedBy']) => confirm(context, request, 'already-present', by);
  if (head.ContentLength !== request.size) throw conflict(request, `${head.ContentLength} bytes`);
  const reported = context.capabilities.reportsSha256 ? reportedSha256(head) : undefined;
  if (reported === request.sha256) return present('store-sha256');
  if (reported !== undefined) throw conflict(request, `SHA-256 ${reported}`);
  if (await etagProves(context, request, head)) return present('store-md5');
  const { sha256 } = await readBack(context, request.key, signal);
  if (sha256 !== request.sha256) throw conflict(request, `SHA-256 ${sha256}`);
  return present('read-back');
}

function conflict(request: PutRequest, what: string): Error {
  const details = { operation: 'PUT object', subject: request.key };
  return storeError('store.conflict', `the store holds an object with ${what} under this key`, details);
}

async function etagProves(context: S3WriteContext, request: PutRequest, head: HeadObjectCommandOutput) {
  if (!context.capabilities.etagIsMd5 || head.Metadata?.[DIGEST_HINT] !== request.sha256) return false;
  const etag = head.ETag?.replaceAll('"', '') ?? '';
  if (/^[0-9a-f]{32}$/.test(etag)) {
    return (await checkLocalContent(request, { md5: true })).md5.toString('hex') === etag;
  }
  const partSize = Number(head.Metadata[PART_SIZE_HINT]);
  if (!/^[0-9a-f]{32}-[0-9]+$/.test(etag) || !Number.isSafeInteger(partSize) || partSize < 1) return false;
  await checkLocalContent(request);
  return etag === (await multipartEtag(request, partSize));
}

/** The ETag of a multipart object: MD5 of the parts' MD5s, a hyphen, and the number of parts. */
async function multipartEtag(request: PutRequest, partSize: number): Promise<string> {
  const hash = createHash('md5');
  const parts = planParts(request.size, partSize);
  for (const part of parts) hash.update((await digestOf(readContent(request, part), { md5: true })).md5);
  return `${hash.digest('hex')}-${parts.length}`;
}

/** Reads the object and hashes it. `etag` is of the object that was read. */
export async function readBack(
  context: S3Context,
  key: string,
  signal: AbortSignal | undefined,
): Promise<{ size: number; sha256: string; etag: string | undefined }> {
  const { client, configuration, keys } = context;
  const command = new GetObjectCommand({ Bucket: configuration.bucket, Key: keys.toStore(key) });
  const operation = 'read object back';
  const { Body, ETag } = await callS3(operation, key, signal, (options) => client.send(command, options));
  if (!Body) throw storeError('store.unexpected', 'an answer without a body', { operation, subject: key });
  try {
    const { size, sha256 } = await digestOf(Body as AsyncIterable<Uint8Array>);
    return { size, sha256, etag: ETag };
  } catch (error) {
    throw s3Error(error, operation, key, signal);
  }
}

/** Reads back what we have just written; removes it when it arrived wrong, and never anybody else's object. */
export async function confirmByReadBack(
  context: S3Context,
  request: PutRequest,
  etag: string | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { client, configuration, keys } = context;
  const found = await readBack(context, request.key, signal);
  if (found.size === request.size && found.sha256 === request.sha256) return;
  const details = { operation: 'read object back', subject: request.key };
  if (etag !== undefined && found.etag !== etag)
    throw storeError('store.changed', 'it was replaced meanwhile', details);
  const command = new DeleteObjectCommand({ Bucket: configuration.bucket, Key: keys.toStore(request.key) });
  await callS3('DELETE object', request.key, signal, (options) => client.send(command, options));
  throw storeError('store.bad-digest', `the store held SHA-256 ${found.sha256}, so it was removed again`, details);
}
