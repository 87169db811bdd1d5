/** Opens the receipt ledger, or stands in for one that cannot be continued: reception must not wait for proof. */
import { describeError, GatewayError } from '../base/errors.ts';
import { CHAIN_START } from './receipt.ts';
import { type LedgerOptions, ReceiptLedger } from './receiptLedger.ts';

/** What the others need of a ledger. */
export type UsableLedger = Pick<ReceiptLedger, 'end' | 'append' | 'read' | 'close'>;

/** `unusable` says why, when the ledger is a stand-in that takes no receipts. Errors of the disk itself are thrown. */
export async function openLedger(options: LedgerOptions): Promise<{ ledger: UsableLedger; unusable?: string }> {
  try {
    return { ledger: await ReceiptLedger.open(options) };
  } catch (error) {
    if (!(error instanceof GatewayError) || !['ledger.corrupt', 'ledger.foreign'].includes(error.code)) throw error;
    const reason = `${describeError(error)}${error.hint === undefined ? '' : `; ${error.hint}`}`;
    const message = `delivery is paused, reception goes on: the receipts cannot be continued: ${reason}`;
    options.log.error('gateway.receipts-unusable', message, { directory: options.directory });
    return { ledger: closedLedger, unusable: reason };
  }
}

const closedLedger: UsableLedger = {
  end: CHAIN_START,
  append: () => Promise.reject(new Error('the receipt ledger is not usable')),
  async *read() {},
  close: async () => {},
};
