/** The receipts that lie in a store, read back in the order of the chain. */
import type { KeyObject } from 'node:crypto';
import { GatewayError } from '../base/errors.ts';
import { type KeySpace, parseReceiptsKey, receiptsFolder } from './objectKeys.ts';
import { parseChainLine } from './receiptDigest.ts';
import { verifyCanonical } from './signingKey.ts';
import type { ObjectStore } from './store/objectStore.ts';

/** A receipt is below 2 KB; what is longer is none and must not fill the memory. */
const MAX_LINE_BYTES = 1 << 20;

/**
 * The lines of all receipts below the site's folder. Bundles may overlap (after the index was rebuilt, receipts are
 * uploaded in other portions): a receipt that was given already is passed over, if it is authentic; an altered copy is
 * given again, and the check of the chain will name it. Some lines are digests of receipts (receiptDigest.ts).
 */
export async function* storedReceiptLines(
  store: ObjectStore,
  space: KeySpace,
  publicKey: KeyObject,
  signal?: AbortSignal,
): AsyncGenerator<string> {
  const bundles: Array<{ key: string; first: number; last: number }> = [];
  for await (const { key } of store.list(receiptsFolder(space), signal)) {
    const range = parseReceiptsKey(key);
    if (range) bundles.push({ key, ...range });
  }
  bundles.sort((a, b) => a.first - b.first || a.last - b.last);
  let given = 0;
  for (const { key, first, last } of bundles) {
    const overlaps = first <= given;
    for await (const line of objectLines(store, key, signal)) {
      if (!overlaps || !isGivenAlready(line, given, publicKey)) yield line;
    }
    given = Math.max(given, last);
  }
}

function isGivenAlready(line: string, given: number, publicKey: KeyObject): boolean {
  try {
    const { signature, ...unsigned } = parseChainLine(line);
    return unsigned.seq <= given && verifyCanonical(unsigned, signature, publicKey);
  } catch {
    return false;
  }
}

async function* objectLines(store: ObjectStore, key: string, signal?: AbortSignal): AsyncGenerator<string> {
  let rest = '';
  const decoder = new TextDecoder();
  for await (const chunk of store.get(key, signal)) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
    if (rest.length > MAX_LINE_BYTES) {
      throw new GatewayError('no receipts: a line that does not end', {
        code: 'receipt.malformed',
        operation: 'read receipts',
        subject: key,
      });
    }
  }
  // Every line that was written whole ends in a newline: what is left is a piece of one.
  if (rest !== '') yield rest;
}
