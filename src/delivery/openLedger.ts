/** Opens the receipt ledger, or stands in for one that cannot be continued: reception must not wait for proof. */
import { describeError, GatewayError } from '../base/errors.ts';
import { CHAIN_START } from './receipt.ts';
import { type LedgerOptions, ReceiptLedger } from './receiptLedger.ts';

/** What the others need of a ledger. */
export type UsableLedger = Pick<ReceiptLedger, 'end' | 'append' | 'read' | 'close'>;

/**
 * `unusable` says why, when the ledger is a stand-in that takes no receipts. `indexedSeq`: the last receipt that the index
 * has heard of; a ledger that ends before it was lost or cut, and to go on would give its numbers out again. Errors of the
 * disk itself are thrown.
 */
export async function openLedger(
  options: LedgerOptions,
  indexedSeq: number,
): Promise<{ ledger: UsableLedger; unusable?: string }> {
  try {
    const ledger = await ReceiptLedger.open(options);
    if (ledger.end.seq >= indexedSeq) return { ledger };
    await ledger.close();
    const found = ledger.end.seq === 0 ? 'there are no receipts' : `the receipts end at number ${ledger.end.seq}`;
    return paused(options, `${found}, but number ${indexedSeq} was written: put the ledger's files back`);
  } catch (error) {
    if (!(error instanceof GatewayError) || !['ledger.corrupt', 'ledger.foreign'].includes(error.code)) throw error;
    return paused(options, `${describeError(error)}${error.hint === undefined ? '' : `; ${error.hint}`}`);
  }
}

function paused({ log, directory }: LedgerOptions, reason: string): { ledger: UsableLedger; unusable: string } {
  const message = `delivery is paused, reception goes on: the receipts cannot be continued: ${reason}`;
  log.error('gateway.receipts-unusable', message, { directory });
  return { ledger: closedLedger, unusable: reason };
}

const closedLedger: UsableLedger = {
  end: CHAIN_START,
  append: () => Promise.reject(new Error('the receipt ledger is not usable')),
  async *read() {},
  close: async () => {},
};
