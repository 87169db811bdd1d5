import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { StoreConfiguration } from '../src/delivery/store/objectStore.ts';
import { openStore } from '../src/delivery/store/openStore.ts';
import { ctStudy, writeStudy } from '../synthetic/index.ts';
import { type CephServer, cephMissing, startCeph } from '../test/support/cephServer.ts';
import { type DeliveryResult, type DeliveryRow, measureDelivery } from './delivery.ts';
import { ceilingPipeline, gatewayPipeline, orthancPipeline, type Pipeline, storescpPipeline } from './pipelines.ts';
import { createOrthanc } from './receivers/orthanc.ts';
import { createStorescpFork } from './receivers/storescp.ts';
import type { Section, SectionResult, SectionSetting } from './section.ts';
import { median, pairedRatio, rounded } from './statistics.ts';
import { figure, formatTable } from './table.ts';

const bucket = 'bench';
const remarks = `From the first byte sent to the last object confirmed by the store (the gateway: and its receipts durable), over TLS
with 4 associations; then the store is asked whether all objects are there. Orthanc has no exporter without plug-ins: its
changes are followed by a second process that fetches each new instance by REST and uploads it. storescp's folder is
watched by the same process, which is told for free when a file is complete. All use the same store code and 8 uploads at a
time. Store ceiling: files that lie ready, hashed, brought into the store by the same process, without any DICOM.
`;

function pipelinesFor(setting: SectionSetting, store: StoreConfiguration, files: string): Pipeline[] {
  const at = (name: string) => {
    const directory = join(setting.storage.directory, store.name, name);
    mkdirSync(directory, { recursive: true });
    return { transport: 'tls' as const, directory, pki: setting.pki };
  };
  return [
    gatewayPipeline(at('gateway'), store),
    orthancPipeline(createOrthanc(at('orthanc')), at('orthanc'), store),
    storescpPipeline(createStorescpFork(at('storescp')), at('storescp'), store),
    ceilingPipeline(files, store),
  ];
}

function ratiosOf(rows: DeliveryRow[]): Record<'Orthanc' | 'Storescp' | 'StoreCeiling', number | undefined> {
  const rates = (name: string) => rows.find((row) => row.pipeline === name)?.rates ?? [];
  const own = rates('gateway');
  return {
    Orthanc: pairedRatio(own, rates('Orthanc + upload')),
    Storescp: pairedRatio(own, rates('storescp --fork + upload')),
    StoreCeiling: pairedRatio(own, rates('store ceiling')),
  };
}

const present = (rates: DeliveryRow['rates']) => rates.filter((rate) => rate !== undefined);

function table(title: string, rows: DeliveryRow[]): string {
  const own = rows.find((row) => row.pipeline === 'gateway')?.rates ?? [];
  const cells = rows.map(({ pipeline, rates }) => [
    pipeline,
    figure(median(present(rates))),
    figure(pairedRatio(own, rates)),
  ]);
  return formatTable([title, 'inst/s', 'gateway/this'], cells);
}

type StoreCase = { title: string; key: string; configuration: StoreConfiguration };

async function measureStore(setting: SectionSetting, what: StoreCase, deadline: number): Promise<SectionResult> {
  const { quick, storage, say } = setting;
  const { title, configuration } = what;
  const slices = quick ? 100 : 300;
  const files = join(storage.directory, 'ready');
  writeStudy(files, ctStudy({ slices, seed: 999 }));
  const store = openStore(configuration);
  say(`end to end into ${title}: ${slices} CT slices a study …`);
  let result: DeliveryResult;
  try {
    const pipelines = pipelinesFor(setting, configuration, files);
    result = await measureDelivery({ title, pipelines, store, storage, slices, rounds: quick ? 3 : 5, deadline, say });
  } finally {
    await store.close();
  }
  say(`\n${table(`into ${title}, ${slices} CT slices`, result.rows)}\n`);
  const ratios = Object.entries(ratiosOf(result.rows)).map(([peer, ratio]) => [`${what.key}Vs${peer}`, rounded(ratio)]);
  const rows = result.rows.map(({ pipeline, rates }) => ({
    store: title,
    pipeline,
    rounds: present(rates).length,
    instancesPerSecond: rounded(median(present(rates))),
  }));
  return { summary: { ...Object.fromEntries(ratios), delivery: rows }, couldNotRun: result.couldNotRun };
}

async function measureCeph(setting: SectionSetting, deadline: number): Promise<SectionResult> {
  const title = 'S3 on Ceph radosgw';
  const missing = cephMissing();
  if (missing) return { summary: {}, couldNotRun: { [title]: missing } };
  let ceph: CephServer | undefined;
  try {
    ceph = await startCeph();
    await ceph.createBucket(bucket);
    const { endpoint, region, accessKeyId, secretAccessKey } = ceph;
    const access = { endpoint, region, accessKeyId, secretAccessKey, bucket, prefix: 'bench', pathStyle: true };
    const parts = { multipartThreshold: 16 * 2 ** 20, partSize: 8 * 2 ** 20 };
    const configuration: StoreConfiguration = { name: 'cloud', type: 's3', ...access, ...parts };
    return await measureStore(setting, { title, key: 'endToEndS3', configuration }, deadline);
  } catch (error) {
    return { summary: {}, couldNotRun: { [title]: error instanceof Error ? error.message : String(error) } };
  } finally {
    await ceph?.remove();
  }
}

/** The fixed keys are those of the directory store, which is there on every machine. */
export const benchDelivery: Section = async (setting) => {
  const { quick, storage, say } = setting;
  const deadline = (seconds: number) => (quick ? performance.now() + seconds * 1000 : Number.POSITIVE_INFINITY);
  const path = join(storage.directory, 'objects');
  mkdirSync(path);
  const local: StoreConfiguration = { name: 'local', type: 'directory', path, prefix: 'bench' };
  const directory = { title: 'a directory', key: 'endToEnd', configuration: local };
  const first = await measureStore(setting, directory, deadline(30));
  const second = await measureCeph(setting, deadline(45));
  say(remarks);
  const delivery = [first, second].flatMap(({ summary }) => summary.delivery ?? []);
  return {
    summary: { ...first.summary, ...second.summary, delivery },
    couldNotRun: { ...first.couldNotRun, ...second.couldNotRun },
  };
};
