/**
 * dcmjs-dimse, a DICOM network library in JavaScript, by the script beside the project. It is no dependency of ours: the
 * package is fetched into var/ when it is first needed.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  type Cell,
  certificateOf,
  fail,
  judgeSamples,
  logged,
  pass,
  portOf,
  type Scene,
  type Transport,
  transports,
} from '../cell.ts';
import { lastLine, type Outcome, run } from '../programs.ts';
import { calledAeTitle, peerTitle } from '../targets.ts';

const peer = 'dcmjs-dimse';
const version = '0.3.3';
const script = fileURLToPath(new URL('../../../../shared/tools/peers/scu.js', import.meta.url));
const folder = fileURLToPath(new URL(`../../../var/interop/dcmjs-dimse-${version}`, import.meta.url));
const modules = `${folder}/node_modules`;
const missing = existsSync(script) ? undefined : 'no script for it beside the project';

/** Resolves with why it cannot be had; undefined when it is there. */
async function install(): Promise<string | undefined> {
  if (existsSync(`${modules}/dcmjs-dimse/package.json`)) return undefined;
  mkdirSync(folder, { recursive: true });
  const options = ['--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const { status, output } = await run('npm', ['install', ...options, `dcmjs-dimse@${version}`], { limitMs: 300_000 });
  return status === 0 ? undefined : `npm install failed: ${lastLine(output)}`;
}

type Request = { operation: 'echo' | 'store' | 'commit'; calling?: string; options?: string[]; paths?: string[] };

async function scu(scene: Scene, { operation, calling = 'DCMJS', options = [], paths = [] }: Request) {
  const problem = await install();
  if (problem !== undefined) return { status: 1, output: problem, timedOut: false } satisfies Outcome;
  const files = certificateOf(scene);
  const tls = files ? ['--tls', files.caFile, files.certificateFile, files.keyFile] : [];
  const address = ['127.0.0.1', String(portOf(scene)), calling, calledAeTitle];
  return run(process.execPath, [script, operation, ...address, ...tls, ...options, ...paths], {
    env: { NODE_PATH: modules },
  });
}

const said = ({ status, output }: Outcome) => fail(`exit ${status}: ${lastLine(output)}`);

/** It reads and proposes no big-endian. */
const samplesFor = (scene: Scene) => scene.samples.filter((sample) => sample.encoding !== 'big-endian');
const pathsOf = (scene: Scene) => samplesFor(scene).map((sample) => sample.path);

const echoCell = (transport: Transport): Cell => ({
  peer,
  service: 'C-ECHO',
  transport,
  missing,
  run: async (scene) => {
    const outcome = await scu(scene, { operation: 'echo' });
    return outcome.status === 0 ? pass('') : said(outcome);
  },
});

const storeCell = (transport: Transport): Cell => ({
  peer,
  service: 'C-STORE',
  transport,
  missing,
  run: async (scene) => {
    const outcome = await scu(scene, { operation: 'store', paths: pathsOf(scene) });
    return outcome.status === 0 ? judgeSamples(scene, samplesFor(scene), 'image') : said(outcome);
  },
});

/** Storage commitment: what was stored is committed, what was not sent is not. Reports come to it without TLS. */
const commitmentCell = (transport: Transport): Cell => ({
  peer,
  service: 'commitment',
  transport,
  missing,
  run: async (scene) => {
    const [first = '', ...others] = pathsOf(scene);
    const stored = await scu(scene, { operation: 'store', calling: peerTitle.commitment, paths: [first] });
    if (stored.status !== 0) return said(stored);
    const options = ['--listen', String(scene.target.reportPort)];
    const ask = (paths: string[]) => scu(scene, { operation: 'commit', calling: peerTitle.commitment, options, paths });
    const good = await ask([first]);
    if (!/N-EVENT-REPORT type 1 ok: 1 failed: \[\] txn match: true/.test(good.output)) return said(good);
    const mixed = await ask([first, ...others]);
    if (!/N-EVENT-REPORT type 2 ok: 1 failed: \[ '[0-9.]+ 0x112' \] txn match: true/.test(mixed.output)) {
      return said(mixed);
    }
    return pass('1 committed; one that was not sent yet failed with 0112H');
  },
});

/** Asynchronous operations window (PS3.7 D.3.3.3): sixteen instances, up to eight of them unanswered at a time. */
const windowCell = (transport: Transport): Cell => ({
  peer,
  service: 'C-STORE, window 8',
  transport,
  missing,
  run: async (scene) => {
    const outcome = await scu(scene, {
      operation: 'store',
      calling: peerTitle.window,
      options: ['--async', '8'],
      paths: pathsOf(scene),
    });
    if (outcome.status !== 0) return said(outcome);
    const end = await logged(scene, (line) => line.event === 'association.released' && line.peer === peerTitle.window);
    if (end === undefined) return fail('the target logged no end of the association');
    return judgeSamples(scene, samplesFor(scene), 'image');
  },
});

export const dcmjsCells: Cell[] = [
  ...transports.flatMap((transport) => [echoCell(transport), storeCell(transport)]),
  commitmentCell('plain'),
  commitmentCell('mtls'),
];
export const dcmjsWindowCells: Cell[] = [windowCell('plain'), windowCell('mtls')];
