import { describe, expect, test } from 'vitest';
import { GatewayError } from '../../../src/base/errors.ts';
import { s3Error } from '../../../src/delivery/store/s3Errors.ts';
import { STORE_ERRORS, storeError, storeFailure } from '../../../src/delivery/store/storeErrors.ts';

describe('the table of store errors', () => {
  test.each(Object.entries(STORE_ERRORS))(
    '%s is consistent',
    (_code, { permanent, storeUnavailable, retrySoon, hint }) => {
      // What is permanent for one object must not stop the others, and is not tried again.
      if (permanent) expect([storeUnavailable, retrySoon]).toEqual([false, false]);
      expect(hint).not.toBe('');
    },
  );

  test('only what concerns the object or its content is permanent', () => {
    const permanent = Object.entries(STORE_ERRORS).filter(([, one]) => one.permanent);
    expect(permanent.map(([code]) => code).toSorted()).toEqual([
      'store.bad-key',
      'store.conflict',
      'store.content-mismatch',
      'store.not-found',
      'store.too-large',
    ]);
  });

  test('an unknown error is never permanent; an error of another area keeps its own word', () => {
    expect(storeFailure(new Error('what?'))).toMatchObject({ permanent: false, storeUnavailable: false });
    const foreign = new GatewayError('gone', { code: 'spool.gone', operation: 'read', retryable: false });
    expect(storeFailure(foreign)).toMatchObject({ code: 'spool.gone', permanent: true });
  });

  test('GatewayError.retryable follows the table', () => {
    expect(storeError('store.full', 'x', { operation: 'x' }).retryable).toBe(true);
    expect(storeError('store.conflict', 'x', { operation: 'x' }).retryable).toBe(false);
  });
});

describe('errors of the SDK', () => {
  const sdk = (name: string, more: object = {}) => Object.assign(new Error(name), { name, ...more });
  const refused = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
  test.each([
    // As seen after a server's death: the name says timeout, the code tells the truth.
    ['TimeoutError with ECONNRESET', sdk('TimeoutError', { code: 'ECONNRESET' }), 'store.unreachable'],
    ['TimeoutError alone', sdk('TimeoutError'), 'store.timeout'],
    ['AggregateError of both address families', new AggregateError([refused, refused]), 'store.unreachable'],
    ['a cause within', new Error('outer', { cause: refused }), 'store.unreachable'],
    ['ENOTFOUND', sdk('Error', { code: 'ENOTFOUND' }), 'store.unreachable'],
    ['an untrusted certificate', sdk('Error', { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' }), 'store.certificate'],
    ['HTTP 503 without a code', sdk('Unknown', { $metadata: { httpStatusCode: 503 } }), 'store.overloaded'],
    ['HTTP 418', sdk('Unknown', { $metadata: { httpStatusCode: 418 } }), 'store.bad-request'],
    ['constructor as a name', sdk('constructor'), 'store.unexpected'],
    ['something thrown', 'a string', 'store.unexpected'],
  ])('%s', (_name, error, code) => {
    expect(s3Error(error, 'test', 'subject', undefined).code).toBe(code);
  });

  test('after an abort it is an abort, whatever the SDK made of it', () => {
    expect(s3Error(sdk('TimeoutError'), 'test', 'subject', AbortSignal.abort()).code).toBe('store.aborted');
  });
});
