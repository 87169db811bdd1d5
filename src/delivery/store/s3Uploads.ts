/** Unfinished multipart uploads: finding one to go on with, and clearing away those that nobody will. */
import {
  AbortMultipartUploadCommand,
  CreateMultipartUploadCommand,
  type Part as ListedPart,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  type MultipartUpload,
} from '@aws-sdk/client-s3';
import { digestOf, readContent } from './content.ts';
import type { PutRequest } from './objectStore.ts';
import type { Part } from './partPlan.ts';
import { callS3 } from './s3Client.ts';
import type { S3WriteContext } from './s3Context.ts';
import { DIGEST_HINT, PART_SIZE_HINT } from './s3Present.ts';
import { hasCode, storeError } from './storeErrors.ts';

/** An upload to our key that we cannot place may be another gateway's, at work: it is left alone for this long. */
const ABANDONED_AFTER_MS = 24 * 3600 * 1000;

export type Upload = { uploadId: string; listed: Map<number, ListedPart> };

/** Multipart needs the SHA-256 checksum header only where the signed payload is not checked. */
export function usesChecksumHeader({ capabilities }: S3WriteContext): boolean {
  return !capabilities.verifiesSignedPayload && capabilities.verifiesChecksumHeader;
}

/** The upload to go on with: the one we remember, else one that begins with our bytes, else a new one. */
export async function openUpload(
  context: S3WriteContext,
  request: PutRequest,
  plan: Part[],
  partSize: number,
  signal: AbortSignal | undefined,
): Promise<Upload> {
  const found =
    (await remembered(context, request, partSize, signal)) ?? (await adopted(context, request, plan, signal));
  const upload = found ?? (await create(context, request, partSize, signal));
  const { key, size, sha256 } = request;
  context.uploads?.remember({ key, size, sha256, partSize, uploadId: upload.uploadId });
  return upload;
}

async function remembered(
  context: S3WriteContext,
  request: PutRequest,
  partSize: number,
  signal: AbortSignal | undefined,
): Promise<Upload | undefined> {
  const known = context.uploads?.recall(request.key);
  if (!known) return undefined;
  const { uploadId } = known;
  if (known.sha256 !== request.sha256 || known.size !== request.size || known.partSize !== partSize) {
    await abortUpload(context, request.key, uploadId);
    return undefined;
  }
  const listed = await listParts(context, request.key, uploadId, signal);
  return listed && { uploadId, listed };
}

/** Only an upload whose parts are cut as ours, and whose first one is our bytes, is taken for the same object's. */
async function adopted(
  context: S3WriteContext,
  request: PutRequest,
  plan: Part[],
  signal: AbortSignal | undefined,
): Promise<Upload | undefined> {
  for (const { UploadId: uploadId, Initiated } of await listUploads(context, request.key, signal)) {
    if (uploadId === undefined) continue;
    const listed = await listParts(context, request.key, uploadId, signal);
    if (!listed) continue;
    if (await looksLikeOurs(context, request, plan, listed)) return { uploadId, listed };
    const age = Initiated ? context.clock.now() - Initiated.getTime() : 0;
    if (age > ABANDONED_AFTER_MS) await abortUpload(context, request.key, uploadId);
  }
  return undefined;
}

async function looksLikeOurs(
  { capabilities }: S3WriteContext,
  request: PutRequest,
  plan: Part[],
  listed: Map<number, ListedPart>,
): Promise<boolean> {
  const pairs = plan.flatMap((part) => {
    const there = listed.get(part.number);
    return there ? [{ part, there }] : [];
  });
  const [first] = pairs;
  if (!capabilities.etagIsMd5 || !first || pairs.length !== listed.size) return false;
  if (!pairs.every(({ part, there }) => there.Size === part.end - part.start)) return false;
  const { md5 } = await digestOf(readContent(request, first.part), { md5: true });
  return first.there.ETag?.replaceAll('"', '') === md5.toString('hex');
}

async function create(
  context: S3WriteContext,
  request: PutRequest,
  partSize: number,
  signal: AbortSignal | undefined,
): Promise<Upload> {
  const { client, configuration, keys } = context;
  const command = new CreateMultipartUploadCommand({
    Bucket: configuration.bucket,
    Key: keys.toStore(request.key),
    ContentType: request.contentType ?? 'application/octet-stream',
    Metadata: { [DIGEST_HINT]: request.sha256, [PART_SIZE_HINT]: String(partSize) },
    ...(usesChecksumHeader(context) ? { ChecksumAlgorithm: 'SHA256' } : {}),
  });
  const operation = 'begin upload';
  const { UploadId } = await callS3(operation, request.key, signal, (options) => client.send(command, options));
  if (UploadId) return { uploadId: UploadId, listed: new Map() };
  throw storeError('store.unexpected', 'the store gave no upload id', { operation, subject: request.key });
}

/** A key that may not list uploads can still upload, only not resume what it has forgotten. */
async function listUploads(
  context: S3WriteContext,
  key: string,
  signal: AbortSignal | undefined,
): Promise<MultipartUpload[]> {
  const { client, configuration, keys } = context;
  const name = keys.toStore(key);
  // Other keys may begin with ours, but ours sorts first: one page holds all uploads to it that matter.
  const command = new ListMultipartUploadsCommand({ Bucket: configuration.bucket, Prefix: name });
  try {
    const answer = await callS3('list uploads', key, signal, (options) => client.send(command, options));
    return (answer.Uploads ?? []).filter((upload) => upload.Key === name);
  } catch (error) {
    if (hasCode(error, 'store.refused') || hasCode(error, 'store.unsupported')) return [];
    throw error;
  }
}

/** undefined when the store no longer knows the upload. */
async function listParts(
  context: S3WriteContext,
  key: string,
  uploadId: string,
  signal: AbortSignal | undefined,
): Promise<Map<number, ListedPart> | undefined> {
  const { client, configuration, keys } = context;
  const parts = new Map<number, ListedPart>();
  const target = { Bucket: configuration.bucket, Key: keys.toStore(key), UploadId: uploadId };
  let PartNumberMarker: string | undefined;
  do {
    const command = new ListPartsCommand({ ...target, ...(PartNumberMarker ? { PartNumberMarker } : {}) });
    try {
      const page = await callS3('list parts', key, signal, (options) => client.send(command, options));
      for (const part of page.Parts ?? []) if (part.PartNumber !== undefined) parts.set(part.PartNumber, part);
      PartNumberMarker = page.IsTruncated ? page.NextPartNumberMarker : undefined;
    } catch (error) {
      // NoSuchUpload, or NoSuchKey as Ceph says it.
      if (hasCode(error, 'store.changed') || hasCode(error, 'store.not-found')) return undefined;
      throw error;
    }
  } while (PartNumberMarker !== undefined);
  return parts;
}

/** Best effort: what is left over costs the store some space until its own rules clear it away. */
export async function abortUpload(context: S3WriteContext, key: string, uploadId: string): Promise<void> {
  const { client, configuration, keys } = context;
  const target = { Bucket: configuration.bucket, Key: keys.toStore(key), UploadId: uploadId };
  await client.send(new AbortMultipartUploadCommand(target)).catch(() => {});
  context.uploads?.forget(key);
}
