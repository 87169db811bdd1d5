/** Appends that wait for the ledger, signed as one group: what one write and one sync make durable. Touches no disk. */
import { GatewayError } from '../base/errors.ts';
import { MAX_APPEND_BYTES } from './ledgerFiles.ts';
import { type ChainEnd, type Receipt, type ReceiptDraft, signReceipt } from './receipt.ts';
import type { SigningKey } from './signingKey.ts';

export type WaitingAppend = {
  drafts: ReceiptDraft[];
  resolve(receipts: Receipt[]): void;
  reject(error: unknown): void;
};

export type SignedGroup = {
  members: Array<{ waiting: WaitingAppend; receipts: Receipt[] }>;
  /** The lines of all members, each with its newline. */
  text: string;
  end: ChainEnd;
};

export type GroupSigner = { site: string; key: SigningKey; directory: string };

/** Takes from the queue what goes into one append after `end`. What cannot be signed is told so, and is in no group. */
export function signGroup(queue: WaitingAppend[], end: ChainEnd, signer: GroupSigner): SignedGroup {
  const group: SignedGroup = { members: [], text: '', end };
  for (let waiting = queue[0]; waiting; waiting = queue[0]) {
    try {
      const signed = signDrafts(waiting.drafts, group.end, signer);
      // It stays in the queue and is signed anew with the next group.
      if (group.text !== '' && group.text.length + signed.text.length > MAX_APPEND_BYTES) return group;
      group.members.push({ waiting, receipts: signed.receipts });
      group.text += signed.text;
      group.end = signed.end;
    } catch (error) {
      waiting.reject(error);
    }
    queue.shift();
  }
  return group;
}

function signDrafts(
  drafts: ReceiptDraft[],
  after: ChainEnd,
  { site, key, directory }: GroupSigner,
): { receipts: Receipt[]; text: string; end: ChainEnd } {
  const receipts: Receipt[] = [];
  let text = '';
  let end = after;
  for (const draft of drafts) {
    const signed = signReceipt(draft, end, site, key);
    receipts.push(signed.receipt);
    text += `${signed.line}\n`;
    end = signed.end;
  }
  if (Buffer.byteLength(text) > MAX_APPEND_BYTES) {
    throw ledgerError('more receipts than one append may hold', 'ledger.append-too-large', directory);
  }
  return { receipts, text, end };
}

export function ledgerError(message: string, code: string, directory: string, cause?: unknown): GatewayError {
  return new GatewayError(message, {
    code,
    operation: 'append receipts',
    subject: directory,
    hint:
      code === 'ledger.full'
        ? 'free space on this disk; deliveries wait meanwhile and go on by themselves'
        : 'see the cause',
    retryable: code === 'ledger.full' || code === 'ledger.write',
    cause,
  });
}
