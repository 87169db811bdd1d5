import { describe, expect, test } from 'vitest';
import {
  decodeTransaction,
  digestOf,
  encodeTransaction,
  keyOf,
  reportOf,
  type TransactionRecord,
} from '../../src/commitment/transaction.ts';
import { reference } from './fixture.ts';

const record: TransactionRecord = {
  peer: 'CT1',
  calledAeTitle: 'MEDUSA',
  transactionUid: '1.2.3',
  requestedAt: 1000,
  references: [reference('1'), reference('2'), reference('1')],
  digest: 'abc',
  resolution: { at: 2000, failures: [[1, 0x0112]] },
  attempts: 3,
};

describe('a transaction in its file', () => {
  test('survives, decided or not', () => {
    const undecided = { ...record, resolution: undefined };
    for (const one of [record, undecided]) expect(decodeTransaction(encodeTransaction(one))).toEqual(one);
  });

  test('cut anywhere or changed anywhere it is not another one', () => {
    const text = encodeTransaction(record);
    for (let length = 0; length < text.length - 1; length++)
      expect(decodeTransaction(text.slice(0, length))).toBeUndefined();
    for (const change of [
      text.replace('1.2.3.2', '1.2.3.9'),
      text.replace('"attempts":3', '"attempts":4'),
      text.slice(0, -3),
      `${text}more`,
      'null',
      '[]',
      '',
    ]) {
      expect(change).not.toBe(text);
      expect(decodeTransaction(change)).toBeUndefined();
    }
  });

  test('is reported with each reference once, in the order of the request', () => {
    expect(reportOf(record)).toEqual({
      transactionUid: '1.2.3',
      committed: [reference('1'), reference('1')],
      failed: [{ ...reference('2'), failureReason: 0x0112 }],
    });
  });

  test('is the same for the same references in any order, and of each peer its own', () => {
    expect(digestOf([reference('1'), reference('2')])).toBe(digestOf([reference('2'), reference('1')]));
    expect(digestOf([reference('1')])).not.toBe(digestOf([reference('1'), reference('1')]));
    expect(keyOf(record)).not.toBe(keyOf({ ...record, peer: 'CT2' }));
    expect(keyOf({ peer: '../..', transactionUid: '1.2' })).toMatch(/^1\.2-[0-9a-f]{16}$/);
  });
});
