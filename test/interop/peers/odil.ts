/** Odil as Storage Commitment SCU: the report on the association of the request, and on one of its own. */
import { fileURLToPath } from 'node:url';
import { sendFiles } from '../../../src/dicom/scu/sendFiles.ts';
import { secondaryCapture } from '../../support/dataSets.ts';
import { type Cell, fail, pass, type Scene, scuTarget, type Transport, type Verdict } from '../cell.ts';
import { lastLine, needs, needsTunnel, run, throughTunnel } from '../programs.ts';
import { calledAeTitle, peerTitle } from '../targets.ts';

const script = fileURLToPath(new URL('../odil_commitment.py', import.meta.url));
/** As Odil prints them. */
type Report = { event: number; transaction: string; committed: string[]; failed: Record<string, number> };
type Answer = { action: number; transaction: string; report?: Report };

const neverSent = '2.25.404';
const noSuchInstance = 0x0112;

async function ask(scene: Scene, calling: string, place: string, uids: string[]): Promise<Answer | string> {
  const { status, output } = await throughTunnel(scene, (port) =>
    run('/usr/bin/python3', [
      ...[script, '127.0.0.1', String(port), calling, calledAeTitle, place],
      ...[secondaryCapture, ...uids],
    ]),
  );
  const line = output.split('\n').find((one) => one.startsWith('{'));
  return line === undefined ? `exit ${status}: ${lastLine(output)}` : (JSON.parse(line) as Answer);
}

async function commitment(scene: Scene, calling: string, place: string): Promise<Verdict> {
  const paths = scene.samples.map((sample) => sample.path);
  const uids = scene.samples.map((sample) => sample.sopInstanceUid);
  const sent = await sendFiles({ ...scuTarget(scene), paths, associations: 1 });
  if (sent.acknowledged !== paths.length) return fail('the images could not be sent');
  const expected = [
    { asked: uids, event: 1, failed: {} },
    { asked: [...uids, neverSent], event: 2, failed: { [neverSent]: noSuchInstance } },
  ];
  for (const { asked, event, failed } of expected) {
    const answer = await ask(scene, calling, place, asked);
    const isRight =
      typeof answer !== 'string' &&
      answer.action === 0 &&
      answer.report?.event === event &&
      answer.report.transaction === answer.transaction &&
      JSON.stringify([...answer.report.committed].sort()) === JSON.stringify([...uids].sort()) &&
      JSON.stringify(answer.report.failed) === JSON.stringify(failed);
    if (!isRight) return fail(typeof answer === 'string' ? answer : JSON.stringify(answer));
  }
  return pass(`${uids.length} committed; one that was never sent failed with 0112H`);
}

export const odilCommitmentCells: Cell[] = (['plain', 'mtls'] satisfies Transport[]).flatMap((transport): Cell[] => {
  const base = { peer: 'Odil', transport, missing: needs('odil', 'python3-odil') ?? needsTunnel(transport) };
  return [
    {
      ...base,
      service: 'commitment',
      run: (scene) => commitment(scene, peerTitle.commitment, String(scene.target.reportPort)),
    },
    {
      ...base,
      service: 'commitment, same association',
      run: (scene) => commitment(scene, peerTitle.commitmentSameAssociation, 'same'),
    },
  ];
});
