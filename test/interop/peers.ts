/** The peers, each with what it takes to make it send: our own sender and those that others wrote. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeError } from '../../src/base/errors.ts';
import { echo } from '../../src/dicom/scu/echo.ts';
import { sendFiles } from '../../src/dicom/scu/sendFiles.ts';
import { dcmsend, dcmtkMissing, echoscu, storescu } from '../support/dcmtkPeers.ts';
import { missingPackages } from '../support/debianPackages.ts';
import { orthancMissing, startOrthanc } from '../support/orthancServer.ts';
import {
  type Cell,
  fail,
  filesOf,
  judgeSamples,
  pass,
  portOf,
  type Scene,
  scuTarget,
  type Transport,
  type Verdict,
} from './cell.ts';
import { lastLine, type Outcome, run, startTlsTunnel } from './programs.ts';
import type { Sample } from './samples.ts';
import { calledAeTitle } from './targets.ts';

const transports: Transport[] = ['plain', 'tls'];
const needs = (program: string, debianPackage: string) => missingPackages([{ program, package: debianPackage }]);

/** Calls `send` with a port that takes what this peer speaks: ours, or on TLS the plain end of a tunnel to it. */
async function throughTunnel<T>(scene: Scene, send: (port: number) => Promise<T>): Promise<T> {
  const files = filesOf(scene);
  if (files === undefined) return send(portOf(scene));
  const tunnel = await startTlsTunnel(scene.target.directory, portOf(scene), files);
  try {
    return await send(tunnel.port);
  } finally {
    await tunnel.stop();
  }
}

type ProgramPeer = {
  peer: string;
  program: string;
  debianPackage: string;
  demand: 'verbatim' | 'image';
  echo: ((port: number) => Promise<Outcome>) | undefined;
  store: (port: number, sample: Sample) => Promise<Outcome>;
  /** Encodings that it can read and propose. */
  encodings: Array<Sample['encoding']>;
  isGoodExit(outcome: Outcome): boolean;
};

const exitsWithZero = ({ status }: Outcome) => status === 0;
const javaLibraries = '/usr/share/java';
const pixelmedClassPath = ['pixelmed', 'commons-codec', 'slf4j-log4j12', 'log4j-over-slf4j', 'hsqldb']
  .map((name) => join(javaLibraries, `${name}.jar`))
  .join(':');

/** Programs that know no TLS (or none that BCP 195 allows): socat carries them. */
const programPeers: ProgramPeer[] = [
  {
    peer: 'GDCM gdcmscu',
    program: 'gdcmscu',
    debianPackage: 'libgdcm-tools',
    demand: 'verbatim',
    encodings: ['explicit', 'implicit'],
    echo: (port) => run('gdcmscu', ['--echo', ...gdcmAddress(port)]),
    store: (port, { path }) => run('gdcmscu', ['--store', '-i', path, ...gdcmAddress(port)]),
    // It aborts itself (134) after a release in good order: what the target has is what counts.
    isGoodExit: () => true,
  },
  {
    peer: 'Odil',
    program: 'odil',
    debianPackage: 'odil',
    demand: 'image',
    encodings: ['explicit', 'implicit'],
    echo: (port) => run('odil', ['echo', '127.0.0.1', String(port), 'ODIL', calledAeTitle], systemPython),
    store: (port, { path }) =>
      run('odil', ['store', '127.0.0.1', String(port), 'ODIL', calledAeTitle, path], systemPython),
    isGoodExit: exitsWithZero,
  },
  {
    peer: 'CTN',
    program: 'send_image',
    debianPackage: 'ctn',
    demand: 'image',
    encodings: ['explicit', 'implicit'],
    echo: (port) => run('dicom_echo', ['-a', 'CTN', '-c', calledAeTitle, '127.0.0.1', String(port)]),
    store: (port, { path }) =>
      run('send_image', ['-r', '-a', 'CTN', '-c', calledAeTitle, '127.0.0.1', String(port), path]),
    isGoodExit: exitsWithZero,
  },
  {
    peer: 'PixelMed',
    program: 'java',
    debianPackage: 'pixelmed-apps',
    demand: 'image',
    encodings: ['explicit', 'implicit'],
    echo: undefined,
    store: (port, { path }) =>
      run('java', [
        ...['-cp', pixelmedClassPath, 'com.pixelmed.network.StorageSOPClassSCU'],
        ...['127.0.0.1', String(port), calledAeTitle, 'PIXELMED', path],
      ]),
    isGoodExit: exitsWithZero,
  },
];

const gdcmAddress = (port: number) => [
  '-H',
  '127.0.0.1',
  '-p',
  String(port),
  '--aetitle',
  'GDCM',
  '--call',
  calledAeTitle,
];
/** Its modules belong to the system's Python, whichever comes first in PATH. */
const systemPython = { env: { PATH: `/usr/bin:${process.env.PATH ?? ''}` } };

/** By the target's own account: some of these programs say little, or nothing, about how it went. */
async function wasEchoed(scene: Scene): Promise<boolean> {
  const echoed = () => scene.target.events().some((line) => Number(line.echoes) > 0);
  for (let i = 0; i < 50 && !echoed(); i++) await sleep(100);
  return echoed();
}

function programCells(peer: ProgramPeer): Cell[] {
  const missing = (transport: Transport) =>
    needs(peer.program, peer.debianPackage) ??
    (peer.peer === 'PixelMed' && !existsSync(join(javaLibraries, 'pixelmed.jar'))
      ? 'not installed: pixelmed-apps'
      : undefined) ??
    (transport === 'tls' ? needs('socat', 'socat') : undefined);
  return transports.flatMap((transport) => {
    const store: Cell = {
      peer: peer.peer,
      service: 'store',
      transport,
      missing: missing(transport),
      run: (scene) =>
        throughTunnel(scene, async (port) => {
          const sent = scene.samples.filter((sample) => peer.encodings.includes(sample.encoding));
          for (const sample of sent) {
            const outcome = await peer.store(port, sample);
            if (!peer.isGoodExit(outcome)) return fail(`exit ${outcome.status}: ${lastLine(outcome.output)}`);
          }
          return judgeSamples(scene, sent, peer.demand);
        }),
    };
    const ask = peer.echo;
    if (ask === undefined) return [store];
    const echoCell: Cell = {
      ...store,
      service: 'echo',
      run: (scene) =>
        throughTunnel(scene, async (port) => {
          const outcome = await ask(port);
          if (!peer.isGoodExit(outcome)) return fail(`exit ${outcome.status}: ${lastLine(outcome.output)}`);
          return (await wasEchoed(scene)) ? pass('') : fail(`the target saw no C-ECHO; ${lastLine(outcome.output)}`);
        }),
    };
    return [echoCell, store];
  });
}

const attempt = (work: () => Promise<Verdict>): Promise<Verdict> => work().catch((error) => fail(describeError(error)));

const ownCells: Cell[] = transports.flatMap((transport): Cell[] => [
  {
    peer: 'our send',
    service: 'echo',
    transport,
    missing: undefined,
    run: (scene) => attempt(async () => pass(`${(await echo(scuTarget(scene))).ms.toFixed(1)} ms`)),
  },
  {
    peer: 'our send',
    service: 'store',
    transport,
    missing: undefined,
    run: (scene) =>
      attempt(async () => {
        const paths = scene.samples.map((sample) => sample.path);
        const report = await sendFiles({ ...scuTarget(scene), paths, associations: 2 });
        if (report.acknowledged !== paths.length) return fail(report.failed.map((one) => one.reason).join('; '));
        return judgeSamples(scene, scene.samples, 'verbatim');
      }),
  },
]);

const dcmtkTarget = (scene: Scene) => {
  const files = filesOf(scene);
  return { port: portOf(scene), called: calledAeTitle, ...(files === undefined ? {} : { tls: files }) };
};

const dcmtkCells: Cell[] = transports.flatMap((transport): Cell[] => [
  {
    peer: 'DCMTK echoscu',
    service: 'echo',
    transport,
    missing: dcmtkMissing(),
    run: async (scene) => {
      const result = await echoscu(dcmtkTarget(scene));
      return result.ok ? pass('') : fail(lastLine(result.output));
    },
  },
  {
    peer: 'DCMTK storescu',
    service: 'store',
    transport,
    missing: dcmtkMissing(),
    run: async (scene) => {
      const result = await storescu(
        dcmtkTarget(scene),
        scene.samples.map((sample) => sample.path),
      );
      return result.ok ? judgeSamples(scene, scene.samples, 'image') : fail(lastLine(result.output));
    },
  },
  {
    peer: 'DCMTK dcmsend',
    service: 'store',
    transport,
    missing: dcmtkMissing() ?? (transport === 'tls' ? needs('socat', 'socat') : undefined),
    run: (scene) =>
      throughTunnel(scene, async (port) => {
        const result = await dcmsend(
          { port, called: calledAeTitle },
          scene.samples.map((sample) => sample.path),
        );
        return result.ok ? judgeSamples(scene, scene.samples, 'image') : fail(lastLine(result.output));
      }),
  },
]);

/** Runs `work` with an Orthanc that knows the target by the name `gateway`. */
export async function withOrthanc(
  scene: Scene,
  work: (orthanc: Awaited<ReturnType<typeof startOrthanc>>) => Promise<Verdict>,
): Promise<Verdict> {
  const files = filesOf(scene);
  const orthanc = await startOrthanc({
    directory: join(scene.target.directory, 'orthanc'),
    ...(files === undefined ? {} : { tls: files }),
  });
  try {
    await orthanc.addModality('gateway', { aeTitle: calledAeTitle, port: portOf(scene), tls: files !== undefined });
    return await attempt(() => work(orthanc));
  } finally {
    await orthanc.stop();
  }
}

const orthancCells: Cell[] = transports.flatMap((transport): Cell[] => [
  {
    peer: 'Orthanc',
    service: 'echo',
    transport,
    missing: orthancMissing(),
    run: (scene) =>
      withOrthanc(scene, async (orthanc) => {
        await orthanc.echo('gateway');
        return pass('');
      }),
  },
  {
    peer: 'Orthanc',
    service: 'store',
    transport,
    missing: orthancMissing(),
    run: (scene) =>
      withOrthanc(scene, async (orthanc) => {
        const ids = [];
        for (const sample of scene.samples) ids.push(await orthanc.importFile(sample.path));
        await orthanc.store('gateway', ids);
        return judgeSamples(scene, scene.samples, 'image');
      }),
  },
]);

const dcmjsScript = new URL('../../../shared/tools/peers/scu.js', import.meta.url).pathname;
const dcmjsModule = new URL('../../../shared/tools/peers/node_modules/dcmjs-dimse', import.meta.url).pathname;

const dcmjsCells: Cell[] = transports.flatMap((transport) =>
  (['echo', 'store'] as const).map(
    (service): Cell => ({
      peer: 'dcmjs-dimse',
      service,
      transport,
      missing: existsSync(dcmjsModule) ? undefined : 'not installed: dcmjs-dimse',
      run: async (scene) => {
        const files = filesOf(scene);
        const tls = files ? ['--tls', files.caFile, files.certificateFile, files.keyFile] : [];
        const address = ['127.0.0.1', String(portOf(scene)), 'DCMJS', calledAeTitle];
        const sent = scene.samples.filter((sample) => sample.encoding !== 'big-endian');
        const paths = service === 'store' ? sent.map((sample) => sample.path) : [];
        const outcome = await run(process.execPath, [dcmjsScript, service, ...address, ...tls, ...paths]);
        if (outcome.status !== 0) return fail(`exit ${outcome.status}: ${lastLine(outcome.output)}`);
        return service === 'store' ? judgeSamples(scene, sent, 'image') : pass('');
      },
    }),
  ),
);

export const peerCells: Cell[] = [
  ...ownCells,
  ...dcmtkCells,
  ...orthancCells,
  ...programPeers.flatMap(programCells),
  ...dcmjsCells,
];
