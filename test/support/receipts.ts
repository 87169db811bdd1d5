import { createHash } from 'node:crypto';
import { CHAIN_START, type ReceiptDraft, signReceipt } from '../../src/delivery/receipt.ts';
import type { SigningKey } from '../../src/delivery/signingKey.ts';

export const sha256 = (data: string | Uint8Array) => createHash('sha256').update(data).digest('hex');

/** A delivery of `content` to the store `cloud` under `key`, as the gateway would hand it to the ledger. */
export function receiptDraft(
  key: string,
  content: string | Uint8Array,
  more: Partial<ReceiptDraft> = {},
): ReceiptDraft {
  const digest = sha256(content);
  const size = Buffer.byteLength(content);
  return {
    sopInstanceUid: '1.2.3.4',
    version: 1,
    studyInstanceUid: '1.2',
    seriesInstanceUid: '1.2.3',
    received: { sha256: digest, size, at: 1_700_000_000_000, peer: 'CT1' },
    steps: [],
    store: 'cloud',
    confirmation: {
      key,
      size,
      sha256: digest,
      outcome: 'created',
      confirmedBy: 'synced-write',
      at: 1_700_000_001_000,
    },
    ...more,
  };
}

/** `count` lines of a sound chain. */
export function chainLines(key: SigningKey, count: number): string[] {
  let end = CHAIN_START;
  return Array.from({ length: count }, (_, index) => {
    const signed = signReceipt(receiptDraft(`site/object-${index}`, `content ${index}`), end, 'site', key);
    end = signed.end;
    return signed.line;
  });
}
