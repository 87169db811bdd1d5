/**
 * `npm run interop`: peers that others wrote, services and transports against the gateway program with a directory store.
 * Prints what it does, then tables, then as its last line one JSON object: {ok, cells, good, failed, skipped}. Exit code 0 when
 * every cell that could be run is good.
 *
 *   --only TEXT    cells whose "peer service transport" contains TEXT
 *   --quick        an eighth of the corpus: under five minutes
 *   --verbose      the target's log of cells that failed
 */
import { parseArgs } from 'node:util';
import { describeError } from '../../src/base/errors.ts';
import { echo } from '../../src/dicom/scu/echo.ts';
import type { DicomTls } from '../support/dicomTls.ts';
import { makeDicomTls } from '../support/dicomTls.ts';
import { absent } from './absent.ts';
import {
  type Cell,
  cellName,
  fail,
  type Scene,
  scuTarget,
  type Transport,
  transportName,
  type Verdict,
} from './cell.ts';
import { corpusCells } from './corpus.ts';
import { dcmjsCells, dcmjsWindowCells } from './peers/dcmjs.ts';
import { dcmtkCells } from './peers/dcmtk.ts';
import { odilCommitmentCells } from './peers/odil.ts';
import { orthancCells } from './peers/orthanc.ts';
import { ownCells } from './peers/ownSend.ts';
import { programPeerCells } from './peers/programs.ts';
import { refusalCells } from './refusals.ts';
import { writeSamples } from './samples.ts';
import { list, matrix, type Result } from './table.ts';
import { peerTitle, startTarget, type Target } from './targets.ts';

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    quick: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
  },
});

const byPeer = (cells: Cell[]) => [...Map.groupBy(cells, (cell) => cell.peer).values()].flat();
const cells = [
  ...byPeer([...ownCells, ...dcmtkCells, ...orthancCells, ...programPeerCells, ...odilCommitmentCells, ...dcmjsCells]),
  ...dcmjsWindowCells,
  ...refusalCells,
  ...corpusCells,
].filter((cell) => cellName(cell).includes(values.only));

/** Whatever a peer did, the target must still be there, and answer on its ports. */
async function stillAlive(target: Target, tls: DicomTls): Promise<string | undefined> {
  if (!target.isRunning()) return 'the target has ended by itself';
  for (const transport of ['plain', 'mtls'] satisfies Transport[]) {
    try {
      await echo({ ...scuTarget({ target, tls, transport }), callingAeTitle: peerTitle.probe });
    } catch (error) {
      return `no C-ECHO (${transportName[transport]}) afterwards: ${describeError(error)}`;
    }
  }
  return undefined;
}

/** The cells of one peer share a target, until one of them fails: what comes after it starts afresh. */
class Targets {
  readonly #tls: DicomTls;
  #current: { key: string; target: Target } | undefined;
  constructor(tls: DicomTls) {
    this.#tls = tls;
  }
  async for(cell: Cell): Promise<Target> {
    const kind = cell.target ?? 'open';
    const key = `${kind} ${cell.peer}`;
    if (this.#current && (cell.freshTarget || this.#current.key !== key)) await this.drop();
    this.#current ??= { key, target: await startTarget(kind, this.#tls) };
    return this.#current.target;
  }
  async drop(): Promise<void> {
    const { target } = this.#current ?? {};
    this.#current = undefined;
    await target?.stop();
  }
}

async function runCell(cell: Cell, targets: Targets, tls: DicomTls): Promise<Verdict> {
  const target = await targets.for(cell);
  const before = target.events().length;
  const events = () =>
    target
      .events()
      .slice(before)
      .filter((line) => line.peer !== peerTitle.probe);
  const samples = writeSamples(target.directory);
  const scene: Scene = { target, transport: cell.transport, tls, samples, quick: values.quick, events };
  const verdict = await cell.run(scene).catch((error) => fail(describeError(error)));
  const dead = await stillAlive(target, tls);
  const result = dead === undefined ? verdict : fail(`${dead}; ${verdict.note}`);
  if (!result.ok && values.verbose) for (const line of events()) console.log(JSON.stringify(line));
  if (!result.ok || cell.freshTarget) await targets.drop();
  return result;
}

const say = ({ peer, service, transport, outcome, note }: Result, seconds: string) =>
  console.log(
    `${peer.padEnd(15)} ${service.padEnd(30)} ${transportName[transport].padEnd(6)} ${outcome.padEnd(8)} ${seconds.padStart(6)}  ${note}`,
  );

const tls = await makeDicomTls();
const targets = new Targets(tls);
const results: Result[] = [];
for (const cell of cells) {
  const { peer, service, transport, missing } = cell;
  const started = performance.now();
  const verdict = missing === undefined ? await runCell(cell, targets, tls) : fail(missing);
  const outcome = missing !== undefined ? 'skipped' : verdict.ok ? 'ok' : 'failed';
  const result: Result = { peer, service, transport, outcome, note: verdict.note.replaceAll(/\s+/g, ' ') };
  results.push(result);
  say(result, outcome === 'skipped' ? '' : ((performance.now() - started) / 1000).toFixed(1));
}
await targets.drop();
tls.remove();

const named = (outcome: Result['outcome']) =>
  results
    .filter((one) => one.outcome === outcome)
    .map((one) => `${one.peer} ${one.service} ${transportName[one.transport]}: ${one.note}`);
const failed = named('failed');
/** A peer that is not here at all is one line, not six. */
const missing = [
  ...new Set(results.filter((one) => one.outcome === 'skipped').map(({ peer, note }) => `${peer}: ${note}`)),
];
const skipped = [
  ...missing,
  ...(values.only === '' ? Object.entries(absent).map(([what, why]) => `${what}: ${why}`) : []),
];
const good = results.filter((one) => one.outcome === 'ok').length;

console.log(`\n${matrix(results)}\n\n${list(results)}`);
console.log('\nTLS: only the gateway shows a certificate; mTLS: both do. -: not run, or the peer has no such service.');
if (skipped.length > 0) console.log(`\nNot run:\n${skipped.map((one) => `  ${one}`).join('\n')}`);
if (failed.length > 0) console.log(`\nFailed:\n${failed.map((one) => `  ${one}`).join('\n')}`);
const ok = failed.length === 0 && good > 0;
console.log(JSON.stringify({ ok, cells: cells.length, good, failed, skipped }));
process.exitCode = ok ? 0 : 1;
