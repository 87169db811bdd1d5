/** What N-ACTION of storage commitment (PS3.4 J.3.2) is answered: its statuses, and what is wrong with a request. Pure. */
import { type CommitmentRequest, decodeCommitmentRequest } from '../dataSet/commitmentDataSets.ts';
import { DataSetError } from '../dataSet/smallDataSet.ts';
import type { CommandSet } from '../dimse/commandSet.ts';
import { isUid, uid } from '../uids.ts';

/** Statuses of N-ACTION (PS3.7 10.1.4.1.10, PS3.2 table N.7-44). */
export const actionStatus = {
  success: 0x0000,
  processingFailure: 0x0110,
  noSuchSopInstance: 0x0112,
  invalidArgumentValue: 0x0115,
  invalidSopInstance: 0x0117,
  noSuchSopClass: 0x0118,
  noSuchAction: 0x0123,
  notAuthorized: 0x0124,
  /** Not in the table, but a failure by its number (PS3.7 C), and what PS3.3 C.14.1.1 calls it. */
  duplicateTransactionUid: 0x0131,
  resourceLimitation: 0x0213,
} as const;

export type CommitmentAnswer = { status: number; comment?: string };

export const notAuthorized: CommitmentAnswer = {
  status: actionStatus.notAuthorized,
  comment: 'storage commitment is not configured for this peer',
};

/** What is wrong with the command of an N-ACTION-RQ, whatever its data set says. */
export function problemWith(command: CommandSet): CommitmentAnswer | undefined {
  if (command.requestedSopClassUid !== uid.storageCommitmentPushModel) {
    const comment = "Requested SOP Class UID is not the presentation context's";
    return { status: actionStatus.noSuchSopClass, comment };
  }
  if (!isUid(command.requestedSopInstanceUid)) {
    return { status: actionStatus.invalidSopInstance, comment: 'Requested SOP Instance UID is not a UID' };
  }
  if (command.requestedSopInstanceUid !== uid.storageCommitmentInstance) {
    return { status: actionStatus.noSuchSopInstance, comment: 'not the well-known SOP Instance' };
  }
  if (command.actionTypeId !== 1) return { status: actionStatus.noSuchAction, comment: 'Action Type ID 1 is served' };
  return undefined;
}

/** The request that a data set holds, or what is answered because it holds none. */
export function decodeRequest(
  dataSet: Buffer,
  transferSyntax: string,
  maxReferences: number,
): CommitmentRequest | CommitmentAnswer {
  try {
    return decodeCommitmentRequest(dataSet, transferSyntax, { maxReferences });
  } catch (error) {
    if (!(error instanceof DataSetError)) throw error;
    const tooMany = error.problem === 'too-many';
    const status = tooMany ? actionStatus.resourceLimitation : actionStatus.invalidArgumentValue;
    return { status, comment: error.message };
  }
}
