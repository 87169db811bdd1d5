/** One storage commitment transaction (PS3.4 J.3): as it lies in its file, and as it is kept in memory. Pure. */
import { createHash } from 'node:crypto';
import type { CommitmentReport, SopReference } from '../dicom/dataSet/commitmentDataSets.ts';
import type { ReportChannel } from '../dicom/services/storageCommitment.ts';

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
  /** Of the references: see digestOf. */
  digest: string;
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

export function pendingOf(record: TransactionRecord): Pending {
  const { peer, calledAeTitle, transactionUid, requestedAt, references, digest, resolution, attempts } = record;
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
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** One line of JSON, and a line with its SHA-256. */
export function encodeTransaction(record: TransactionRecord): string {
  const references = record.references.map(({ sopClassUid, sopInstanceUid }) => [sopClassUid, sopInstanceUid]);
  const line = JSON.stringify({ form, ...record, references });
  return `${line}\n${sha256(line)}\n`;
}

type Line = { form: number } & Omit<TransactionRecord, 'references'> & { references: Array<[string, string]> };

/** undefined when the text is not a transaction, or not the one that was written. */
export function decodeTransaction(text: string): TransactionRecord | undefined {
  const [line = '', digest, rest] = text.split('\n', 3);
  if (rest !== '' || digest !== sha256(line)) return undefined;
  const value = JSON.parse(line) as Line; // the digest says that it is what encodeTransaction wrote
  if (value.form !== form) return undefined;
  const { form: _form, references: pairs, resolution, ...same } = value;
  const references = pairs.map(([sopClassUid, sopInstanceUid]) => ({ sopClassUid, sopInstanceUid }));
  return { ...same, references, resolution };
}
