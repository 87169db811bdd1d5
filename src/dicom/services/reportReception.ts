/** Storage Commitment SCU on an association that the SCP opened (PS3.4 J.3.3): takes N-EVENT-REPORT and answers it. */
import {
  type CommitmentReport,
  commitmentBytes,
  decodeCommitmentReport,
  eventTypeOf,
} from '../dataSet/commitmentDataSets.ts';
import { DataSetError } from '../dataSet/smallDataSet.ts';
import { type CommandSet, commandField, noDataSet } from '../dimse/commandSet.ts';
import { uid } from '../uids.ts';
import type { AcceptedContext } from '../upperLayer/negotiation.ts';
import type { AssociationService, ServedAssociation } from './service.ts';

/** Statuses of N-EVENT-REPORT (PS3.7 10.1.1.1.8). */
const eventStatus = { success: 0, noSuchEventType: 0x0113, invalidArgumentValue: 0x0115, resourceLimitation: 0x0213 };

/** Reports of more references are not taken. */
const maxReferences = 100_000;

/** Answers the status to give. */
export type OnReport = (report: CommitmentReport, from: { peer: string }) => number;

/** What an N-EVENT-REPORT-RQ says; or the status that refuses it. */
export function readReport(
  command: CommandSet,
  dataSet: Buffer,
  transferSyntaxUid: string,
): CommitmentReport | { status: number } {
  if (command.eventTypeId !== 1 && command.eventTypeId !== 2) return { status: eventStatus.noSuchEventType };
  try {
    const report = decodeCommitmentReport(dataSet, transferSyntaxUid, { maxReferences });
    return eventTypeOf(report) === command.eventTypeId ? report : { status: eventStatus.invalidArgumentValue };
  } catch (error) {
    if (!(error instanceof DataSetError)) throw error;
    return { status: eventStatus.invalidArgumentValue };
  }
}

export const reportResponse = (command: CommandSet, status: number): CommandSet => ({
  commandField: commandField.nEventReportRsp,
  affectedSopClassUid: uid.storageCommitmentPushModel,
  affectedSopInstanceUid: uid.storageCommitmentInstance,
  messageIdBeingRespondedTo: command.messageId ?? 0,
  commandDataSetType: noDataSet,
  status,
  ...(command.eventTypeId === undefined ? {} : { eventTypeId: command.eventTypeId }),
});

export function reportReception({ host, peer }: ServedAssociation, onReport: OnReport): AssociationService {
  let incoming: { command: CommandSet; context: AcceptedContext; parts: Buffer[]; bytes: number } | undefined;
  return {
    takes: (context, command) =>
      context.abstractSyntax === uid.storageCommitmentPushModel && command.commandField === commandField.nEventReportRq,
    onCommand(context, command, hasDataSet) {
      if (hasDataSet) incoming = { command, context, parts: [], bytes: 0 };
      else host.send(context.id, reportResponse(command, eventStatus.invalidArgumentValue));
    },
    onDataSet(bytes, last) {
      if (incoming === undefined) return;
      incoming.bytes += bytes.length;
      if (incoming.bytes <= commitmentBytes(maxReferences)) incoming.parts.push(Buffer.from(bytes));
      if (!last) return;
      const { command, context, parts } = incoming;
      const isWhole = incoming.bytes <= commitmentBytes(maxReferences);
      incoming = undefined;
      const read = isWhole
        ? readReport(command, Buffer.concat(parts), context.transferSyntax)
        : { status: eventStatus.resourceLimitation };
      host.send(context.id, reportResponse(command, 'status' in read ? read.status : onReport(read, { peer })));
    },
    owesAnswer: false,
    whenIdle: (callback) => callback(),
    close: () => {
      incoming = undefined;
    },
  };
}
