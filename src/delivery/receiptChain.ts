/** Proves a chain of receipts, or names each place where it is broken. */
import type { KeyObject } from 'node:crypto';
import { describeError } from '../base/errors.ts';
import { CHAIN_START, type ChainEnd, lineDigest, type Receipt } from './receipt.ts';
import { isReceipt, parseChainLine, type ReceiptDigest } from './receiptDigest.ts';
import { keyIdOf, verifyCanonical } from './signingKey.ts';

export type ChainProblem = {
  /** 1 for the first line given. */
  line: number;
  /** The sequence number the line claims; undefined when it is no receipt. */
  seq?: number;
  kind:
    | 'malformed'
    | 'foreign-key'
    | 'bad-signature'
    | 'out-of-sequence'
    | 'broken-link'
    | 'cut-short'
    /** A digest in the place of a receipt, where none belongs: in the ledger, or made for another store. */
    | 'misplaced-digest';
  detail: string;
};

export type ChainReport = {
  ok: boolean;
  receipts: number;
  /** Of these, given as a digest only. */
  withheld: number;
  firstSeq: number | undefined;
  /** Where the chain ended: keep it elsewhere, and pass it as `expectEnd` next time, to notice a cut at the end. */
  end: ChainEnd;
  problemCount: number;
  /** At most `MAX_PROBLEMS` of them. */
  problems: ChainProblem[];
};

const MAX_PROBLEMS = 100;

export type ChainOptions = {
  /** What the first line must follow; a chain from its very beginning when not given. */
  after?: ChainEnd;
  /** A receipt that must be in the chain, known from elsewhere. */
  expectEnd?: ChainEnd;
  /** The store that the chain was read from: digests made for it may stand for receipts. None may when not given. */
  store?: string;
};

/**
 * Checks lines one at a time, in bounded memory. After a broken place the check goes on from what is there, so that one
 * edit is one problem and not a thousand. A hole, a change of order and a cut at the front are `out-of-sequence`; an edit
 * is `bad-signature` there and `broken-link` at the next receipt.
 */
export class ChainVerifier {
  readonly #publicKey: KeyObject;
  readonly #keyId: string;
  readonly #expectEnd: ChainEnd | undefined;
  readonly #store: string | undefined;
  readonly #problems: ChainProblem[] = [];
  #problemCount = 0;
  #lines = 0;
  #receipts = 0;
  #withheld = 0;
  #firstSeq: number | undefined;
  #end: ChainEnd;
  #sawExpectedEnd: boolean;

  constructor(publicKey: KeyObject, options: ChainOptions = {}) {
    this.#publicKey = publicKey;
    this.#keyId = keyIdOf(publicKey);
    this.#end = options.after ?? CHAIN_START;
    this.#expectEnd = options.expectEnd;
    this.#store = options.store;
    this.#sawExpectedEnd = options.expectEnd === undefined || options.expectEnd.seq === 0;
  }

  /** The receipt when the line is one that this key signed; undefined when it proves no delivery. */
  add(line: string): Receipt | undefined {
    this.#lines++;
    let given: Receipt | ReceiptDigest;
    try {
      given = parseChainLine(line);
    } catch (error) {
      this.#note('malformed', undefined, describeError(error));
      return undefined;
    }
    const authentic = this.#checkSignature(given);
    this.#checkPlace(given);
    this.#receipts++;
    this.#firstSeq ??= given.seq;
    this.#end = { seq: given.seq, digest: isReceipt(given) ? lineDigest(line) : given.sha256 };
    if (given.seq === this.#expectEnd?.seq) this.#sawExpectedEnd = this.#end.digest === this.#expectEnd.digest;
    if (isReceipt(given)) return authentic ? given : undefined;
    this.#withheld++;
    if (given.store !== this.#store) this.#note('misplaced-digest', given.seq, this.#misplaced(given));
    return undefined;
  }

  finish(): ChainReport {
    const expected = this.#expectEnd;
    if (!this.#sawExpectedEnd && expected) {
      this.#note('cut-short', expected.seq, `receipt ${expected.seq}, known from elsewhere, is not in the chain`);
    }
    return {
      ok: this.#problemCount === 0,
      receipts: this.#receipts,
      withheld: this.#withheld,
      firstSeq: this.#firstSeq,
      end: this.#end,
      problemCount: this.#problemCount,
      problems: this.#problems,
    };
  }

  #misplaced({ seq, store }: ReceiptDigest): string {
    if (this.#store === undefined) return `a digest where receipt ${seq} itself belongs`;
    return `the digest of receipt ${seq} was made for store ${JSON.stringify(store.slice(0, 64))}, not for ${this.#store}`;
  }

  #checkSignature(receipt: Receipt | ReceiptDigest): boolean {
    if (receipt.gateway !== this.#keyId) {
      this.#note('foreign-key', receipt.seq, `signed by key ${receipt.gateway}, not by ${this.#keyId}`);
      return false;
    }
    const { signature, ...unsigned } = receipt;
    if (verifyCanonical(unsigned, signature, this.#publicKey)) return true;
    this.#note('bad-signature', receipt.seq, 'the receipt was changed after it was signed');
    return false;
  }

  #checkPlace(receipt: Receipt | ReceiptDigest): void {
    if (receipt.seq !== this.#end.seq + 1) {
      this.#note('out-of-sequence', receipt.seq, `receipt ${receipt.seq} where ${this.#end.seq + 1} belongs`);
    } else if (receipt.previous !== this.#end.digest) {
      this.#note('broken-link', receipt.seq, `receipt ${receipt.seq} does not follow the receipt before it`);
    }
  }

  #note(kind: ChainProblem['kind'], seq: number | undefined, detail: string): void {
    this.#problemCount++;
    if (this.#problems.length >= MAX_PROBLEMS) return;
    this.#problems.push({ line: this.#lines, ...(seq === undefined ? {} : { seq }), kind, detail });
  }
}

/** Checks all lines (without newlines) against the public key of the site. */
export async function verifyChain(
  lines: Iterable<string> | AsyncIterable<string>,
  publicKey: KeyObject,
  options: ChainOptions = {},
): Promise<ChainReport> {
  const verifier = new ChainVerifier(publicKey, options);
  for await (const line of lines) verifier.add(line);
  return verifier.finish();
}
