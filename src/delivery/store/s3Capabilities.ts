/**
 * What an S3 service can do, found out by trying it on small objects under `<prefix>/.medusa/capability/`. A refusal
 * counts only when the object is really absent (or unchanged) afterwards.
 */
import { createHash, randomUUID } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import type { StoreCapabilities } from './objectStore.ts';
import { callS3, signPayload } from './s3Client.ts';
import type { S3Context } from './s3Context.ts';
import { httpStatus } from './s3Errors.ts';
import { hasCode } from './storeErrors.ts';

export type S3Capabilities = StoreCapabilities & {
  /** It recomputes the SHA-256 signed into the request (`x-amz-content-sha256`): Ceph, Swift, AWS. */
  verifiesSignedPayload: boolean;
  /** It recomputes `x-amz-checksum-sha256`: AWS, Ceph from 20 on. */
  verifiesChecksumHeader: boolean;
  /** The ETag of an object sent in one piece is the MD5 of its bytes (not so with some server-side encryption). */
  etagIsMd5: boolean;
};

const CONTENT = Buffer.from('capability probe');
const OTHER_CONTENT = Buffer.from('something else!!');
const sha256Of = (data: Buffer) => createHash('sha256').update(data).digest();
const md5Of = (data: Buffer) => createHash('md5').update(data).digest();

type Probe = {
  put(name: string, options?: Partial<PutObjectCommandInput>, signedSha256?: Buffer): Promise<string | undefined>;
  /** undefined when absent. */
  head(name: string): Promise<{ ContentLength?: number | undefined; ChecksumSHA256?: string | undefined } | undefined>;
  /** Name of an object of this probe in the store. */
  nameOf(name: string): string;
  context: S3Context;
  signal: AbortSignal | undefined;
  /** Names to remove afterwards. */
  written: Set<string>;
};

/** About twenty small requests, in half a dozen round trips. Throws `store.*` when the store cannot be reached or refuses even a plain PUT. */
export async function detectS3Capabilities(
  context: S3Context,
  signal: AbortSignal | undefined,
): Promise<S3Capabilities> {
  const written = new Set<string>();
  const probe = createProbe(context, signal, written);
  try {
    // First of all a plain PUT that must succeed: what it throws is the store's state, not a missing capability.
    const etag = await probe.put('plain', {}, sha256Of(CONTENT));
    const [reportsSha256, verifiesSignedPayload, refusesChecksum, verifiesMd5, conditionalPut, conditionalMultipart] =
      await settled([
        reportsChecksum(probe),
        refuses(probe, 'wrong-payload', {}, sha256Of(OTHER_CONTENT)),
        refuses(probe, 'wrong-sha256', checksumHeader(OTHER_CONTENT)),
        refuses(probe, 'wrong-md5', { ContentMD5: md5Of(OTHER_CONTENT).toString('base64') }),
        honoursIfNoneMatch(probe),
        honoursIfNoneMatchOnComplete(probe),
      ]);
    // A store that refuses a checksum header because it refuses them all does not verify it.
    const verifiesChecksumHeader = reportsSha256 && refusesChecksum;
    return {
      verifiesSha256: verifiesSignedPayload || verifiesChecksumHeader,
      reportsSha256,
      verifiesMd5,
      conditionalPut,
      conditionalMultipart,
      verifiesSignedPayload,
      verifiesChecksumHeader,
      etagIsMd5: etag?.replaceAll('"', '') === md5Of(CONTENT).toString('hex'),
    };
  } finally {
    await cleanUp(context, written);
  }
}

/** All results, or the first error, and in either case not before all have come to an end: cleaning up follows. */
async function settled<T extends readonly Promise<unknown>[] | []>(
  running: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  await Promise.allSettled(running);
  return Promise.all(running);
}

async function reportsChecksum(probe: Probe): Promise<boolean> {
  const written = await probe.put('reported', checksumHeader(CONTENT)).then(() => true, rethrowUnlessAnswer(false));
  return written && (await probe.head('reported'))?.ChecksumSHA256 === sha256Of(CONTENT).toString('base64');
}

function checksumHeader(content: Buffer): Partial<PutObjectCommandInput> {
  // Both are needed: the SDK ignores the value alone, even a wrong one.
  return { ChecksumAlgorithm: 'SHA256', ChecksumSHA256: sha256Of(content).toString('base64') };
}

function createProbe(context: S3Context, signal: AbortSignal | undefined, written: Set<string>): Probe {
  const { client, keys } = context;
  const Bucket = context.configuration.bucket;
  const run = randomUUID();
  const nameOf = (name: string) => keys.reserved(`capability/${run}/${name}`);
  return {
    nameOf,
    context,
    signal,
    written,
    put: async (name, options = {}, signedSha256 = sha256Of(options.Body ? OTHER_CONTENT : CONTENT)) => {
      const Key = nameOf(name);
      written.add(Key);
      const input = { Bucket, Key, Body: CONTENT, ContentLength: CONTENT.length, ...options };
      const command = signPayload(new PutObjectCommand(input), signedSha256.toString('hex'));
      return (await callS3('probe store', Key, signal, (o) => client.send(command, o))).ETag;
    },
    head: async (name) => {
      const Key = nameOf(name);
      const command = new HeadObjectCommand({ Bucket, Key, ChecksumMode: 'ENABLED' });
      return callS3('probe store', Key, signal, (o) => client.send(command, o)).catch((error) => {
        if (hasCode(error, 'store.not-found')) return undefined;
        throw error;
      });
    },
  };
}

/**
 * A capability is missing when the store answers "no" to a request that needs it. No answer, or one that says the store
 * is unwell, proves nothing and ends the detection: it is repeated at the next use.
 */
function rethrowUnlessAnswer<T>(value: T): (error: unknown) => T {
  return (error) => {
    const status = httpStatus(error);
    if (status !== undefined && ((status >= 400 && status < 500 && status !== 429) || status === 501)) return value;
    throw error;
  };
}

/** True when the store refuses this PUT, which declares a wrong digest, and has not kept the object. */
async function refuses(
  probe: Probe,
  name: string,
  options: Partial<PutObjectCommandInput>,
  signedSha256?: Buffer,
): Promise<boolean> {
  const refused = await probe.put(name, options, signedSha256).then(() => false, rethrowUnlessAnswer(true));
  return refused && (await probe.head(name)) === undefined;
}

async function honoursIfNoneMatch(probe: Probe): Promise<boolean> {
  // The precondition must stop a second object, and must not stop a first one.
  const first = await probe.put('condition', { IfNoneMatch: '*' }).then(() => true, rethrowUnlessAnswer(false));
  if (!first) return false;
  const stopped = (error: unknown) => (httpStatus(error) === 412 ? true : rethrowUnlessAnswer(false)(error));
  return probe.put('condition', { IfNoneMatch: '*', Body: OTHER_CONTENT }).then(() => false, stopped);
}

async function honoursIfNoneMatchOnComplete(probe: Probe): Promise<boolean> {
  // As above: it must stop a second object and only that.
  return (await completesIfNoneMatch(probe)) === 'completed' && (await completesIfNoneMatch(probe)) === 'stopped';
}

/** Uploads an object in parts, always to the same name, on condition that there is none. */
async function completesIfNoneMatch(probe: Probe): Promise<'completed' | 'stopped' | 'refused'> {
  const { client, configuration } = probe.context;
  const target = { Bucket: configuration.bucket, Key: probe.nameOf('condition-parts') };
  const call = <T>(run: (options: { abortSignal?: AbortSignal }) => Promise<T>) =>
    callS3('probe store', target.Key, probe.signal, run);
  const { UploadId } = await call((o) => client.send(new CreateMultipartUploadCommand(target), o));
  probe.written.add(target.Key);
  const upload = { ...target, UploadId };
  const part = { ...upload, PartNumber: 1, Body: CONTENT, ContentLength: CONTENT.length };
  let outcome: 'completed' | 'stopped' | 'refused' | undefined;
  try {
    const { ETag } = await call((o) => client.send(new UploadPartCommand(part), o));
    const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] };
    const complete = new CompleteMultipartUploadCommand({ ...upload, MultipartUpload, IfNoneMatch: '*' });
    const answered = (error: unknown) =>
      httpStatus(error) === 412 ? ('stopped' as const) : rethrowUnlessAnswer('refused' as const)(error);
    outcome = await call((o) => client.send(complete, o)).then(() => 'completed' as const, answered);
    return outcome;
  } finally {
    if (outcome !== 'completed') await client.send(new AbortMultipartUploadCommand(upload)).catch(() => {});
  }
}

/** Best effort: a key that may not delete leaves a few tiny objects where nobody looks. */
async function cleanUp(context: S3Context, written: Set<string>): Promise<void> {
  const { client, configuration } = context;
  const remove = (Key: string) => client.send(new DeleteObjectCommand({ Bucket: configuration.bucket, Key }));
  // Also after an abort, hence without the signal.
  await Promise.all([...written].map((name) => remove(name).catch(() => {})));
}
