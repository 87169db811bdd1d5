/**
 * A receipt is the signed proof of one delivery: what was received, what was done to it, what a store confirmed.
 *
 * Receipts form a chain: each holds its sequence number and the SHA-256 of the line before it, so that an edit, a hole
 * or a change of order shows. A line is the canonical JSON (RFC 8785) of the receipt; its signature (Ed25519) covers the
 * canonical JSON of the receipt without the member `signature`. A chain that was cut short at its end is still a chain:
 * only a later receipt, an anchor kept elsewhere, or an object without a receipt tells.
 */
import { createHash } from 'node:crypto';
import { GatewayError } from '../base/errors.ts';
import { canonicalJson } from './canonicalJson.ts';
import { usableUid } from './objectKeys.ts';
import { type SigningKey, signCanonical } from './signingKey.ts';
import type { Confirmation } from './store/objectStore.ts';

/** Part of what is signed, so that no signature made for another kind of document can stand for a receipt. */
export const RECEIPT_FORMAT = 'medusa.receipt/1';

/** What the first receipt of a chain has in the place of a digest. */
export const NO_PREVIOUS = '0'.repeat(64);

/** What a split application did between reception and delivery. */
export type AppliedStep = { name: string; version: string; detail: string };

/**
 * What the caller knows about one delivery. UIDs as they are in the object that was delivered: the replacements where it was
 * de-identified, none where it is no instance. Unfit ones stand as '' in the receipt.
 */
export type ReceiptDraft = {
  sopInstanceUid: string | undefined;
  version: number;
  studyInstanceUid: string | undefined;
  seriesInstanceUid: string | undefined;
  /**
   * `at` in milliseconds since 1970; `peer` is the sender's AE title, '' where the object was de-identified. Of a result made
   * from several instances: the digest of their digests (`digestOfInputs`), their bytes together, the latest time.
   */
  received: { sha256: string; size: number; at: number; peer: string };
  /**
   * Empty for a whole application: the object is what was received. Else the split application itself, by name and
   * version, and then its steps in order.
   */
  steps: AppliedStep[];
  store: string;
  confirmation: Confirmation;
};

/** Of a draft, what is known before the store has confirmed anything. */
export type ReceiptOrigin = Omit<ReceiptDraft, 'store' | 'confirmation'>;

export type Receipt = {
  format: typeof RECEIPT_FORMAT;
  seq: number;
  site: string;
  /** Id of the gateway's key: `keyIdOf`. */
  gateway: string;
  sopInstanceUid: string;
  version: number;
  studyInstanceUid: string;
  seriesInstanceUid: string;
  received: { sha256: string; size: number; at: number; peer: string };
  steps: AppliedStep[];
  delivered: {
    store: string;
    key: string;
    sha256: string;
    size: number;
    outcome: Confirmation['outcome'];
    confirmedBy: Confirmation['confirmedBy'];
    at: number;
  };
  /** SHA-256 of the line of the receipt before, or `NO_PREVIOUS`. */
  previous: string;
  signature: string;
};

/** The place of the next receipt in its chain. */
export type ChainEnd = { seq: number; digest: string };

export const CHAIN_START: ChainEnd = { seq: 0, digest: NO_PREVIOUS };

/** Makes, signs and encodes the receipt that follows `end`; `line` has no newline. */
export function signReceipt(
  draft: ReceiptDraft,
  end: ChainEnd,
  site: string,
  key: SigningKey,
): { receipt: Receipt; line: string; end: ChainEnd } {
  const { store, confirmation } = draft;
  const unsigned: Omit<Receipt, 'signature'> = {
    format: RECEIPT_FORMAT,
    seq: end.seq + 1,
    site,
    gateway: key.keyId,
    sopInstanceUid: usableUid(draft.sopInstanceUid) ?? '',
    version: draft.version,
    studyInstanceUid: usableUid(draft.studyInstanceUid) ?? '',
    seriesInstanceUid: usableUid(draft.seriesInstanceUid) ?? '',
    received: draft.received,
    steps: draft.steps,
    delivered: {
      store,
      key: confirmation.key,
      sha256: confirmation.sha256,
      size: confirmation.size,
      outcome: confirmation.outcome,
      confirmedBy: confirmation.confirmedBy,
      at: confirmation.at,
    },
    previous: end.digest,
  };
  const receipt: Receipt = { ...unsigned, signature: signCanonical(unsigned, key.privateKey) };
  const line = canonicalJson(receipt);
  return { receipt, line, end: { seq: receipt.seq, digest: lineDigest(line) } };
}

/** The name of the step that de-identifies, in `steps` (src/process/steps/deidentify.ts). */
const DEIDENTIFY = 'deidentify';

/**
 * Whether a receipt speaks of a de-identified object, and so holds nothing that was received but digests, a size and a time.
 * What does not show it clearly is taken to identify somebody. The first step is the application, whatever its name.
 */
export const isDeidentified = ({ steps, received }: Pick<Receipt, 'steps' | 'received'>): boolean =>
  received.peer === '' && steps.slice(1).some(({ name }) => name === DEIDENTIFY);

/** SHA-256 of a line without its newline: what the next receipt holds as `previous`. */
export function lineDigest(line: string): string {
  return createHash('sha256').update(line).digest('hex');
}

/** Structure only, no signature. Throws `receipt.malformed` with what is wrong; never quotes the line. */
export function parseReceiptLine(line: string): Receipt {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw malformed('not JSON');
  }
  if (!isRecord(value)) throw malformed('no object');
  if (value.format !== RECEIPT_FORMAT) throw malformed('unknown format');
  const problem = checkMembers(value, RECEIPT_MEMBERS) ?? checkSteps(value.steps);
  if (problem !== undefined) throw malformed(problem);
  const receipt = value as Receipt;
  // One receipt, one text: otherwise its digest would depend on who wrote it down.
  if (canonicalJson(receipt) !== line) throw malformed('not in canonical form');
  return receipt;
}

export type Shape = { [name: string]: 'string' | 'integer' | 'digest' | 'list' | Shape };

const RECEIPT_MEMBERS: Shape = {
  format: 'string',
  seq: 'integer',
  site: 'string',
  gateway: 'string',
  sopInstanceUid: 'string',
  version: 'integer',
  studyInstanceUid: 'string',
  seriesInstanceUid: 'string',
  received: { sha256: 'digest', size: 'integer', at: 'integer', peer: 'string' },
  steps: 'list',
  delivered: {
    store: 'string',
    key: 'string',
    sha256: 'digest',
    size: 'integer',
    outcome: 'string',
    confirmedBy: 'string',
    at: 'integer',
  },
  previous: 'digest',
  signature: 'string',
};

const STEP_MEMBERS: Shape = { name: 'string', version: 'string', detail: 'string' };

/** The first thing that is not as `shape` says; members beyond the shape count, for nobody would look at them. */
export function checkMembers(value: Record<string, unknown>, shape: Shape, where = ''): string | undefined {
  const unknown = Object.keys(value).find((name) => !Object.hasOwn(shape, name));
  if (unknown !== undefined) return `unknown member in ${where || 'receipt'}`;
  for (const [name, kind] of Object.entries(shape)) {
    const member = value[name];
    if (typeof kind === 'object') {
      const problem = isRecord(member) ? checkMembers(member, kind, name) : `${name} is no object`;
      if (problem !== undefined) return problem;
    } else if (!isOfKind(member, kind)) return `${where}${where && '.'}${name} is no ${kind}`;
  }
  return undefined;
}

function checkSteps(steps: unknown): string | undefined {
  for (const step of steps as unknown[]) {
    const problem = isRecord(step) ? checkMembers(step, STEP_MEMBERS, 'steps') : 'a step is no object';
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function isOfKind(value: unknown, kind: 'string' | 'integer' | 'digest' | 'list'): boolean {
  if (kind === 'list') return Array.isArray(value);
  if (kind === 'integer') return Number.isSafeInteger(value) && (value as number) >= 0;
  return typeof value === 'string' && (kind === 'string' || /^[0-9a-f]{64}$/.test(value));
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function malformed(problem: string): GatewayError {
  return new GatewayError(`not a receipt: ${problem}`, { code: 'receipt.malformed', operation: 'parse receipt' });
}
