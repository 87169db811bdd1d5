/** The data sets of the Storage Commitment Push Model: Action Information (PS3.4 table J.3-1), Event Information (J.3-2). Pure. */
import { isUid } from '../uids.ts';
import { DataSetWriter } from './dataSetWriter.ts';
import { DataSetError, type ReadItem, readDataSet, tagText, textOf } from './smallDataSet.ts';

export type SopReference = { sopClassUid: string; sopInstanceUid: string };
/** `failureReason` is one of PS3.3 C.14.1.1. */
export type FailedReference = SopReference & { failureReason: number };

export type CommitmentRequest = { transactionUid: string; references: SopReference[] };
export type CommitmentReport = { transactionUid: string; committed: SopReference[]; failed: FailedReference[] };

/** PS3.3 C.14.1.1. */
export const failureReason = {
  processingFailure: 0x0110,
  noSuchObjectInstance: 0x0112,
  classInstanceConflict: 0x0119,
  sopClassNotSupported: 0x0122,
  duplicateTransactionUid: 0x0131,
  resourceLimitation: 0x0213,
} as const;

const tag = {
  referencedSopClassUid: 0x00081150,
  referencedSopInstanceUid: 0x00081155,
  transactionUid: 0x00081195,
  failureReason: 0x00081197,
  failedSopSequence: 0x00081198,
  referencedSopSequence: 0x00081199,
} as const;

const names = new Map<number, string>([
  [tag.referencedSopClassUid, 'Referenced SOP Class UID'],
  [tag.referencedSopInstanceUid, 'Referenced SOP Instance UID'],
  [tag.transactionUid, 'Transaction UID'],
  [tag.failureReason, 'Failure Reason'],
  [tag.referencedSopSequence, 'Referenced SOP Sequence'],
]);
const named = (which: number) => `${names.get(which)} ${tagText(which)}`;

/** Enough for two UIDs of 64 characters, an item's delimiters and a Retrieve AE Title. */
const bytesPerReference = 256;
const bytesBeside = 64 * 1024;

/** The longest data set that a request or report of so many references may reasonably have. */
export const commitmentBytes = (references: number) => bytesBeside + references * bytesPerReference;

function uidIn(item: ReadItem, which: number): string {
  const value = item.values.get(which);
  const text = value === undefined ? '' : textOf(value);
  if (text === '') throw new DataSetError('missing', `${named(which)} is missing`);
  if (!isUid(text)) throw new DataSetError('invalid', `${named(which)} is not a UID`);
  return text;
}

const referenceIn = (item: ReadItem): SopReference => ({
  sopClassUid: uidIn(item, tag.referencedSopClassUid),
  sopInstanceUid: uidIn(item, tag.referencedSopInstanceUid),
});

/** Throws `DataSetError`: `too-many` for more than `maxReferences`, else what is missing or wrong. */
export function decodeCommitmentRequest(
  bytes: Buffer,
  transferSyntaxUid: string,
  { maxReferences }: { maxReferences: number },
): CommitmentRequest {
  const dataSet = readDataSet(bytes, transferSyntaxUid, {
    values: new Set([tag.transactionUid, tag.referencedSopClassUid, tag.referencedSopInstanceUid]),
    sequences: new Set([tag.referencedSopSequence]),
    maxItems: maxReferences,
  });
  const transactionUid = uidIn(dataSet, tag.transactionUid);
  const items = dataSet.sequences.get(tag.referencedSopSequence) ?? [];
  if (items.length === 0) {
    throw new DataSetError('missing', `${named(tag.referencedSopSequence)} is missing or empty`);
  }
  return { transactionUid, references: items.map(referenceIn) };
}

/** Throws `DataSetError`. */
export function decodeCommitmentReport(
  bytes: Buffer,
  transferSyntaxUid: string,
  { maxReferences }: { maxReferences: number },
): CommitmentReport {
  const dataSet = readDataSet(bytes, transferSyntaxUid, {
    values: new Set([tag.transactionUid, tag.referencedSopClassUid, tag.referencedSopInstanceUid, tag.failureReason]),
    sequences: new Set([tag.referencedSopSequence, tag.failedSopSequence]),
    maxItems: maxReferences,
  });
  const failed = (dataSet.sequences.get(tag.failedSopSequence) ?? []).map((item) => {
    const reason = item.values.get(tag.failureReason);
    if (reason?.length !== 2) throw new DataSetError('missing', `${named(tag.failureReason)} is missing`);
    return { ...referenceIn(item), failureReason: reason.charCodeAt(0) + 0x100 * reason.charCodeAt(1) };
  });
  return {
    transactionUid: uidIn(dataSet, tag.transactionUid),
    committed: (dataSet.sequences.get(tag.referencedSopSequence) ?? []).map(referenceIn),
    failed,
  };
}

function writeReference(writer: DataSetWriter, { sopClassUid, sopInstanceUid }: SopReference): void {
  writer.uid(tag.referencedSopClassUid, sopClassUid);
  writer.uid(tag.referencedSopInstanceUid, sopInstanceUid);
}

export function encodeCommitmentRequest(request: CommitmentRequest, transferSyntaxUid: string): Buffer {
  const writer = new DataSetWriter(transferSyntaxUid, commitmentBytes(request.references.length));
  writer.uid(tag.transactionUid, request.transactionUid);
  writer.sequence(tag.referencedSopSequence, request.references, (reference) => writeReference(writer, reference));
  return writer.bytes;
}

/** Each sequence is there only if it has something to say: both are of type 1C in the standard's tables. */
export function encodeCommitmentReport(report: CommitmentReport, transferSyntaxUid: string): Buffer {
  const { transactionUid, committed, failed } = report;
  const writer = new DataSetWriter(transferSyntaxUid, commitmentBytes(committed.length + failed.length));
  writer.uid(tag.transactionUid, transactionUid);
  if (failed.length > 0) {
    writer.sequence(tag.failedSopSequence, failed, (reference) => {
      writeReference(writer, reference);
      writer.unsignedShort(tag.failureReason, reference.failureReason);
    });
  }
  if (committed.length > 0) {
    writer.sequence(tag.referencedSopSequence, committed, (reference) => writeReference(writer, reference));
  }
  return writer.bytes;
}

/** Event Type ID: 1 when all is well, 2 when failures exist (PS3.4 J.3.3.1). */
export const eventTypeOf = ({ failed }: CommitmentReport) => (failed.length === 0 ? 1 : 2);
