/**
 * A receipt's digest: what a store is given in the place of a receipt that it must not read, because it is about another
 * store and would join what the gateway keeps apart (docs/decisions/0010). The chain can be followed through it: it holds
 * the digest of the line that it stands for, and the one that this line holds of its predecessor.
 *
 * It is signed, and names the store that it was made for. Without that, whoever can write to a store could take an object
 * away, put the digest of its receipt in the receipt's place, and nobody would miss it.
 */
import { canonicalJson } from './canonicalJson.ts';
import {
  checkMembers,
  isDeidentified,
  isRecord,
  lineDigest,
  malformed,
  parseReceiptLine,
  type Receipt,
  type Shape,
} from './receipt.ts';
import { type SigningKey, signCanonical } from './signingKey.ts';

/** Part of what is signed, so that no signature made for another kind of document can stand for a digest. */
export const RECEIPT_DIGEST_FORMAT = 'medusa.receipt-digest/1';

export type ReceiptDigest = {
  format: typeof RECEIPT_DIGEST_FORMAT;
  /** The number of the receipt. */
  seq: number;
  site: string;
  /** Id of the gateway's key: `keyIdOf`. */
  gateway: string;
  /** The store that this was made for: not the one that the receipt is about. */
  store: string;
  /** SHA-256 of the receipt's line. */
  sha256: string;
  /** As in the receipt. */
  previous: string;
  signature: string;
};

const MEMBERS: Shape = {
  format: 'string',
  seq: 'integer',
  site: 'string',
  gateway: 'string',
  store: 'string',
  sha256: 'digest',
  previous: 'digest',
  signature: 'string',
};

/** The line, without newline, that `store` is given in the place of a receipt that is about another store. */
export function signReceiptDigest(receipt: Receipt, line: string, store: string, key: SigningKey): string {
  const { seq, site, previous } = receipt;
  const sha256 = lineDigest(line);
  const unsigned = { format: RECEIPT_DIGEST_FORMAT, seq, site, gateway: key.keyId, store, sha256, previous };
  return canonicalJson({ ...unsigned, signature: signCanonical(unsigned, key.privateKey) });
}

/** What a line of a chain as it lies in a store is. Structure only. Throws `receipt.malformed`; never quotes the line. */
export function parseChainLine(line: string): Receipt | ReceiptDigest {
  // Canonical form sorts the members: `format` is the first of a digest, `delivered` that of a receipt.
  if (!line.startsWith('{"format":')) return parseReceiptLine(line);
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw malformed('not JSON');
  }
  if (!isRecord(value) || value.format !== RECEIPT_DIGEST_FORMAT) throw malformed('unknown format');
  const problem = checkMembers(value, MEMBERS);
  if (problem !== undefined) throw malformed(problem);
  const digest = value as ReceiptDigest;
  if (canonicalJson(digest) !== line) throw malformed('not in canonical form');
  return digest;
}

export const isReceipt = (one: Receipt | ReceiptDigest): one is Receipt => one.format !== RECEIPT_DIGEST_FORMAT;

/**
 * Whether `store` may read a receipt. Always when it is about this store; about another only when both hold the same kind:
 * a store of de-identified objects must not learn whom others hold, and one that holds people as they are must not learn
 * under which pseudonym, for both receipts name the digest of what was received.
 */
export const mayRead = (receipt: Receipt, store: { name: string; isIdentifiable: boolean }): boolean =>
  receipt.delivered.store === store.name || store.isIdentifiable !== isDeidentified(receipt);
