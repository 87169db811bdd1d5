/** Programs from Debian, and scripts beside the project, that are called once for each thing to do. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Cell, fail, judgeSamples, pass, type Transport, transports, wasEchoed } from '../cell.ts';
import { lastLine, needs, needsTunnel, type Outcome, run, throughTunnel } from '../programs.ts';
import type { Sample } from '../samples.ts';
import { calledAeTitle } from '../targets.ts';

type ProgramPeer = {
  peer: string;
  /** Why it cannot be run here; undefined when it can. */
  missing: string | undefined;
  demand: 'verbatim' | 'image';
  echo: (port: number) => Promise<Outcome>;
  store: (port: number, sample: Sample) => Promise<Outcome>;
  /** Encodings that it can read and propose. */
  encodings: Array<Sample['encoding']>;
  isGoodExit(outcome: Outcome): boolean;
};

const exitsWithZero = ({ status }: Outcome) => status === 0;
const here = (port: number) => ['127.0.0.1', String(port)];
/** Debian's Python modules belong to the system's Python, whichever comes first in PATH. */
const systemPython = '/usr/bin/python3';
const hasModule = (name: string, place: string) =>
  ['/usr/lib/python3/dist-packages', '/usr/local/lib/python3.11/dist-packages'].some((folder) =>
    existsSync(join(folder, name)),
  )
    ? undefined
    : `not installed: ${place}`;

const javaLibraries = '/usr/share/java';
const classPath = ['pixelmed', 'commons-codec', 'slf4j-log4j12', 'log4j-over-slf4j', 'hsqldb']
  .map((name) => join(javaLibraries, `${name}.jar`))
  .join(':');
export const pixelmedMissing =
  needs('java', 'pixelmed-apps') ??
  (existsSync(join(javaLibraries, 'pixelmed.jar')) ? undefined : 'not installed: pixelmed-apps');
export const pixelmed = (className: string, args: string[]) =>
  run('java', ['-cp', classPath, `com.pixelmed.network.${className}`, ...args]);

const rawstore = fileURLToPath(new URL('../../../../shared/tools/peers/rawstore.py', import.meta.url));
const gdcmAddress = (port: number) => [
  ...['-H', '127.0.0.1', '-p', String(port)],
  ...['--aetitle', 'GDCM', '--call', calledAeTitle],
];

/** None of them has a TLS that BCP 195 allows, or any: socat carries them. */
const programPeers: ProgramPeer[] = [
  {
    peer: 'GDCM gdcmscu',
    missing: needs('gdcmscu', 'libgdcm-tools'),
    demand: 'verbatim',
    encodings: ['explicit', 'implicit'],
    echo: (port) => run('gdcmscu', ['--echo', ...gdcmAddress(port)]),
    store: (port, { path }) => run('gdcmscu', ['--store', '-i', path, ...gdcmAddress(port)]),
    // It aborts itself (134) after a release in good order: what the target has is what counts.
    isGoodExit: () => true,
  },
  {
    peer: 'CTN',
    missing: needs('send_image', 'ctn'),
    demand: 'image',
    encodings: ['explicit', 'implicit'],
    echo: (port) => run('dicom_echo', ['-a', 'CTN', '-c', calledAeTitle, ...here(port)]),
    store: (port, { path }) => run('send_image', ['-r', '-a', 'CTN', '-c', calledAeTitle, ...here(port), path]),
    isGoodExit: exitsWithZero,
  },
  {
    peer: 'Odil',
    missing: needs('odil', 'odil'),
    demand: 'image',
    encodings: ['explicit', 'implicit'],
    echo: (port) => run(systemPython, ['/usr/bin/odil', 'echo', ...here(port), 'ODIL', calledAeTitle]),
    store: (port, { path }) =>
      run(systemPython, ['/usr/bin/odil', 'store', ...here(port), 'ODIL', calledAeTitle, path]),
    isGoodExit: exitsWithZero,
  },
  {
    peer: 'PixelMed',
    missing: pixelmedMissing,
    demand: 'image',
    encodings: ['explicit', 'implicit'],
    echo: (port) => pixelmed('VerificationSOPClassSCU', [...here(port), calledAeTitle, 'PIXELMED', 'NONSECURE']),
    store: (port, { path }) => pixelmed('StorageSOPClassSCU', [...here(port), calledAeTitle, 'PIXELMED', path]),
    isGoodExit: exitsWithZero,
  },
  {
    peer: 'pynetdicom',
    missing: hasModule('pynetdicom', 'pynetdicom (in neither Debian 12 nor the npm registry)'),
    demand: 'image',
    encodings: ['explicit', 'implicit'],
    echo: (port) => run(systemPython, ['-m', 'pynetdicom', 'echoscu', ...here(port), '-aec', calledAeTitle]),
    store: (port, { path }) =>
      run(systemPython, ['-m', 'pynetdicom', 'storescu', ...here(port), path, '-aec', calledAeTitle, '-cx']),
    isGoodExit: exitsWithZero,
  },
  {
    peer: 'rawstore',
    missing: existsSync(rawstore) ? needs('python3', 'python3') : 'no script for it beside the project',
    demand: 'verbatim',
    encodings: ['explicit', 'implicit', 'big-endian'],
    // Without files it only asks, at its end, whether the other side is still there.
    echo: (port) => run('python3', [rawstore, ...here(port), calledAeTitle]),
    store: (port, { path }) => run('python3', [rawstore, ...here(port), calledAeTitle, path]),
    isGoodExit: ({ status, output }) => status === 0 && /^ALIVE$/m.test(output),
  },
];

function programCells(peer: ProgramPeer, transport: Transport): Cell[] {
  const base = { peer: peer.peer, transport, missing: peer.missing ?? needsTunnel(transport) };
  const said = ({ status, output }: Outcome) => fail(`exit ${status}: ${lastLine(output)}`);
  return [
    {
      ...base,
      service: 'C-ECHO',
      run: (scene) =>
        throughTunnel(scene, async (port) => {
          const outcome = await peer.echo(port);
          if (!peer.isGoodExit(outcome)) return said(outcome);
          return (await wasEchoed(scene)) ? pass('') : fail(`the target saw no C-ECHO; ${lastLine(outcome.output)}`);
        }),
    },
    {
      ...base,
      service: 'C-STORE',
      run: (scene) =>
        throughTunnel(scene, async (port) => {
          const sent = scene.samples.filter((sample) => peer.encodings.includes(sample.encoding));
          for (const sample of sent) {
            const outcome = await peer.store(port, sample);
            if (!peer.isGoodExit(outcome)) return said(outcome);
          }
          return judgeSamples(scene, sent, peer.demand);
        }),
    },
  ];
}

export const programPeerCells: Cell[] = programPeers.flatMap((peer) =>
  transports.flatMap((transport) => programCells(peer, transport)),
);
