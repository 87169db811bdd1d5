import { describe, expect, test } from 'vitest';
import { encodePData, payloadPerPdu, pdvHeaderBytes } from '../../../src/dicom/dimse/pdvWriter.ts';

describe('P-DATA-TF of a whole message', () => {
  test('is cut into what the peer takes, header by header', () => {
    for (const peerMaximum of [0, 1, 8, 13, 64, 16384]) {
      for (const length of [0, 1, 2, 3, 100, 40_001]) {
        const payload = Buffer.from(Array.from({ length }, (_, i) => i & 0xff));
        const step = payloadPerPdu(peerMaximum);
        const expected: Buffer[] = [];
        for (let offset = 0; offset === 0 || offset < length; offset += step) {
          const piece = payload.subarray(offset, offset + step);
          expected.push(pdvHeaderBytes(5, piece.length, 'data-set', offset + step >= length), piece);
        }
        expect(encodePData(5, payload, 'data-set', peerMaximum).equals(Buffer.concat(expected))).toBe(true);
      }
    }
  });

  test('takes its bytes, and no object for each PDU of a peer that takes two bytes at a time', () => {
    const payload = Buffer.alloc(600_000);
    encodePData(1, payload, 'data-set', 8);
    const before = process.memoryUsage().heapUsed;
    const bytes = encodePData(1, payload, 'data-set', 8);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(8 * 1024 * 1024);
    expect(bytes.length).toBe(300_000 * 14);
  });
});
