/** What is answered to a command that no service takes. Pure. */
import { type CommandSet, commandField, noDataSet } from '../dimse/commandSet.ts';
import { status } from '../dimse/status.ts';
import { isUid } from '../uids.ts';

const isResponse = ({ commandField: field }: CommandSet) => (field & 0x8000) !== 0;

/**
 * The response, Unrecognized Operation (PS3.7 C.5.22): this context's SOP class does not have that operation. Undefined
 * where there is nothing to respond to: to a response, and to a C-CANCEL, since nothing that we do can be cancelled.
 */
export function refusalOf(command: CommandSet): CommandSet | undefined {
  if (isResponse(command) || command.commandField === commandField.cCancelRq) return undefined;
  return {
    commandField: command.commandField | 0x8000,
    ...(isUid(command.affectedSopClassUid) ? { affectedSopClassUid: command.affectedSopClassUid } : {}),
    messageIdBeingRespondedTo: command.messageId ?? 0,
    commandDataSetType: noDataSet,
    status: status.unrecognizedOperation,
  };
}
