/** Orthanc: echo, store, and storage commitment by its REST API. It shows its certificate wherever it is asked for one. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeError } from '../../../src/base/errors.ts';
import { secondaryCapture } from '../../support/dataSets.ts';
import { type OrthancServer, orthancMissing, startOrthanc } from '../../support/orthancServer.ts';
import {
  type Cell,
  certificateOf,
  fail,
  judgeSamples,
  pass,
  portOf,
  type Scene,
  transports,
  type Verdict,
} from '../cell.ts';
import { calledAeTitle, peerTitle } from '../targets.ts';

/** Runs `work` with an Orthanc that knows the target by the name `gateway`, and takes reports at the target's report port. */
export async function withOrthanc(
  scene: Scene,
  work: (orthanc: OrthancServer) => Promise<Verdict>,
  aeTitle = 'ORTHANC',
): Promise<Verdict> {
  const files = certificateOf(scene);
  const orthanc = await startOrthanc({
    directory: join(scene.target.directory, `orthanc-${scene.samples[0]?.sopInstanceUid}`),
    aeTitle,
    dicomPort: scene.target.reportPort,
    ...(files === undefined ? {} : { tls: files }),
  });
  try {
    await orthanc.addModality('gateway', { aeTitle: calledAeTitle, port: portOf(scene), tls: files !== undefined });
    return await work(orthanc).catch((error) => fail(describeError(error)));
  } finally {
    await orthanc.stop();
  }
}

async function storeSamples(scene: Scene, orthanc: OrthancServer): Promise<Verdict> {
  const ids: string[] = [];
  for (const sample of scene.samples) ids.push(await orthanc.importFile(sample.path));
  await orthanc.store('gateway', ids);
  return judgeSamples(scene, scene.samples, 'image');
}

type CommitmentReport = {
  Status: 'Pending' | 'Success' | 'Failure';
  Success: Array<{ SOPInstanceUID: string }>;
  Failures: Array<{ SOPInstanceUID: string; FailureReason: number; Description: string }>;
};

async function commit(orthanc: OrthancServer, sopInstanceUids: string[]): Promise<CommitmentReport> {
  const DicomInstances = sopInstanceUids.map((uid) => ({ SOPClassUID: secondaryCapture, SOPInstanceUID: uid }));
  const { ID } = (await orthanc.rest('POST', '/modalities/gateway/storage-commitment', { DicomInstances })) as {
    ID: string;
  };
  for (let i = 0; ; i++) {
    const report = (await orthanc.rest('GET', `/storage-commitment/${ID}`)) as CommitmentReport;
    if (report.Status !== 'Pending' || i === 150) return report;
    await sleep(100);
  }
}

const noSuchInstance = 0x0112;

async function commitmentOf(scene: Scene, orthanc: OrthancServer): Promise<Verdict> {
  const stored = await storeSamples(scene, orthanc);
  if (!stored.ok) return stored;
  const uids = scene.samples.map((sample) => sample.sopInstanceUid);
  const report = await commit(orthanc, uids);
  if (report.Status !== 'Success' || report.Success.length !== uids.length) {
    return fail(`commitment of what it stored: ${JSON.stringify(report)}`);
  }
  const other = await commit(orthanc, [...uids, '2.25.404']);
  const [failure, ...more] = other.Failures;
  const isRight = other.Status === 'Failure' && more.length === 0 && failure?.FailureReason === noSuchInstance;
  if (!isRight || other.Success.length !== uids.length) {
    return fail(`commitment with one it never stored: ${JSON.stringify(other)}`);
  }
  return pass(`${uids.length} committed; one that was never sent failed with 0112H`);
}

export const orthancCells: Cell[] = transports.flatMap((transport): Cell[] => {
  const base = { peer: 'Orthanc', transport, missing: orthancMissing() };
  const title = transport === 'plain' ? peerTitle.commitment : peerTitle.commitmentOverTls;
  const echoAndStore: Cell[] = [
    {
      ...base,
      service: 'C-ECHO',
      run: (scene) =>
        withOrthanc(scene, async (orthanc) => {
          await orthanc.echo('gateway');
          return pass('');
        }),
    },
    { ...base, service: 'C-STORE', run: (scene) => withOrthanc(scene, (orthanc) => storeSamples(scene, orthanc)) },
  ];
  if (transport === 'tls') return echoAndStore;
  const commitment: Cell = {
    ...base,
    service: 'commitment',
    run: (scene) => withOrthanc(scene, (orthanc) => commitmentOf(scene, orthanc), title),
  };
  return [...echoAndStore, commitment];
});
