/** Verification SCP (PS3.4 annex A): answers C-ECHO. */
import { commandField, noDataSet } from '../dimse/commandSet.ts';
import { status } from '../dimse/status.ts';
import { uid } from '../uids.ts';
import type { AssociationService, ServiceHost } from './service.ts';

/** `onEcho` is called for each C-ECHO that is answered. */
export function verificationService(host: ServiceHost, onEcho: () => void): AssociationService {
  return {
    takes: ({ abstractSyntax }, command) =>
      abstractSyntax === uid.verification &&
      command.commandField === commandField.cEchoRq &&
      command.commandDataSetType === noDataSet,
    onCommand(context, command) {
      onEcho();
      host.send(context.id, {
        commandField: commandField.cEchoRsp,
        affectedSopClassUid: uid.verification,
        messageIdBeingRespondedTo: command.messageId ?? 0,
        commandDataSetType: noDataSet,
        status: status.success,
      });
    },
    onDataSet: () => {},
    owesAnswer: false,
    whenIdle: (callback) => callback(),
    close: () => {},
  };
}
