/** The example applications through the real gateway and its sandbox: a chest CT comes in, figures and a segmentation leave. */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { GatewayStatus } from '../../src/web/status.ts';
import { ctStudy } from '../../synthetic/index.ts';
import { missingPackages } from '../support/debianPackages.ts';
import { fetchText, type GatewayProcess } from '../support/gatewayProcess.ts';
import { appOf, filesIn, isDelivered, isSettled, proofOf, runOf, runsOf } from './applicationSite.ts';
import { createSite, type Site, until } from './site.ts';

const missing =
  missingPackages([{ program: 'bwrap', package: 'bubblewrap' }]) ??
  (spawnSync('/usr/bin/python3', ['-c', 'import pydicom, numpy, scipy']).status === 0
    ? undefined
    : 'apt-get install python3-pydicom python3-numpy python3-scipy');
if (missing) console.warn(`skipped: the example applications in the gateway: ${missing}`);

const gatewayProgram = fileURLToPath(new URL('../../bin/medusa-gateway', import.meta.url));
const examples = fileURLToPath(new URL('../../config/apps', import.meta.url));
const names = ['ct-quantification', 'lung-segmentation'];
const configuration = `spool: { segmentSize: 16MiB, quota: 256MiB, preallocate: 1, reserve: 0 }
study: { quietSeconds: 2 }
stores: [{ name: cloud, type: directory, path: ./store }]
applications: { directory: ./apps }
routes: [${names.map((name) => `{ name: ${name}, match: { modalities: [CT] }, store: cloud, application: ${name} }`).join(', ')}]
`;
const slices = 24;

/** What somebody else's library reads in a segmentation. */
const readSegmentation = `import json, sys, pydicom
one = pydicom.dcmread(sys.argv[1])
print(json.dumps({
  "class": one.SOPClassUID.name, "modality": one.Modality, "study": one.StudyInstanceUID, "name": str(one.PatientName),
  "segments": [s.SegmentLabel for s in one.SegmentSequence], "frames": int(one.NumberOfFrames),
  "pixels": int(one.pixel_array.sum()),
  "of": [i.ReferencedSOPInstanceUID for i in one.ReferencedSeriesSequence[0].ReferencedInstanceSequence]}))`;

type Manifest = {
  applications: Array<{ name: string; [key: string]: unknown }>;
  objects: Array<{ result?: { application: string; from: number } }>;
};

describe.skipIf(missing !== undefined)('the example applications in the gateway', () => {
  let site: Site;
  let gateway: GatewayProcess;
  let status: GatewayStatus;
  let files: string[];
  const study = [...ctStudy({ slices, seed: 42, rows: 256, columns: 256 })];
  const fileOf = (end: string) => files.find((file) => file.endsWith(end)) ?? '';

  beforeAll(async () => {
    site = createSite(configuration);
    for (const name of names) cpSync(join(examples, name), join(site.directory, 'apps', name), { recursive: true });
    gateway = await site.start();
    const { acknowledged } = await site.send(site.write('study', study), { associations: 1 });
    expect(acknowledged).toBe(slices);
    status = await until(gateway, (now) => isSettled(now) && isDelivered(now), 'delivered', 240_000);
    files = filesIn(site, 'store');
  }, 300_000);
  afterAll(() => site?.remove());

  test('both have run over the whole series, each within its promise', async () => {
    for (const run of await runsOf(site)) expect(run, run.lastError?.message).toMatchObject({ state: 'finished' });
    for (const name of names) {
      const app = appOf(status, name);
      expect(app).toMatchObject({ runs: 1, instancesIn: slices, quarantined: 0, lastRun: { promiseKept: true } });
      expect(app.bytesIn).toBeGreaterThan(study.reduce((sum, { size }) => sum + size, 0));
      expect(app.ratio).toBeLessThan(0.05);
      expect(app.ratio).toBe(app.bytesOut / app.bytesIn);
      expect(Math.min(app.bytesOut, app.cpuSeconds, app.wallMs, app.peakMemoryBytes)).toBeGreaterThan(0);
    }
    const [run] = await runsOf(site, 'finished');
    const { inputs = [] } = await runOf(site, run?.id ?? 0);
    expect(new Set(inputs.map(({ outcome }) => outcome))).toEqual(new Set(['used']));
    expect(status.warnings).toEqual([]);
  });

  test('status and metrics say the same', async () => {
    const config = join(site.directory, 'gateway.yaml');
    const shown = JSON.parse(
      execFileSync(gatewayProgram, ['status', '--json', '--config', config], { encoding: 'utf8' }),
    );
    expect(JSON.stringify(shown)).toContain(`"bytesOut":${appOf(status, 'ct-quantification').bytesOut}`);
    const metrics = await fetchText(join(site.stateDirectory, 'api.sock'), '/metrics');
    for (const name of names) {
      const labels = `{application="${name}",version="1.0.0"}`;
      const { bytesIn, bytesOut } = appOf(status, name);
      expect(metrics).toContain(`medusa_app_in_bytes_total${labels} ${bytesIn}`);
      expect(metrics).toContain(`medusa_app_out_bytes_total${labels} ${bytesOut}`);
    }
  });

  test('figures and key images', () => {
    const figures = JSON.parse(readFileSync(fileOf('quantification.json'), 'utf8'));
    expect(figures.bodyVolumeMl).toBeGreaterThan(10_000);
    const pictures = files.filter((file) => file.endsWith('.png'));
    expect(pictures.length).toBeGreaterThan(0);
    for (const file of pictures) expect(readFileSync(file).subarray(1, 4).toString()).toBe('PNG');
  });

  test('a segmentation that pydicom reads, of instances with their new UIDs', () => {
    const [file = '', ...more] = files.filter((one) => /\/series\/.*\.dcm$/.test(one));
    expect(more).toEqual([]);
    const read = JSON.parse(execFileSync('/usr/bin/python3', ['-c', readSegmentation, file], { encoding: 'utf8' }));
    expect(read).toMatchObject({ class: 'Segmentation Storage', modality: 'SEG', segments: ['Lungs'] });
    expect(file).toContain(`/studies/${read.study}/series/`);
    expect(read.study).not.toBe(study[0]?.studyInstanceUid);
    expect(read.name).not.toContain('Synthetic');
    expect(read.frames).toBeGreaterThan(3);
    expect(read.pixels).toBeGreaterThan(1000);
    expect(read.of).toHaveLength(slices);
    expect(read.of.filter((uid: string) => !uid.startsWith('2.25.'))).toEqual([]);
    const measured = JSON.parse(readFileSync(fileOf('measurements.json'), 'utf8'));
    expect(measured.lungVolumeMl).toBeGreaterThan(500);
  });

  test('the manifest names both, what they saved and what they made', () => {
    const manifests = files.filter((file) => /manifest[^/]*\.json$/.test(file));
    expect(manifests).toHaveLength(1);
    const manifest = JSON.parse(readFileSync(manifests[0] ?? '', 'utf8')) as Manifest;
    expect(manifest.applications.map(({ name }) => name).sort()).toEqual(names);
    for (const { name, ...figures } of manifest.applications) {
      expect(figures, name).toMatchObject({ promised: '0.05', reached: true, instancesIn: slices, quarantined: 0 });
      const made = manifest.objects.filter(({ result }) => result?.application === name);
      expect(made.length, name).toBeGreaterThan(1);
      expect(Math.max(...made.map(({ result }) => result?.from ?? 0))).toBe(slices);
    }
  });

  test('nobody is named in anything that left, and all of it is proved', async () => {
    const originals = [
      ...['Synthetic^Phantom', 'SYNTHETIC-000042', 'SYN000042', 'Synthetic^Referrer', 'Synthetic Hospital'],
      ...study.flatMap((one) => [one.studyInstanceUid, one.seriesInstanceUid, one.sopInstanceUid]),
    ];
    for (const file of files) {
      const content = readFileSync(file).toString('latin1');
      for (const text of new Set(originals)) expect(content.includes(text), `${text} in ${file}`).toBe(false);
    }
    expect(files.some((file) => originals.some((text) => file.includes(text)))).toBe(false);
    await gateway.stop();
    expect(await proofOf(site, 'cloud')).toMatchObject({ missing: [], faults: [] });
  });
});
