/**
 * The main job on this machine, from nothing: a gateway with TLS, a study sent by C-STORE, delivered to an object store,
 * proven by receipts. Shows what happens while it happens; the last line is one JSON object. Needs neither root nor a
 * network beyond loopback, and leaves everything it made under var/demo to be looked at.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { loadSigningKey } from '../src/delivery/signingKey.ts';
import { openStore } from '../src/delivery/store/openStore.ts';
import { verifyStore } from '../src/delivery/verify.ts';
import { sendFiles } from '../src/dicom/scu/sendFiles.ts';
import { GatewayProcess } from '../test/support/gatewayProcess.ts';
import { drawContactSheet } from './chart.ts';
import { type DemoSite, setUpSite } from './site.ts';
import { type Sample, Timeline } from './timeline.ts';

const slices = 120;
const deliveryTimeoutMs = 45_000;
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

async function waitForDelivery(gateway: GatewayProcess, expected: number) {
  const deadline = Date.now() + deliveryTimeoutMs;
  let last = -1;
  for (;;) {
    const status = await gateway.status();
    const store = status.stores[0];
    const delivered = store?.delivered ?? 0;
    if (delivered !== last) console.log(`   ${delivered} of ${expected} in the store, ${store?.queued ?? 0} waiting`);
    last = delivered;
    const settled = delivered >= expected && store?.queued === 0 && store.inFlight === 0 && status.studies.open === 0;
    if (settled || Date.now() > deadline) return status;
    await new Promise((done) => setTimeout(done, 200));
  }
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
  step('1  Setting up a site: certificates, configuration, a synthetic CT study');
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

    step('4  Delivering to the object store');
    const status = await waitForDelivery(gateway, report.acknowledged);
    stopWatching();
    timeline.delivered = status.stores[0]?.deliveredBytes ?? timeline.delivered;
    const samples: Sample[] = timeline.stop();

    step('5  Verifying: reading the store again and comparing it with the signed receipts');
    const proof = await verify(site);
    const ofInstances = proof.verified;
    console.log(`   ${proof.receipts} receipts in an unbroken chain, ${ofInstances} objects with the right digest`);
    for (const problem of [...proof.missing, ...proof.corrupt]) console.log(`   PROBLEM: ${JSON.stringify(problem)}`);

    step('6  Drawing what arrived');
    const picture = join(directory, 'study.png');
    await drawContactSheet(picture, site.store, samples);
    const page = join(directory, 'status.html');
    writeFileSync(page, await gateway.page());
    console.log(`   ${shown(picture)}: slices read back from the store; ${shown(page)}: the status page as it was`);

    const delivered = status.stores[0]?.delivered ?? 0;
    const bytesOut = status.stores[0]?.deliveredBytes ?? 0;
    const counts = [report.sent, report.acknowledged, delivered, ofInstances];
    const ok = proof.ok && counts.every((count) => count === site.instances.length);
    const result = {
      ok,
      sent: report.sent,
      acknowledged: report.acknowledged,
      delivered,
      verified: ofInstances,
      bytesIn: report.bytes,
      bytesOut,
      reduction: bytesOut === 0 ? 0 : Math.round((report.bytes / bytesOut) * 1000) / 1000,
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
