/**
 * `npm run crash -- --points N`: kill -9 at N random points under load, then restart, again and again. At the end every
 * acknowledged instance has to be in the store, whole, once, and with one receipt. The last line is one JSON object.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { GatewayProcess } from '../support/gatewayProcess.ts';
import { judge } from './judge.ts';
import { Load } from './load.ts';
import { crashWork } from './work.ts';

const usage = `npm run crash -- --points N [--associations N] [--quick] [--application] [--directory DIR]
kill -9 at N random points under load; every acknowledged instance has to be in the store, whole, once, with one receipt
--application sends them through a split application that passes each on and describes it in a file, and then kills the spool
alone as often, with an engine so fast that kills come between the steps of a run`;

function readArguments() {
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    console.error(`${String(error)}\n${usage}`);
    return process.exit(2);
  }
}

const options = {
  points: { type: 'string', default: '200' },
  quick: { type: 'boolean', default: false },
  associations: { type: 'string', default: '8' },
  directory: { type: 'string', default: 'var/crash' },
  application: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;
const values = readArguments();
if (values.help) {
  console.log(usage);
  process.exit(0);
}
const points = values.quick ? Math.min(20, Number(values.points)) : Number(values.points);
const associations = Number(values.associations);
if (!Number.isInteger(points) || points < 1 || !Number.isInteger(associations) || associations < 1) {
  console.error(usage);
  process.exit(2);
}

const directory = values.directory;
const stateDirectory = join(directory, 'state');
const store = join(directory, 'store');
const config = join(directory, 'gateway.yaml');

/** The smallest that touches everything: results that are ranges of instances, and files. */
const manifest = `name: crash
version: 1.0.0
description: passes instances on and describes them
scope: study
select: {}
dataPart: { steps: [{ metadata: {} }] }
deliver: both
`;

function setUp(): void {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(store, { recursive: true });
  mkdirSync(join(directory, 'apps', 'crash'), { recursive: true });
  writeFileSync(join(directory, 'apps', 'crash', 'application.yaml'), manifest);
  const through = values.application ? ', application: crash, quietSeconds: 0.3' : '';
  writeFileSync(
    config,
    `site: crash
stateDirectory: ./state
listeners: [{ name: plain, port: 0, plain: true }]
peers: [{ aeTitle: CRASHTEST }]
limits: { idleTimeout: 10s }
spool: { segmentSize: 4MiB, quota: 8GiB, keepDelivered: 0s, preallocate: 2, reserve: 0 }
study: { quietSeconds: 1 }
stores: [{ name: local, type: directory, path: ./store }]
applications: { directory: ./apps }
routes: [{ name: all, store: local${through} }]
api: { enabled: false }
log: { level: info }
`,
  );
}

const start = () => new GatewayProcess({ config, stateDirectory, log: join(directory, 'gateway.log') });
const portOf = (address: string) => Number(address.slice(address.lastIndexOf(':') + 1));
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function crashAgainAndAgain(load: Load): Promise<void> {
  for (let point = 1; point <= points; point++) {
    const gateway = start();
    // Every tenth kill comes while the gateway is still starting and recovering.
    if (point % 10 === 0) {
      await pause(Math.random() * 600);
    } else {
      const { listeners } = await gateway.ready();
      load.port = portOf(listeners[0]?.address ?? ':0');
      // Every third life is long enough for the courier to start and deliver.
      await pause(point % 3 === 0 ? 1_200 + Math.random() * 1_000 : 20 + Math.random() * 700);
    }
    await gateway.kill();
    load.port = 0;
    if (point % 10 === 0 || point === points) {
      console.log(
        `${point} of ${points} kills, ${load.acknowledged.length} acknowledged, ${load.resent} tries broken off`,
      );
    }
  }
}

/** One last life, to the end: everything is delivered and all studies have their manifests. */
async function finish(load: Load): Promise<void> {
  const gateway = start();
  const { listeners } = await gateway.ready();
  load.port = portOf(listeners[0]?.address ?? ':0');
  await pause(500);
  await load.stop();
  const deadline = Date.now() + 300_000;
  for (;;) {
    const { stores, studies, spool } = await gateway.status();
    const waiting = stores.reduce((sum, entry) => sum + entry.queued + entry.inFlight + entry.quarantined, 0);
    if (waiting === 0 && studies.open === 0 && spool.instances.received + spool.instances.routed === 0) break;
    if (Date.now() > deadline) throw new Error(`${waiting} deliveries are stuck, ${studies.open} studies open`);
    await pause(250);
  }
  const code = await gateway.stop();
  if (code !== 0) throw new Error(`the gateway stopped with exit code ${code}`);
}

setUp();
console.log(`kill -9 at ${points} random points, ${associations} associations; everything under ${directory}`);
const load = new Load({ associations, seed: `crash-${Date.now()}` });
let failure: string | undefined;
try {
  await crashAgainAndAgain(load);
  await finish(load);
} catch (error) {
  failure = String(error);
  await load.stop();
}
const verdict = judge(load, store, join(stateDirectory, 'receipts'), values.application);
const work = values.application ? await crashWork({ directory: join(directory, 'work'), points }) : undefined;
if (work !== undefined) {
  verdict.lost.push(...work.lost);
  verdict.doubled.push(...work.doubled);
  failure ??= work.problems[0];
}
if (load.acknowledged.length < points) failure ??= 'hardly anything was acknowledged: this run proves nothing';
const ok = failure === undefined && verdict.lost.length + verdict.doubled.length + verdict.torn.length === 0;
console.log(`
acknowledged  ${load.acknowledged.length}   (sent again after a crash: ${load.resent}, refused: ${load.refused})
in the store  ${verdict.objects}   receipts ${verdict.receipts}
lost          ${verdict.lost.length} ${verdict.lost.slice(0, 5).join(' ')}
doubled       ${verdict.doubled.length} ${verdict.doubled.slice(0, 5).join(' ')}
torn          ${verdict.torn.length} ${verdict.torn.slice(0, 5).join(' ')}
${work === undefined ? '' : `spool alone    ${work.acknowledged} acknowledged, ${work.recovered} runs found durable after a kill\n`}${failure ?? ''}`);
console.log(
  JSON.stringify({
    ok,
    points,
    acknowledged: load.acknowledged.length,
    lost: verdict.lost.length,
    doubled: verdict.doubled.length,
    torn: verdict.torn.length,
    ...(failure === undefined ? {} : { failure }),
  }),
);
process.exit(ok ? 0 : 1);
