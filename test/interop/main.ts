/**
 * `npm run interop`: peers that others wrote, services and transports against the gateway. Prints a table and, as its last
 * line, one JSON object. Exit code 0 when every cell that could be run is good.
 *
 *   --target gateway|listener   what they send to: the program (default), or the bare DICOM listener
 *   --only TEXT                 cells whose "peer service transport" contains TEXT
 *   --quick                     an eighth of the corpus
 *   --verbose                   the target's log of cells that failed
 */
import { parseArgs } from 'node:util';
import { describeError } from '../../src/base/errors.ts';
import { echo } from '../../src/dicom/scu/echo.ts';
import type { DicomTls } from '../support/dicomTls.ts';
import { type Cell, fail, type Scene, scuTarget, type Transport, type Verdict } from './cell.ts';
import { corpusCells } from './corpus.ts';
import { peerCells } from './peers.ts';
import { writeSamples } from './samples.ts';
import { makeTls, startTarget, type TargetKind } from './targets.ts';

const { values } = parseArgs({
  options: {
    target: { type: 'string', default: 'gateway' },
    only: { type: 'string', default: '' },
    quick: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
  },
});

const nameOf = (cell: Cell) => `${cell.peer} ${cell.service} ${cell.transport}`;

/** Whatever a peer did, the target must still be there, and answer on both of its ports. */
async function stillAlive(scene: Scene): Promise<string | undefined> {
  if (!scene.target.isRunning()) return 'the target has ended by itself';
  for (const transport of ['plain', 'tls'] satisfies Transport[]) {
    try {
      await echo(scuTarget({ ...scene, transport }));
    } catch (error) {
      return `no C-ECHO (${transport}) afterwards: ${describeError(error)}`;
    }
  }
  return undefined;
}

/** Each cell has a target of its own: what is found there can only have come from its peer. */
async function runCell(cell: Cell, tls: DicomTls): Promise<Verdict> {
  const target = await startTarget(values.target as TargetKind, tls);
  try {
    const samples = writeSamples(target.directory);
    const scene: Scene = { target, transport: cell.transport, tls, samples, quick: values.quick };
    const verdict = await cell.run(scene).catch((error) => fail(describeError(error)));
    const dead = await stillAlive(scene);
    const result = dead === undefined ? verdict : fail(`${dead}; ${verdict.note}`);
    if (!result.ok && values.verbose) for (const line of target.events()) console.log(JSON.stringify(line));
    return result;
  } finally {
    await target.stop();
  }
}

const wanted = [...peerCells, ...corpusCells].filter((cell) => nameOf(cell).includes(values.only));
const failed: string[] = [];
const skipped: string[] = [];
let good = 0;

const columns = (
  ...[peer, service, transport, result, seconds, note]: [string, string, string, string, string, string]
) =>
  console.log(
    `${peer.padEnd(15)} ${service.padEnd(10)} ${transport.padEnd(6)} ${result.padEnd(8)} ${seconds.padStart(6)}  ${note}`,
  );

const tls = await makeTls();
console.log(
  `target: ${values.target === 'gateway' ? 'the gateway with a directory store' : 'the bare DICOM listener'}\n`,
);
columns('peer', 'service', 'over', 'result', 's', '');
for (const cell of wanted) {
  if (cell.missing !== undefined) {
    skipped.push(`${nameOf(cell)}: could not run: ${cell.missing}`);
    columns(cell.peer, cell.service, cell.transport, 'skipped', '', `could not run: ${cell.missing}`);
    continue;
  }
  const started = performance.now();
  const verdict = await runCell(cell, tls);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  if (verdict.ok) good++;
  else failed.push(`${nameOf(cell)}: ${verdict.note}`);
  columns(cell.peer, cell.service, cell.transport, verdict.ok ? 'ok' : 'FAILED', seconds, verdict.note);
}
tls.remove();

const ok = failed.length === 0 && good > 0;
console.log(JSON.stringify({ ok, cells: wanted.length, good, failed, skipped }));
process.exitCode = ok ? 0 : 1;
