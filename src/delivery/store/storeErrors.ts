/**
 * What can go wrong with a store, in one table: for the courier, which must know whether to try again, whether to leave
 * the whole store alone for a while, and what to tell the operator.
 */
import { describeError, type ErrorDetails, GatewayError } from '../../base/errors.ts';

export type StoreErrorClass = {
  /** Trying again cannot help: the delivery goes to quarantine. */
  permanent: boolean;
  /** It concerns the whole store, so its other jobs need not be tried now. */
  storeUnavailable: boolean;
  /** Worth another try within seconds. Otherwise only the queue tries again, later. */
  retrySoon: boolean;
  hint: string;
};

const transient = (hint: string): StoreErrorClass => ({
  permanent: false,
  storeUnavailable: false,
  retrySoon: true,
  hint,
});
const unavailable = (hint: string): StoreErrorClass => ({ ...transient(hint), storeUnavailable: true });
/** Nothing is lost, but somebody has to mend it: knocking again within seconds only fills the store's log. */
const needsOperator = (hint: string): StoreErrorClass => ({ ...unavailable(hint), retrySoon: false });
const permanent = (hint: string): StoreErrorClass => ({ ...transient(hint), permanent: true, retrySoon: false });

export const STORE_ERRORS = {
  'store.unreachable': unavailable('check the network, the tunnel and the address of the store'),
  'store.timeout': unavailable('the store or the way to it is slow or hangs: check both'),
  'store.overloaded': unavailable('the store asked for patience; if it stays so, lower the concurrency'),
  'store.clock-skew': unavailable("this machine's clock and the store's differ: check time synchronisation (NTP)"),
  'store.server-error': transient("the store failed on its side: see the store's own log"),
  'store.bad-digest': transient('bytes changed on the way and the store refused them; if it repeats, suspect hardware'),
  'store.changed': transient('somebody else changed the object or the upload at the same time'),
  'store.unexpected': transient('the store answered what S3 does not answer: is the address that of an S3 service?'),
  'store.refused': needsOperator('the store denies us this operation: check the rights of our access key'),
  'store.wrong-credentials': needsOperator('the store does not accept our access key or secret: check both'),
  'store.certificate': needsOperator(
    "the store's certificate is not trusted: check caFile, its host name and its dates",
  ),
  'store.wrong-address': needsOperator('the store sends us elsewhere: check endpoint and region'),
  'store.no-bucket': needsOperator('the bucket does not exist: create it or correct its name'),
  'store.full': needsOperator('the store has no space left for us: free some or raise the quota'),
  'store.not-mounted': needsOperator('a known store directory is empty: mount its file system'),
  // Not permanent: a service that is no S3 at all answers everything so, and that must not fill the quarantine.
  'store.unsupported': { ...needsOperator('the store does not offer this operation'), storeUnavailable: false },
  'store.bad-request': { ...needsOperator('the store did not accept our request'), storeUnavailable: false },
  'store.aborted': { ...transient('stopped by us; it is taken up again'), retrySoon: false },
  'store.content-unreadable': { ...transient('the local copy cannot be read: check the local disk'), retrySoon: false },
  'store.content-mismatch': permanent('the local copy is not what was promised: check the local disk'),
  'store.conflict': permanent(
    'the store holds other content under this key, which was left untouched: compare the two',
  ),
  'store.too-large': permanent('the object is larger than the store accepts'),
  'store.bad-key': permanent('this key cannot name an object'),
  'store.not-found': permanent('there is no such object in the store'),
} as const satisfies Record<string, StoreErrorClass>;

export type StoreErrorCode = keyof typeof STORE_ERRORS;

/** What mends an error of a store, by its code; undefined for one that is not of a store. */
export const hintOf = (code: string): string | undefined =>
  Object.hasOwn(STORE_ERRORS, code) ? STORE_ERRORS[code as StoreErrorCode].hint : undefined;

export function storeError(
  code: StoreErrorCode,
  message: string,
  details: Omit<ErrorDetails, 'code' | 'retryable'>,
): GatewayError {
  const { permanent, hint } = STORE_ERRORS[code];
  return new GatewayError(message, { hint, ...details, code, retryable: !permanent });
}

export type StoreFailure = { code: string; message: string } & Omit<StoreErrorClass, 'hint'> & { hint?: string };

/** What to make of anything that a store operation threw. What is not in the table is tried again, by itself only. */
export function storeFailure(error: unknown): StoreFailure {
  const message = describeError(error);
  if (!(error instanceof GatewayError)) {
    return { code: 'store.unknown', message, permanent: false, storeUnavailable: false, retrySoon: false };
  }
  const { code, hint, retryable } = error;
  const known = Object.hasOwn(STORE_ERRORS, code) ? STORE_ERRORS[code as StoreErrorCode] : undefined;
  const what = known ?? { permanent: !retryable, storeUnavailable: false, retrySoon: false };
  const { permanent, storeUnavailable, retrySoon } = what;
  return { code, message, permanent, storeUnavailable, retrySoon, ...(hint === undefined ? {} : { hint }) };
}

export function hasCode(error: unknown, code: StoreErrorCode): boolean {
  return error instanceof GatewayError && error.code === code;
}

/** Throws `store.aborted` when the signal was raised. */
export function checkAborted(signal: AbortSignal | undefined, operation: string, subject: string): void {
  if (signal?.aborted) throw storeError('store.aborted', 'stopped', { operation, subject, cause: signal.reason });
}

/** What the promise settles to, or `store.aborted` as soon as the signal is raised; whatever it stands for goes on. */
export async function unlessAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
  operation: string,
  subject: string,
): Promise<T> {
  if (!signal) return promise;
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(storeError('store.aborted', 'stopped', { operation, subject, cause: signal.reason }));
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
