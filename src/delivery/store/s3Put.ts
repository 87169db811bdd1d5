/** An object in one piece. */
import { PutObjectCommand, type PutObjectCommandInput } from '@aws-sdk/client-s3';
import { checkLocalContent } from './content.ts';
import type { Confirmation, PutRequest } from './objectStore.ts';
import type { S3Capabilities } from './s3Capabilities.ts';
import { callS3, signPayload, withBody } from './s3Client.ts';
import type { S3WriteContext } from './s3Context.ts';
import { httpStatus } from './s3Errors.ts';
import { confirm, confirmByReadBack, DIGEST_HINT, settleIfPresent } from './s3Present.ts';
import { hasCode, storeError } from './storeErrors.ts';

/** From this size on, a look beforehand is cheaper than sending in vain an object that is there already. */
const LOOK_FIRST_BYTES = 1 << 20;

export type Proof = Exclude<Confirmation['confirmedBy'], 'synced-write'>;

/**
 * The best proof that this store can give for bytes we send it. Not every store checks digests of an empty body (Ceph 16
 * does not): an empty object is read back, which costs next to nothing.
 */
export function bestProof(capabilities: S3Capabilities, size: number): Proof {
  if (size === 0) return 'read-back';
  if (capabilities.verifiesSignedPayload || capabilities.verifiesChecksumHeader) return 'store-sha256';
  return capabilities.verifiesMd5 ? 'store-md5' : 'read-back';
}

export function isPreconditionFailed(error: unknown): boolean {
  return httpStatus(error) === 412;
}

export async function putSingle(
  context: S3WriteContext,
  request: PutRequest,
  signal: AbortSignal | undefined,
): Promise<Confirmation> {
  const { conditionalPut } = context.capabilities;
  if (request.ifAbsent && (!conditionalPut || request.size >= LOOK_FIRST_BYTES)) {
    const present = await settleIfPresent(context, request, signal);
    if (present) return present;
  }
  const proof = bestProof(context.capabilities, request.size);
  let etag: string | undefined;
  try {
    etag = await send(context, request, proof, signal);
  } catch (error) {
    if (request.ifAbsent && isPreconditionFailed(error)) return settleRefused(context, request, signal);
    // Whose fault is it? When our own copy is wrong, trying again cannot help: this throws `store.content-mismatch`.
    if (hasCode(error, 'store.bad-digest')) await checkLocalContent(request);
    throw error;
  }
  if (proof === 'read-back') await confirmByReadBack(context, request, etag, signal);
  return confirm(context, request, 'created', proof);
}

/** After the store said that the key is taken. */
export async function settleRefused(
  context: S3WriteContext,
  request: PutRequest,
  signal: AbortSignal | undefined,
): Promise<Confirmation> {
  const present = await settleIfPresent(context, request, signal);
  if (present) return present;
  const details = { operation: 'PUT object', subject: request.key };
  throw storeError('store.changed', 'the key was taken, and then it was not', details);
}

async function send(
  context: S3WriteContext,
  request: PutRequest,
  proof: Proof,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const { client, configuration, keys, capabilities } = context;
  const input: PutObjectCommandInput = {
    Bucket: configuration.bucket,
    Key: keys.toStore(request.key),
    ContentLength: request.size,
    ContentType: request.contentType ?? 'application/octet-stream',
    Metadata: { [DIGEST_HINT]: request.sha256 },
  };
  if (request.ifAbsent && capabilities.conditionalPut) input.IfNoneMatch = '*';
  // Also when the signed payload is proof enough: the store keeps this one, and reports it to whoever asks later.
  if (capabilities.verifiesChecksumHeader || capabilities.reportsSha256) {
    input.ChecksumAlgorithm = 'SHA256';
    input.ChecksumSHA256 = Buffer.from(request.sha256, 'hex').toString('base64');
  }
  if (proof === 'store-md5') {
    input.ContentMD5 = (await checkLocalContent(request, { md5: true })).md5.toString('base64');
  }
  // A store that checks nothing must not even get a whole object that is wrong.
  const verified = proof === 'read-back';
  return withBody(context, request, { verified, signal }, async ({ body, abortSignal }) => {
    const command = new PutObjectCommand({ ...input, Body: body });
    if (capabilities.verifiesSignedPayload) signPayload(command, request.sha256);
    const answer = await callS3('PUT object', request.key, signal, () => client.send(command, { abortSignal }));
    return answer.ETag;
  });
}
