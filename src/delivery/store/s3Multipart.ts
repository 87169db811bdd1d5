/**
 * A large object in parts, resumable after a crash.
 *
 * The proof: all parts are read in order, and their bytes together must have the object's SHA-256; each part's own digest
 * goes with it and is verified by the store; the store puts the parts together by number and ETag. S3 has no SHA-256 of a
 * whole multipart object, so the confirmation is as strong as that of the weakest part: one found in a resumed upload
 * counts by its MD5 (its ETag), unless the store reports its SHA-256. Where nothing is verified, all is read back.
 *
 * Whatever fails in passing leaves the upload as it is, for the next try to go on with.
 */
import { createHash, type Hash } from 'node:crypto';
import {
  type CompletedPart,
  CompleteMultipartUploadCommand,
  type Part as ListedPart,
  UploadPartCommand,
  type UploadPartCommandInput,
} from '@aws-sdk/client-s3';
import { GatewayError } from '../../base/errors.ts';
import { type Digests, digestOf, expectDigest, readContent } from './content.ts';
import type { Confirmation, PutRequest } from './objectStore.ts';
import { effectivePartSize, type Part, planParts } from './partPlan.ts';
import { callS3, signPayload, withBody } from './s3Client.ts';
import type { S3WriteContext } from './s3Context.ts';
import { confirm, confirmByReadBack, headObject, settleIfPresent } from './s3Present.ts';
import { bestProof, isPreconditionFailed, type Proof, settleRefused } from './s3Put.ts';
import { abortUpload, openUpload, type Upload, usesChecksumHeader } from './s3Uploads.ts';
import { checkAborted, hasCode, STORE_ERRORS, type StoreErrorCode, storeError } from './storeErrors.ts';

/** Parts of one object on the way at once: enough to fill a long link, few enough to share it. */
const PARALLEL_PARTS = 3;

const STRENGTH: Proof[] = ['read-back', 'store-md5', 'store-sha256'];
const weaker = (a: Proof, b: Proof): Proof => (STRENGTH.indexOf(a) < STRENGTH.indexOf(b) ? a : b);

type Sent = { part: CompletedPart; proof: Proof };

export async function putMultipart(
  context: S3WriteContext,
  request: PutRequest,
  signal: AbortSignal | undefined,
): Promise<Confirmation> {
  const present = request.ifAbsent ? await settleIfPresent(context, request, signal) : undefined;
  if (present) {
    context.uploads?.forget(request.key);
    return present;
  }
  const partSize = effectivePartSize(request.size, context.configuration.partSize);
  const plan = planParts(request.size, partSize);
  const upload = await openUpload(context, request, plan, partSize, signal);
  try {
    const sent = await sendParts(context, request, plan, upload, signal);
    return await complete(context, request, upload.uploadId, sent, signal);
  } catch (error) {
    if (isPermanent(error)) await abortUpload(context, request.key, upload.uploadId);
    throw error;
  }
}

function isPermanent(error: unknown): boolean {
  return error instanceof GatewayError && (STORE_ERRORS[error.code as StoreErrorCode]?.permanent ?? false);
}

/** Reads all parts in order and sends those that are not there yet. Throws `store.content-mismatch` before the end. */
async function sendParts(
  context: S3WriteContext,
  request: PutRequest,
  plan: Part[],
  { uploadId, listed }: Upload,
  signal: AbortSignal | undefined,
): Promise<Sent[]> {
  const whole = createHash('sha256');
  const sent: Sent[] = [];
  const underWay = new Set<Promise<void>>();
  const ended = new AbortController();
  const anySignal = signal ? AbortSignal.any([signal, ended.signal]) : ended.signal;
  const errors: unknown[] = [];
  try {
    for (const part of plan) {
      checkAborted(signal, 'upload part', request.key);
      const there = listed.get(part.number);
      const digests = await digestPart(context, request, part, there, whole);
      const kept = there && keptPart(context, part, there, digests);
      if (kept) sent.push(kept);
      else {
        const sending = sendPart(context, request, part, uploadId, digests, anySignal)
          .then((done) => void sent.push(done))
          .catch((error) => void errors.push(error))
          .finally(() => underWay.delete(sending));
        underWay.add(sending);
      }
      while (underWay.size >= PARALLEL_PARTS) await Promise.race(underWay);
      if (errors.length > 0) throw errors[0];
    }
    await Promise.all(underWay);
    if (errors.length > 0) throw errors[0];
  } catch (error) {
    ended.abort();
    await Promise.all(underWay);
    checkAborted(signal, 'upload part', request.key);
    throw error;
  }
  expectDigest(request, whole.digest('hex'));
  return sent.sort((a, b) => (a.part.PartNumber ?? 0) - (b.part.PartNumber ?? 0));
}

function digestPart(
  { capabilities }: S3WriteContext,
  request: PutRequest,
  part: Part,
  there: ListedPart | undefined,
  whole: Hash,
): Promise<Digests> {
  const md5 = there !== undefined || bestProof(capabilities, request.size) === 'store-md5';
  return digestOf(readContent(request, part), { md5, onChunk: (chunk) => void whole.update(chunk) });
}

/** A part that is there already, when the store's word on it shows it to be ours; else undefined: it is sent again. */
function keptPart(context: S3WriteContext, part: Part, there: ListedPart, digests: Digests): Sent | undefined {
  if (there.Size !== part.end - part.start || there.ETag === undefined) return undefined;
  const checksum = Buffer.from(digests.sha256, 'hex').toString('base64');
  const completed: CompletedPart = { PartNumber: part.number, ETag: there.ETag };
  if (there.ChecksumSHA256 !== undefined) {
    if (there.ChecksumSHA256 !== checksum) return undefined;
    return { part: { ...completed, ChecksumSHA256: checksum }, proof: 'store-sha256' };
  }
  const md5 = digests.md5.toString('hex');
  if (!context.capabilities.etagIsMd5 || there.ETag.replaceAll('"', '') !== md5) return undefined;
  return { part: completed, proof: 'store-md5' };
}

async function sendPart(
  context: S3WriteContext,
  request: PutRequest,
  part: Part,
  uploadId: string,
  digests: Digests,
  signal: AbortSignal,
): Promise<Sent> {
  const { client, configuration, keys, capabilities } = context;
  const proof = bestProof(capabilities, request.size);
  const operation = 'upload part';
  const ChecksumSHA256 = Buffer.from(digests.sha256, 'hex').toString('base64');
  const checksum: Partial<UploadPartCommandInput> = usesChecksumHeader(context)
    ? { ChecksumAlgorithm: 'SHA256', ChecksumSHA256 }
    : {};
  const answer = await withBody(context, request, { range: part, signal }, ({ body, abortSignal }) => {
    const command = new UploadPartCommand({
      Bucket: configuration.bucket,
      Key: keys.toStore(request.key),
      UploadId: uploadId,
      PartNumber: part.number,
      ContentLength: part.end - part.start,
      Body: body,
      ...checksum,
      ...(proof === 'store-md5' ? { ContentMD5: digests.md5.toString('base64') } : {}),
    });
    if (capabilities.verifiesSignedPayload) signPayload(command, digests.sha256);
    return callS3(operation, request.key, signal, () => client.send(command, { abortSignal }));
  });
  if (answer.ETag === undefined) {
    throw storeError('store.unexpected', 'the store gave no ETag', { operation, subject: request.key });
  }
  const completed: CompletedPart = { PartNumber: part.number, ETag: answer.ETag };
  return { part: usesChecksumHeader(context) ? { ...completed, ChecksumSHA256 } : completed, proof };
}

async function complete(
  context: S3WriteContext,
  request: PutRequest,
  uploadId: string,
  sent: Sent[],
  signal: AbortSignal | undefined,
): Promise<Confirmation> {
  const { client, configuration, keys, capabilities } = context;
  const conditional = request.ifAbsent && capabilities.conditionalMultipart;
  // The best that can be done where the store itself does not look: our own writers are kept apart by a lock.
  const present = request.ifAbsent && !conditional ? await settleIfPresent(context, request, signal) : undefined;
  if (present) {
    await abortUpload(context, request.key, uploadId);
    return present;
  }
  const command = new CompleteMultipartUploadCommand({
    Bucket: configuration.bucket,
    Key: keys.toStore(request.key),
    UploadId: uploadId,
    MultipartUpload: { Parts: sent.map(({ part }) => part) },
    ...(conditional ? { IfNoneMatch: '*' } : {}),
  });
  const operation = 'complete upload';
  try {
    await callS3(operation, request.key, signal, (options) => client.send(command, options));
  } catch (error) {
    if (!conditional || !isPreconditionFailed(error)) throw forgetLost(context, request, error);
    const settled = await settleRefused(context, request, signal);
    await abortUpload(context, request.key, uploadId);
    return settled;
  }
  context.uploads?.forget(request.key);
  const head = await headObject(context, request.key, signal);
  if (head?.ContentLength !== request.size) {
    const message = `the store shows ${head?.ContentLength ?? 'no'} bytes after completion`;
    throw storeError('store.unexpected', message, { operation, subject: request.key });
  }
  const proof = sent.map((one) => one.proof).reduce(weaker);
  if (proof === 'read-back') await confirmByReadBack(context, request, head.ETag, signal);
  return confirm(context, request, 'created', proof);
}

/** An upload that the store does not know any more is not worth remembering. */
function forgetLost(context: S3WriteContext, request: PutRequest, error: unknown): unknown {
  if (hasCode(error, 'store.changed') || hasCode(error, 'store.not-found')) context.uploads?.forget(request.key);
  return error;
}
