/**
 * From what the SDK throws to a store error. By the S3 error code first (`name` of the SDK's exception), then by the
 * code of the operating system or of TLS, then by the HTTP status, which is all that an answer to HEAD holds.
 */
import { GatewayError } from '../../base/errors.ts';
import { type StoreErrorCode, storeError } from './storeErrors.ts';

const BY_S3_CODE: Record<string, StoreErrorCode> = {
  SlowDown: 'store.overloaded',
  ServiceUnavailable: 'store.overloaded',
  Throttling: 'store.overloaded',
  ThrottlingException: 'store.overloaded',
  TooManyRequests: 'store.overloaded',
  RequestLimitExceeded: 'store.overloaded',
  InternalError: 'store.server-error',
  AccessDenied: 'store.refused',
  AllAccessDisabled: 'store.refused',
  AccountProblem: 'store.refused',
  UserSuspended: 'store.refused',
  InvalidAccessKeyId: 'store.wrong-credentials',
  SignatureDoesNotMatch: 'store.wrong-credentials',
  InvalidToken: 'store.wrong-credentials',
  ExpiredToken: 'store.wrong-credentials',
  InvalidSecurity: 'store.wrong-credentials',
  NotSignedUp: 'store.wrong-credentials',
  RequestTimeTooSkewed: 'store.clock-skew',
  RequestExpired: 'store.clock-skew',
  NoSuchBucket: 'store.no-bucket',
  InvalidBucketName: 'store.no-bucket',
  PermanentRedirect: 'store.wrong-address',
  TemporaryRedirect: 'store.wrong-address',
  AuthorizationHeaderMalformed: 'store.wrong-address',
  QuotaExceeded: 'store.full',
  InsufficientStorage: 'store.full',
  InsufficientCapacity: 'store.full',
  XMinioStorageFull: 'store.full',
  BadDigest: 'store.bad-digest',
  XAmzContentSHA256Mismatch: 'store.bad-digest',
  XAmzContentChecksumMismatch: 'store.bad-digest',
  IncompleteBody: 'store.unreachable',
  RequestTimeout: 'store.timeout',
  EntityTooLarge: 'store.too-large',
  KeyTooLongError: 'store.bad-key',
  NoSuchKey: 'store.not-found',
  NotFound: 'store.not-found',
  // The upload was completed or aborted by somebody else: the next try finds out which.
  NoSuchUpload: 'store.changed',
  InvalidPart: 'store.changed',
  OperationAborted: 'store.changed',
  ConditionalRequestConflict: 'store.changed',
  // Reaches nobody who asked for it: `put` answers a failed precondition itself.
  PreconditionFailed: 'store.changed',
  NotImplemented: 'store.unsupported',
  MethodNotAllowed: 'store.unsupported',
};

const BY_SYSTEM_CODE: Record<string, StoreErrorCode> = {
  ECONNREFUSED: 'store.unreachable',
  ECONNRESET: 'store.unreachable',
  ECONNABORTED: 'store.unreachable',
  EPIPE: 'store.unreachable',
  ENOTFOUND: 'store.unreachable',
  EAI_AGAIN: 'store.unreachable',
  EHOSTUNREACH: 'store.unreachable',
  ENETUNREACH: 'store.unreachable',
  ENETDOWN: 'store.unreachable',
  EADDRNOTAVAIL: 'store.unreachable',
  // The tunnel's guard drops by refusing the send.
  EPERM: 'store.unreachable',
  ERR_STREAM_PREMATURE_CLOSE: 'store.unreachable',
  ETIMEDOUT: 'store.timeout',
  ERR_TLS_CERT_ALTNAME_INVALID: 'store.certificate',
  ERR_SSL_WRONG_VERSION_NUMBER: 'store.wrong-address',
  EPROTO: 'store.wrong-address',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'store.certificate',
  UNABLE_TO_GET_ISSUER_CERT: 'store.certificate',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'store.certificate',
  SELF_SIGNED_CERT_IN_CHAIN: 'store.certificate',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'store.certificate',
  CERT_HAS_EXPIRED: 'store.certificate',
  CERT_NOT_YET_VALID: 'store.certificate',
  CERT_SIGNATURE_FAILURE: 'store.certificate',
  CERT_UNTRUSTED: 'store.certificate',
};

function byStatus(status: number): StoreErrorCode {
  if (status >= 300 && status < 400) return 'store.wrong-address';
  switch (status) {
    case 401:
    case 403:
      return 'store.refused';
    case 404:
      return 'store.not-found';
    case 405:
    case 501:
      return 'store.unsupported';
    case 408:
      return 'store.timeout';
    case 409:
    case 412:
      return 'store.changed';
    case 413:
      return 'store.too-large';
    case 429:
    case 502:
    case 503:
    case 504:
      return 'store.overloaded';
    case 507:
      return 'store.full';
  }
  if (status >= 500) return 'store.server-error';
  return status >= 400 ? 'store.bad-request' : 'store.unexpected';
}

/** The HTTP status of an answer that the SDK made an error of. */
export function httpStatus(error: unknown): number | undefined {
  for (let e = error, depth = 0; e instanceof Error && depth < 5; e = e.cause, depth++) {
    const status = (e as { $metadata?: { httpStatusCode?: unknown } }).$metadata?.httpStatusCode;
    if (typeof status === 'number') return status;
  }
  return undefined;
}

/** Error codes of the operating system, of TLS and of Node's streams; Node buries some of them in an AggregateError. */
function codesOf(error: unknown, depth = 0): string[] {
  if (!(error instanceof Error) || depth > 4) return [];
  const code = (error as NodeJS.ErrnoException).code;
  const within = error instanceof AggregateError ? error.errors : [error.cause];
  return [...(typeof code === 'string' ? [code] : []), ...within.flatMap((inner) => codesOf(inner, depth + 1))];
}

function classify(error: unknown): StoreErrorCode {
  if (!(error instanceof Error)) return 'store.unexpected';
  if (Object.hasOwn(BY_S3_CODE, error.name)) return BY_S3_CODE[error.name] ?? 'store.unexpected';
  for (const code of codesOf(error)) {
    const known = Object.hasOwn(BY_SYSTEM_CODE, code) ? BY_SYSTEM_CODE[code] : undefined;
    if (known) return known;
  }
  if (error.name === 'TimeoutError') return 'store.timeout';
  const status = httpStatus(error);
  return status === undefined ? 'store.unexpected' : byStatus(status);
}

/** Turns what an SDK call threw into a store error; a `GatewayError` (of our own body stream) passes as it is. */
export function s3Error(
  error: unknown,
  operation: string,
  subject: string,
  signal: AbortSignal | undefined,
): GatewayError {
  if (error instanceof GatewayError) return error;
  if (signal?.aborted) {
    return storeError('store.aborted', 'stopped', { operation, subject, cause: signal.reason ?? error });
  }
  const status = httpStatus(error);
  const name = error instanceof Error ? error.name : 'error';
  const message = `${operation} failed: ${name}${status === undefined ? '' : ` (HTTP ${status})`}`;
  return storeError(classify(error), message, { operation, subject, cause: error });
}
