/** How we speak to an S3 service: one client per store, no retries of its own, no checksums that old servers choke on. */
import { readFileSync } from 'node:fs';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { Readable } from 'node:stream';
import { S3Client } from '@aws-sdk/client-s3';
import { collect, type Range, readContent, readVerifiedContent } from './content.ts';
import type { PutRequest, StoreConfiguration } from './objectStore.ts';
import type { Pace, S3Context } from './s3Context.ts';
import { s3Error } from './s3Errors.ts';
import { storeError } from './storeErrors.ts';

export type S3Configuration = Extract<StoreConfiguration, { type: 's3' }>;

export type S3Timeouts = {
  /** Milliseconds to establish a connection, TLS not included. */
  connectMs: number;
  /** Milliseconds without a byte in either direction. Completing a large upload takes a server long: keep it generous. */
  idleMs: number;
};

export const DEFAULT_TIMEOUTS: S3Timeouts = { connectMs: 10_000, idleMs: 60_000 };

/** Throws `store.certificate` when `caFile` cannot be read. */
export function createS3Client(configuration: S3Configuration, timeouts: S3Timeouts): S3Client {
  const { endpoint, region, accessKeyId, secretAccessKey, pathStyle, caFile } = configuration;
  // The number of sockets is bounded by the courier's concurrency, not here.
  const agent = { keepAlive: true, maxSockets: Number.POSITIVE_INFINITY };
  // With a private authority only that one is trusted: the public ones have no business here.
  const tls = caFile === undefined ? {} : { ca: readCertificates(caFile) };
  return new S3Client({
    endpoint,
    region,
    credentials: { accessKeyId, secretAccessKey },
    forcePathStyle: pathStyle,
    // The body stream of a failed try is spent: only we can open it again.
    maxAttempts: 1,
    retryMode: 'standard',
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // Our agents are kept open, and with those the SDK sends the header but does not wait for the answer.
    expectContinueHeader: false,
    followRegionRedirects: false,
    // Without one the SDK prints to the console. What goes wrong is thrown, and logged by whoever catches it.
    logger: { trace: ignore, debug: ignore, info: ignore, warn: ignore, error: ignore },
    requestHandler: {
      httpAgent: new HttpAgent(agent),
      httpsAgent: new HttpsAgent({ ...agent, ...tls }),
      connectionTimeout: timeouts.connectMs,
      socketTimeout: timeouts.idleMs,
    },
  });
}

function ignore(): void {}

function readCertificates(caFile: string): Buffer {
  try {
    return readFileSync(caFile);
  } catch (error) {
    const details = { operation: 'read certificates', subject: caFile, cause: error };
    throw storeError('store.certificate', 'cannot read caFile', details);
  }
}

type WithMiddleware = {
  middlewareStack: {
    add(
      middleware: (next: (args: never) => Promise<never>) => (args: never) => Promise<never>,
      options: { step: 'build'; name: string },
    ): void;
  };
};

/**
 * Signs the true SHA-256 of the body, known beforehand, into the request (SigV4, `x-amz-content-sha256`), where the SDK
 * would say UNSIGNED-PAYLOAD for a stream. A store that checks it recomputes the digest of what it received.
 */
export function signPayload<T extends object>(command: T, sha256: string): T {
  const { middlewareStack } = command as T & WithMiddleware;
  const addHeader =
    (next: (args: never) => Promise<never>) =>
    (args: { request: { headers: Record<string, string> } }): Promise<never> => {
      args.request.headers['x-amz-content-sha256'] = sha256;
      return next(args as never);
    };
  middlewareStack.add(addHeader as Parameters<typeof middlewareStack.add>[0], { step: 'build', name: 'signPayload' });
  return command;
}

/** Runs one SDK call; whatever it throws comes out as a store error. */
export async function callS3<T>(
  operation: string,
  subject: string,
  signal: AbortSignal | undefined,
  call: (options: { abortSignal?: AbortSignal }) => Promise<T>,
): Promise<T> {
  try {
    return await call(signal ? { abortSignal: signal } : {});
  } catch (error) {
    throw s3Error(error, operation, subject, signal);
  }
}

/** Up to this size a body is sent as one buffer: one write instead of a stream, at a bounded cost in memory. */
const BUFFERED_BYTES = 1 << 20;

export type Body = { body: Buffer | Readable; abortSignal: AbortSignal };

/**
 * Opens the content (or a part) as a request body and runs the call. The SDK pipes a body and never hears of its errors:
 * here an error of the source ends the request, unfinished, and is what gets thrown.
 */
export async function withBody<T>(
  { pace }: Pick<S3Context, 'pace'>,
  request: PutRequest,
  options: { range?: Range; verified?: boolean; signal?: AbortSignal | undefined },
  call: (body: Body) => Promise<T>,
): Promise<T> {
  const { range, verified, signal } = options;
  const source = verified ? readVerifiedContent(request) : readContent(request, range);
  const ended = new AbortController();
  const abortSignal = signal ? AbortSignal.any([signal, ended.signal]) : ended.signal;
  if ((range ? range.end - range.start : request.size) <= BUFFERED_BYTES) {
    const body = await collect(source);
    if (pace) await paced(pace, body.length, abortSignal, request);
    return call({ body, abortSignal });
  }
  const paceOne = pace && ((bytes: number) => paced(pace, bytes, abortSignal, request));
  const body = Readable.from(paceOne ? pacedContent(source, paceOne) : source, { objectMode: false });
  let sourceError: unknown;
  body.on('error', (error) => {
    sourceError = error;
    ended.abort(error);
  });
  try {
    return await call({ body, abortSignal });
  } catch (error) {
    // An answer that came before the whole body was sent leaves a half-sent request behind: its socket goes with it.
    ended.abort();
    throw sourceError ?? error;
  } finally {
    body.destroy();
  }
}

async function paced(pace: Pace, bytes: number, signal: AbortSignal, { key }: PutRequest): Promise<void> {
  try {
    await pace(bytes, signal);
  } catch (error) {
    throw s3Error(error, 'wait for the bandwidth limit', key, signal);
  }
}

async function* pacedContent(
  source: AsyncIterable<Uint8Array>,
  pace: (bytes: number) => Promise<void>,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    await pace(chunk.length);
    yield chunk;
  }
}
