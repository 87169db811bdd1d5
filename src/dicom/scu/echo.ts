/** Verification SCU (PS3.4 annex A): asks a peer whether it is there and speaks DICOM. */
import { GatewayError } from '../../base/errors.ts';
import { commandField, encodeCommandSet, noDataSet } from '../dimse/commandSet.ts';
import { encodePData } from '../dimse/pdvWriter.ts';
import { uid } from '../uids.ts';
import { Requestor, type ScuTarget } from './requestor.ts';
import { explainContextResult, explainStatus } from './words.ts';

/**
 * C-ECHO on an association of its own. Resolves with the milliseconds from request to response. Throws what
 * `Requestor.open` throws, `scu.context-refused`, and `scu.status` for an answer other than 0000.
 */
export async function echo(target: ScuTarget): Promise<{ ms: number }> {
  const subject = `${target.calledAeTitle} at ${target.host}:${target.port}`;
  const transferSyntaxes = [uid.implicitVrLittleEndian, uid.explicitVrLittleEndian];
  const requestor = await Requestor.open(target, [{ id: 1, abstractSyntax: uid.verification, transferSyntaxes }]);
  try {
    if (!requestor.isAccepted(1)) {
      const why = explainContextResult(requestor.contextResult(1));
      const details = { code: 'scu.context-refused', operation: 'C-ECHO', subject };
      throw new GatewayError(`${subject}: C-ECHO refused: ${why}`, { ...details, hint: 'allow it at the peer' });
    }
    const started = performance.now();
    const command = encodeCommandSet({
      commandField: commandField.cEchoRq,
      messageId: 1,
      affectedSopClassUid: uid.verification,
      commandDataSetType: noDataSet,
    });
    const response = await requestor.exchange(1, [encodePData(1, command, 'command', requestor.payload + 6)]);
    const ms = performance.now() - started;
    if (response.status === 0) return { ms };
    const { why, hint } = explainStatus(response.status ?? 0xffff);
    throw new GatewayError(`${subject}: ${why}`, { code: 'scu.status', operation: 'C-ECHO', subject, hint });
  } finally {
    await requestor.release();
  }
}
