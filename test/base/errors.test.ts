import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { describeError, GatewayError, systemCode } from '../../src/base/errors.ts';

function enoent(): unknown {
  try {
    return readFileSync('/no/such/file');
  } catch (error) {
    return error;
  }
}

describe('GatewayError', () => {
  it('carries what an operator needs, and is not retryable unless it says so', () => {
    const details = { code: 'spool.full', operation: 'write segment', subject: '/x', hint: 'free space' };
    const error = new GatewayError('no space', details);
    expect(error).toMatchObject({ ...details, message: 'no space', name: 'GatewayError', retryable: false });
    expect(error.cause).toBeUndefined();
    expect('cause' in error).toBe(false);
  });

  it('keeps its cause', () => {
    const cause = enoent();
    const error = new GatewayError('no', { code: 'a.b', operation: 'c', retryable: true, cause });
    expect(error.cause).toBe(cause);
    expect(error.retryable).toBe(true);
  });
});

describe('systemCode', () => {
  it('finds the code of the operating system below others', () => {
    const error = new GatewayError('outer', {
      code: 'a.b',
      operation: 'c',
      cause: new Error('inner', { cause: enoent() }),
    });
    expect(systemCode(error)).toBe('ENOENT');
  });

  it('takes no other code for one, and survives causes that go round', () => {
    const round = Object.assign(new Error('round'), { code: 'a.b' });
    round.cause = round;
    expect(systemCode(round)).toBeUndefined();
    expect(systemCode('text')).toBeUndefined();
    expect(systemCode(undefined)).toBeUndefined();
  });
});

describe('describeError', () => {
  it('joins the messages of the causes, each once', () => {
    const error = new Error('cannot write', { cause: new Error('disk full', { cause: new Error('full') }) });
    expect(describeError(error)).toBe('cannot write: disk full');
  });

  it('makes something of anything', () => {
    expect(describeError('text')).toBe('text');
    expect(describeError(undefined)).toBe('unknown error');
    expect(describeError(new Error(''))).toBe('unknown error');
  });
});
