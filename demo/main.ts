/**
 * The main job on this machine, from nothing: a gateway with TLS, a study sent by C-STORE, split applications over it, what they
 * make delivered to an object store and proven by receipts, the patient not among it. Shows what happens while it happens; the last line is one JSON object. Needs neither root nor a
 * network beyond loopback, and leaves everything it made under var/demo to be looked at.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { loadSigningKey } from '../src/delivery/signingKey.ts';
import { openStore } from '../src/delivery/store/openStore.ts';
import { verifyStore } from '../src/delivery/verify.ts';
import { sendFiles } from '../src/dicom/scu/sendFiles.ts';
import type { GatewayStatus } from '../src/web/status.ts';
import { GatewayProcess } from '../test/support/gatewayProcess.ts';
import { drawContactSheet } from './chart.ts';
import { type DemoSite, setUpSite } from './site.ts';
import { type Sample, Timeline } from './timeline.ts';
import { filesNaming, identityIn } from './whoIsInTheStore.ts';

const slices = 120;
const timeoutMs = 180_000;
const directory = resolve('var/demo');
const shown = (path: string) => relative(process.cwd(), path);
const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
const step = (text: string) => console.log(`\n${text}`);

async function send(site: DemoSite, port: number, timeline: Timeline) {
  let answered = 0;
  const report = await sendFiles({
    host: '127.0.0.1',
    port,
    calledAeTitle: 'MEDUSA',
    callingAeTitle: 'DEMO_PACS',
    associations: 4,
    paths: [site.studyDirectory],
    tls: {
      ca: readFileSync(site.sender.caFile),
      certificate: readFileSync(site.sender.certificateFile),
      key: readFileSync(site.sender.keyFile),
    },
    onInstance: ({ bytes, status }) => {
      answered++;
      if (status === 0) timeline.acknowledged += bytes;
      if (answered % 26 === 0) console.log(`   ${answered} of ${site.instances.length} answered`);
    },
  });
  for (const { file, reason } of report.failed) console.log(`   not acknowledged: ${shown(file)}: ${reason}`);
  return report;
}

/** Delivery goes on while the study is still coming: watched from the beginning. Returns the function that stops it. */
function watchDelivery(gateway: GatewayProcess, timeline: Timeline): () => void {
  const look = async () => {
    const status = await gateway.status().catch(() => undefined);
    timeline.delivered = status?.stores[0]?.deliveredBytes ?? timeline.delivered;
  };
  const timer = setInterval(() => void look(), 100);
  return () => clearInterval(timer);
}

/** Until every application has run over the study and all that they made is in the store; or one cannot. */
async function waitForResults(gateway: GatewayProcess, site: DemoSite): Promise<GatewayStatus> {
  const deadline = Date.now() + timeoutMs;
  let last = '';
  for (;;) {
    const status = await gateway.status();
    const store = status.stores[0];
    const runs = site.applications.map((name) => status.applications.find(({ application }) => application === name));
    const progress = `${runs.filter((app) => app?.runs).length} of ${runs.length} applications done, ${store?.delivered ?? 0} objects in the store`;
    if (progress !== last) console.log(`   ${progress}`);
    last = progress;
    const isDone = runs.every((app) => app && app.tasks.finished > 0 && app.tasks.due + app.tasks.gathering === 0);
    const isIdle = store?.queued === 0 && store.inFlight === 0 && status.studies.open === 0;
    const hasFailed = runs.some((app) => app && app.tasks.quarantined > 0);
    if ((isDone && isIdle) || hasFailed || Date.now() > deadline) return status;
    await new Promise((done) => setTimeout(done, 300));
  }
}

function tellRuns(site: DemoSite, { applications }: GatewayStatus): void {
  for (const app of applications) {
    const { application, instancesIn, instancesOut, files, bytesIn, bytesOut, lastFailure } = app;
    const made = [instancesOut > 0 ? `${instancesOut} images` : '', files > 0 ? `${files} files` : ''].filter(Boolean);
    const share = bytesIn === 0 ? '' : `, ${((100 * bytesOut) / bytesIn).toFixed(1)} % of it`;
    console.log(
      `   ${application}: ${instancesIn} images of ${megabytes(bytesIn)} became ${made.join(' and ') || 'nothing'} of ${megabytes(bytesOut)}${share}`,
    );
    if (lastFailure) console.log(`   PROBLEM: ${lastFailure.code}: ${lastFailure.message}`);
  }
  if (site.noForeignPart) console.log(`   left out: an application with a program of its own: ${site.noForeignPart}`);
}

async function verify(site: DemoSite) {
  const store = openStore({ name: 'cloud', type: 'directory', path: site.store, prefix: 'medusa' }, {});
  try {
    const { publicKey } = loadSigningKey(join(site.stateDirectory, 'identity', 'receipts.pem'));
    return await verifyStore({ store, site: 'demo-hospital', publicKey });
  } finally {
    await store.close();
  }
}

async function main(): Promise<boolean> {
  step('1  Setting up a site: certificates, configuration, split applications, a synthetic CT study');
  const site = await setUpSite(directory, slices);
  const bytesOnDisk = site.instances.reduce((sum, { instance }) => sum + instance.size, 0);
  console.log(`   ${site.instances.length} instances, ${megabytes(bytesOnDisk)}, under ${shown(directory)}`);

  step('2  Starting the gateway');
  const gateway = new GatewayProcess({
    config: site.config,
    stateDirectory: site.stateDirectory,
    log: join(directory, 'gateway.log'),
  });
  try {
    const { listeners, pageUrl } = await gateway.ready();
    const address = listeners[0]?.address ?? '';
    console.log(`   DICOM over TLS on ${address}, status page ${pageUrl ?? 'on the local socket'}`);
    const timeline = new Timeline();
    const stopWatching = watchDelivery(gateway, timeline);

    step('3  Sending the study by C-STORE over mutual TLS, 4 associations');
    const port = Number(address.slice(address.lastIndexOf(':') + 1));
    const report = await send(site, port, timeline);
    console.log(
      `   ${report.acknowledged} of ${site.instances.length} acknowledged: each was on disk before its Success`,
    );

    step('4  Split applications: what they make goes to the object store, the images of the patient stay here');
    const status = await waitForResults(gateway, site);
    stopWatching();
    timeline.delivered = status.stores[0]?.deliveredBytes ?? timeline.delivered;
    const samples: Sample[] = timeline.stop();
    tellRuns(site, status);

    step('5  Verifying: reading the store again and comparing it with the signed receipts');
    const proof = await verify(site);
    console.log(`   ${proof.receipts} receipts in an unbroken chain, ${proof.verified} objects with the right digest`);
    for (const problem of [...proof.missing, ...proof.corrupt]) console.log(`   PROBLEM: ${JSON.stringify(problem)}`);

    step('6  Looking for the patient in everything that left');
    const identity = identityIn(site.instances.map(({ path }) => path));
    const naming = filesNaming(site.store, identity);
    console.log(
      `   ${naming.length} files of the store have any of ${identity.length} names, numbers and UIDs in them`,
    );
    for (const file of naming) console.log(`   PROBLEM: ${shown(file)}`);

    step('7  Drawing what arrived');
    const picture = join(directory, 'study.png');
    drawContactSheet(picture, site.store, samples);
    const page = join(directory, 'status.html');
    writeFileSync(page, await gateway.page());
    console.log(`   ${shown(picture)}: what was read back from the store; ${shown(page)}: the status page as it was`);

    const delivered = status.stores[0]?.delivered ?? 0;
    const bytesOut = status.stores[0]?.deliveredBytes ?? 0;
    const isWhole = status.applications.every(
      ({ runs, instancesIn, instancesOut, files, quarantined }) =>
        runs === 1 && instancesIn === report.sent && instancesOut + files > 0 && quarantined === 0,
    );
    const ok =
      proof.ok &&
      report.sent === site.instances.length &&
      report.acknowledged === report.sent &&
      delivered > 0 &&
      proof.verified === delivered &&
      isWhole &&
      identity.length > 0 &&
      naming.length === 0;
    const result = {
      ok,
      sent: report.sent,
      acknowledged: report.acknowledged,
      delivered,
      verified: proof.verified,
      bytesIn: report.bytes,
      bytesOut,
      reduction: bytesOut === 0 ? 0 : Math.round((report.bytes / bytesOut) * 1000) / 1000,
      applications: status.applications.map(({ application, instancesOut, files, bytesOut: bytes }) => ({
        ...{ application, instances: instancesOut, files, bytesOut: bytes },
      })),
      filesNamingThePatient: naming.length,
      statusPage: pageUrl ?? page,
      savedStatusPage: shown(page),
      picture: shown(picture),
    };
    await gateway.stop();
    console.log(`\n${JSON.stringify(result)}`);
    return ok;
  } finally {
    if (gateway.running) await gateway.kill();
  }
}

let ok = false;
try {
  ok = await main();
} catch (error) {
  console.log(`\nThe demo failed; the gateway's log is ${shown(join(directory, 'gateway.log'))}`);
  console.log(JSON.stringify({ ok: false, error: error instanceof Error ? error.message : String(error) }));
}
process.exit(ok ? 0 : 1);
