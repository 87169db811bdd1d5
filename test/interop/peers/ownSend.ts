/** Our own sender; for storage commitment as the command that has it. */
import { fileURLToPath } from 'node:url';
import { describeError } from '../../../src/base/errors.ts';
import { echo } from '../../../src/dicom/scu/echo.ts';
import { sendFiles } from '../../../src/dicom/scu/sendFiles.ts';
import { type Cell, fail, judgeSamples, pass, portOf, type Scene, scuTarget, transports } from '../cell.ts';
import { lastLine, run } from '../programs.ts';
import { calledAeTitle, peerTitle } from '../targets.ts';

const peer = 'our send';
const program = fileURLToPath(new URL('../../../bin/medusa-gateway', import.meta.url));

async function sendAndCommit(scene: Scene, calling: string, place: string[]) {
  const { caFile, certificateFile, keyFile } = scene.tls.pki.client;
  const tls = scene.transport === 'plain' ? [] : ['--tls', '--ca', caFile, '--cert', certificateFile, '--key', keyFile];
  const address = ['127.0.0.1', String(portOf(scene)), '--called', calledAeTitle, '--calling', calling];
  const paths = scene.samples.map((sample) => sample.path);
  const outcome = await run(program, ['send', ...address, ...paths, ...tls, '--commit', ...place, '--json']);
  if (outcome.status !== 0) return fail(`exit ${outcome.status}: ${lastLine(outcome.output)}`);
  // Beside it there may be warnings of its receiver of reports.
  const answer = outcome.output.split('\n').find((line) => line.startsWith('{"ok"')) ?? '{}';
  const { commitment } = JSON.parse(answer) as { commitment?: { committed: number } };
  return commitment?.committed === paths.length ? pass(`${paths.length} committed`) : fail(JSON.stringify(commitment));
}

const commitmentCells = (['plain', 'mtls'] as const).flatMap((transport): Cell[] => [
  {
    peer,
    service: 'commitment',
    transport,
    missing: undefined,
    run: (scene) => {
      // What was sent over TLS is reported over TLS.
      const calling = transport === 'plain' ? peerTitle.commitment : peerTitle.commitmentOverTls;
      return sendAndCommit(scene, calling, ['--listen', String(scene.target.reportPort)]);
    },
  },
  {
    peer,
    service: 'commitment, same association',
    transport,
    missing: undefined,
    run: (scene) => sendAndCommit(scene, peerTitle.commitmentSameAssociation, []),
  },
]);

const echoAndStore = transports.flatMap((transport): Cell[] => [
  {
    peer,
    service: 'C-ECHO',
    transport,
    missing: undefined,
    run: (scene) =>
      echo(scuTarget(scene)).then(
        ({ ms }) => pass(`${ms.toFixed(1)} ms`),
        (error) => fail(describeError(error)),
      ),
  },
  {
    peer,
    service: 'C-STORE',
    transport,
    missing: undefined,
    run: async (scene) => {
      const paths = scene.samples.map((sample) => sample.path);
      const report = await sendFiles({ ...scuTarget(scene), paths, associations: 2 });
      if (report.acknowledged !== paths.length) return fail(report.failed.map((one) => one.reason).join('; '));
      return judgeSamples(scene, scene.samples, 'verbatim');
    },
  },
]);

export const ownCells: Cell[] = [...echoAndStore, ...commitmentCells];
