/**
 * Both requests of storage commitment (PS3.4 annex J) on associations that we open: N-ACTION as SCU, which asks for it, and
 * N-EVENT-REPORT as SCP, which says what has become of it.
 */
import { randomUUID } from 'node:crypto';
import { GatewayError } from '../../base/errors.ts';
import {
  type CommitmentReport,
  encodeCommitmentReport,
  encodeCommitmentRequest,
  eventTypeOf,
  type SopReference,
} from '../dataSet/commitmentDataSets.ts';
import { type CommandSet, commandField, encodeCommandSet } from '../dimse/commandSet.ts';
import { encodePData } from '../dimse/pdvWriter.ts';
import { readReport, reportResponse } from '../services/reportReception.ts';
import { uid } from '../uids.ts';
import { Requestor, type ScuTarget } from './requestor.ts';
import { explainContextResult, explainStatus } from './words.ts';

const contextId = 1;
/** Every peer has to know it (PS3.5 10.1), and both data sets are small. */
const transferSyntax = uid.implicitVrLittleEndian;
const proposedContext = {
  id: contextId,
  abstractSyntax: uid.storageCommitmentPushModel,
  transferSyntaxes: [transferSyntax],
};

const subjectOf = (target: ScuTarget) => `${target.calledAeTitle} at ${target.host}:${target.port}`;

function mustBeAccepted(requestor: Requestor, target: ScuTarget, operation: string): void {
  if (requestor.isAccepted(contextId)) return;
  const subject = subjectOf(target);
  const why = explainContextResult(requestor.contextResult(contextId));
  const details = { code: 'scu.context-refused', operation, subject, hint: 'allow storage commitment at the peer' };
  throw new GatewayError(`${subject}: ${operation} refused: ${why}`, details);
}

/** The command, and the data set in PDUs that the peer takes, one after another. */
function* framesOf(command: CommandSet, dataSet: Buffer, payload: number): Generator<Buffer> {
  yield encodePData(contextId, encodeCommandSet(command), 'command', payload + 6);
  yield encodePData(contextId, dataSet, 'data-set', payload + 6);
}

/**
 * N-EVENT-REPORT on an association of its own, on which we are the SCP. Resolves with the status of the response, and
 * whether the peer answered the role that we proposed; one that did not is sent the report all the same. Throws what
 * `Requestor.open` throws, and `scu.context-refused`; `onOpen` is called in between.
 */
export async function sendCommitmentReport(
  target: ScuTarget,
  report: CommitmentReport,
  onOpen: () => void = () => {},
): Promise<{ status: number; roleGranted: boolean }> {
  const roleSelections = [{ sopClassUid: uid.storageCommitmentPushModel, scu: false, scp: true }];
  const requestor = await Requestor.open(target, [proposedContext], { roleSelections });
  try {
    mustBeAccepted(requestor, target, 'N-EVENT-REPORT');
    onOpen();
    const command: CommandSet = {
      commandField: commandField.nEventReportRq,
      messageId: 1,
      affectedSopClassUid: uid.storageCommitmentPushModel,
      affectedSopInstanceUid: uid.storageCommitmentInstance,
      eventTypeId: eventTypeOf(report),
      commandDataSetType: 0,
    };
    const frames = framesOf(command, encodeCommitmentReport(report, transferSyntax), requestor.payload);
    const response = await requestor.exchange(1, frames);
    const roleGranted = requestor.roles(uid.storageCommitmentPushModel).scp;
    return { status: response.status ?? 0xffff, roleGranted };
  } finally {
    await requestor.release();
  }
}

/** A UID from a UUID (PS3.5 B.2). */
export const newTransactionUid = () => `2.25.${BigInt(`0x${randomUUID().replaceAll('-', '')}`)}`;

export type CommitmentOptions = {
  /** Left out: a new one. */
  transactionUid?: string;
  /** The association stays open for so long, milliseconds, for a report on it. Left out: it is released at once. */
  waitMs?: number;
  /** Status to answer a report with; default Success. */
  reportStatus?: number;
};

export type CommitmentOutcome = {
  transactionUid: string;
  /** What came on the same association, if anything did. */
  report: CommitmentReport | undefined;
};

/**
 * N-ACTION on an association of its own. Resolves when the peer has accepted the request, or with the report if that came
 * within `waitMs`. Throws what `Requestor.open` throws, `scu.context-refused`, and `scu.status` for an answer other than
 * 0000.
 */
export async function requestCommitment(
  target: ScuTarget,
  references: readonly SopReference[],
  options: CommitmentOptions = {},
): Promise<CommitmentOutcome> {
  const { transactionUid = newTransactionUid(), waitMs = 0, reportStatus = 0 } = options;
  const reported = Promise.withResolvers<CommitmentReport>();
  const serve = (_context: number, command: CommandSet, dataSet: Buffer): CommandSet | undefined => {
    if (command.commandField !== commandField.nEventReportRq) return undefined;
    const read = readReport(command, dataSet, transferSyntax);
    if ('status' in read) return reportResponse(command, read.status);
    if (read.transactionUid === transactionUid) reported.resolve(read);
    return reportResponse(command, reportStatus);
  };
  // Said though it is the default: some peers want to hear it before they report on the same association.
  const roleSelections = [{ sopClassUid: uid.storageCommitmentPushModel, scu: true, scp: false }];
  const requestor = await Requestor.open(target, [proposedContext], { roleSelections, serve });
  try {
    mustBeAccepted(requestor, target, 'N-ACTION');
    const command: CommandSet = {
      commandField: commandField.nActionRq,
      messageId: 1,
      requestedSopClassUid: uid.storageCommitmentPushModel,
      requestedSopInstanceUid: uid.storageCommitmentInstance,
      actionTypeId: 1,
      commandDataSetType: 0,
    };
    const dataSet = encodeCommitmentRequest({ transactionUid, references: [...references] }, transferSyntax);
    const response = await requestor.exchange(1, framesOf(command, dataSet, requestor.payload));
    if (response.status !== 0) throw refused(target, response);
    const report = await firstOf(reported.promise, requestor.over, waitMs);
    return { transactionUid, report };
  } finally {
    await requestor.release();
  }
}

function refused(target: ScuTarget, { status = 0xffff, errorComment }: CommandSet): GatewayError {
  const { why, hint } = explainStatus(status);
  const said = errorComment === undefined ? '' : ` (${errorComment.replace(/[^\x20-\x7e]/g, '?')})`;
  const subject = subjectOf(target);
  return new GatewayError(`${subject}: ${why}${said}`, { code: 'scu.status', operation: 'N-ACTION', subject, hint });
}

async function firstOf<T>(wanted: Promise<T>, over: Promise<void>, waitMs: number): Promise<T | undefined> {
  if (waitMs === 0) return undefined;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, waitMs, undefined);
  });
  try {
    return await Promise.race([wanted, late, over.then(() => undefined)]);
  } finally {
    clearTimeout(timer);
  }
}
