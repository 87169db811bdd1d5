/** One storage commitment transaction (PS3.4 J.3): as it lies in its file, and as it is kept in memory. Pure. */
import { createHash } from 'node:crypto';
import type { CommitmentReport, SopReference } from '../dicom/dataSet/commitmentDataSets.ts';
import type { ReportChannel } from '../dicom/services/storageCommitment.ts';
import { isUid } from '../dicom/uids.ts';

/** What has become of a request: the references that failed, by their place in the request, each with its reason. */
export type Resolution = { at: number; failures: ReadonlyArray<readonly [index: number, failureReason: number]> };

/** All that is to be known after a restart. Times are milliseconds since 1970. */
export type TransactionRecord = {
  /** Calling AE title of the peer, and the title by which it called us. */
  peer: string;
  calledAeTitle: string;
  transactionUid: string;
  requestedAt: number;
  references: readonly SopReference[];
  resolution: Resolution | undefined;
  /** Attempts to report that failed. */
  attempts: number;
};

/** What is kept in memory of a transaction until it is reported: not its references, which may be many. */
export type Pending = {
  readonly peer: string;
  readonly calledAeTitle: string;
  readonly transactionUid: string;
  readonly requestedAt: number;
  readonly digest: string;
  readonly instances: number;
  /** Milliseconds since 1970; undefined while it is not decided. */
  resolvedAt: number | undefined;
  attempts: number;
  /** The association that the request came on. */
  channel: ReportChannel | undefined;
};

/** Two peers may use the same UID. */
export const keyOf = ({ peer, transactionUid }: { peer: string; transactionUid: string }) =>
  `${transactionUid}-${createHash('sha256').update(peer).digest('hex').slice(0, 16)}`;

/** The same for the same references in any order. */
export function digestOf(references: readonly SopReference[]): string {
  const lines = references.map(({ sopClassUid, sopInstanceUid }) => `${sopInstanceUid} ${sopClassUid}`).sort();
  return createHash('sha256').update(lines.join('\n')).digest('hex');
}

export function pendingOf(record: TransactionRecord, digest = digestOf(record.references)): Pending {
  const { peer, calledAeTitle, transactionUid, requestedAt, references, resolution, attempts } = record;
  return {
    ...{ peer, calledAeTitle, transactionUid, requestedAt, digest, attempts },
    instances: references.length,
    resolvedAt: resolution?.at,
    channel: undefined,
  };
}

/** The report of a decided transaction: each reference once, in the order of the request. */
export function reportOf({ transactionUid, references, resolution }: TransactionRecord): CommitmentReport {
  const reasons = new Map(resolution?.failures ?? []);
  const report: CommitmentReport = { transactionUid, committed: [], failed: [] };
  references.forEach((reference, index) => {
    const failureReason = reasons.get(index);
    if (failureReason === undefined) report.committed.push(reference);
    else report.failed.push({ ...reference, failureReason });
  });
  return report;
}

const form = 1;

export function encodeTransaction(record: TransactionRecord): string {
  const references = record.references.map(({ sopClassUid, sopInstanceUid }) => [sopClassUid, sopInstanceUid]);
  return `${JSON.stringify({ form, ...record, references, digest: digestOf(record.references) })}\n`;
}

const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
const isPair = (value: unknown): value is [unknown, unknown] => Array.isArray(value) && value.length === 2;

function referencesIn(value: unknown): SopReference[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const references: SopReference[] = [];
  for (const pair of value) {
    if (!isPair(pair) || !isText(pair[0]) || !isText(pair[1]) || !isUid(pair[0]) || !isUid(pair[1])) return undefined;
    references.push({ sopClassUid: pair[0], sopInstanceUid: pair[1] });
  }
  return references;
}

function resolutionIn(value: unknown, references: number): Resolution | undefined {
  const { at, failures } = value as { at?: unknown; failures?: unknown };
  if (!isNumber(at) || !Array.isArray(failures)) return undefined;
  const isFailure = (pair: unknown): pair is [number, number] =>
    isPair(pair) && isNumber(pair[0]) && isNumber(pair[1]) && pair[0] >= 0 && pair[0] < references;
  return failures.every(isFailure) ? { at, failures } : undefined;
}

/** undefined when the text is not a transaction, or not the one that was written. */
export function decodeTransaction(text: string): TransactionRecord | undefined {
  let value: Record<string, unknown>;
  try {
    value = JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || value.form !== form) return undefined;
  const { peer, calledAeTitle, transactionUid, requestedAt, attempts, digest } = value;
  const references = referencesIn(value.references);
  if (!isText(peer) || !isText(calledAeTitle) || !isText(transactionUid) || !isUid(transactionUid)) return undefined;
  if (!isNumber(requestedAt) || !isNumber(attempts) || references === undefined) return undefined;
  if (digest !== digestOf(references)) return undefined;
  const resolution = value.resolution == null ? undefined : resolutionIn(value.resolution, references.length);
  if (value.resolution != null && resolution === undefined) return undefined;
  return { peer, calledAeTitle, transactionUid, requestedAt, references, resolution, attempts };
}
