import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { tinyStudy } from '../../synthetic/index.ts';
import { createTestPki, type TestPki } from '../support/certificates.ts';
import { type Forwarder, startForwarder } from '../support/forwarder.ts';
import type { GatewayProcess } from '../support/gatewayProcess.ts';
import { type OrthancServer, orthancMissing, startOrthanc } from '../support/orthancServer.ts';
import { freePorts } from '../support/serverProcess.ts';
import { askOrthanc, reportedTo, waitFor } from './commitmentSupport.ts';
import { createSite, portOf, type Site, until } from './site.ts';

const missing = orthancMissing();
if (missing) console.warn(`skipped: storage commitment with Orthanc: ${missing}`);

const instances = 4;
const settings = `spool: { segmentSize: 4MiB, quota: 64MiB, preallocate: 1, reserve: 0 }
stores: [{ name: local, type: directory, path: ./store }]
routes: [{ name: all, store: local }]
storageCommitment: { reportRetry: { initial: 200ms, cap: 1s } }
`;
const unknown = { SOPClassUID: '1.2.840.10008.5.1.4.1.1.2', SOPInstanceUID: '1.2.3.4.5.6' };

describe.skipIf(missing !== undefined)('storage commitment that Orthanc asks for', () => {
  let folder: string;
  let pki: TestPki;
  let orthanc: OrthancServer | undefined;
  let site: Site | undefined;
  let forwarder: Forwarder | undefined;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'medusa-commit-'));
    pki = await createTestPki(join(folder, 'pki'));
  });
  afterEach(async () => {
    await forwarder?.stop();
    forwarder = undefined;
    await site?.remove();
    await orthanc?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** A gateway whose peer Orthanc gets its reports at `reportPort`, by default Orthanc's own port. */
  async function connect(options: { tls?: boolean; reportPort?: number; commitment?: string } = {}) {
    const tls = options.tls === true;
    orthanc = await startOrthanc({ directory: join(folder, 'orthanc'), ...(tls ? { tls: pki.client } : {}) });
    const { certificateFile, keyFile, caFile } = pki.server;
    const serverTls = `tls: { certificateFile: ${certificateFile}, keyFile: ${keyFile}, clientCaFile: ${caFile} }`;
    const reportTls = tls ? `, tls: { caFile: ${caFile} }` : '';
    const report = `report: { host: 127.0.0.1, port: ${options.reportPort ?? orthanc.dicomPort}${reportTls} }`;
    const commitment = [report, options.commitment].filter(Boolean).join(', ');
    site = createSite(settings, {
      listeners: `[{ name: door, port: 0, ${tls ? serverTls : 'plain: true'} }]`,
      peers: `[{ aeTitle: ORTHANC, storageCommitment: { ${commitment} } }]`,
    });
    const gateway = await site.start();
    await introduce(orthanc, gateway, tls);
    const ids: string[] = [];
    const files = site.write('study', tinyStudy({ instances, seed: 3 }));
    for (const entry of readdirSync(files, { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) ids.push(await orthanc.importFile(join(entry.parentPath, entry.name)));
    }
    expect(ids).toHaveLength(instances);
    await orthanc.store('gateway', ids);
    return { gateway, orthanc, site, ids };
  }

  async function introduce(server: OrthancServer, gateway: GatewayProcess, tls: boolean): Promise<void> {
    const { listeners } = await gateway.status();
    await server.addModality('gateway', { aeTitle: 'MEDUSA', port: portOf(listeners[0]?.address ?? ':0'), tls });
  }

  test.each([
    ['plain', false],
    ['mutual TLS both ways', true],
  ])('succeeds, %s', async (_name, tls) => {
    const { orthanc: server, gateway, site: place, ids } = await connect({ tls });
    const id = await askOrthanc(server, 'gateway', { Resources: ids });
    const report = await reportedTo(server, id);
    expect(report).toMatchObject({ Status: 'Success', RemoteAET: 'MEDUSA', Failures: [] });
    expect(report.Success).toHaveLength(instances);
    const status = await until(gateway, ({ commitments }) => commitments[0]?.reported === 1, 'counted');
    expect(status.commitments).toEqual([
      { aeTitle: 'ORTHANC', pending: 0, reporting: 0, reported: 1, failed: 0, dropped: 0, refused: 0 },
    ]);
    expect(readdirSync(join(place.stateDirectory, 'commitments'))).toEqual([]);
    expect(place.log()).toContain(`"transactionUid":"${id}"`);
  });

  test('says which instances are not here, and why', async () => {
    const { orthanc: server, ids } = await connect();
    const [stored] = ids;
    const { MainDicomTags } = (await server.rest('GET', `/instances/${stored}`)) as {
      MainDicomTags: { SOPInstanceUID: string };
    };
    const wrongClass = { SOPClassUID: unknown.SOPClassUID, SOPInstanceUID: MainDicomTags.SOPInstanceUID };
    const noStorage = { SOPClassUID: '1.2.840.10008.1.1', SOPInstanceUID: '1.2.3.4.5.7' };
    const id = await askOrthanc(server, 'gateway', {
      Resources: ids.slice(1),
      DicomInstances: [unknown, wrongClass, noStorage],
    });
    const report = await reportedTo(server, id);
    expect(report.Status).toBe('Failure');
    expect(report.Success).toHaveLength(instances - 1);
    const reasons = report.Failures.map(({ SOPInstanceUID, FailureReason }) => [SOPInstanceUID, FailureReason]);
    expect(reasons).toEqual([
      [unknown.SOPInstanceUID, 0x0112],
      [wrongClass.SOPInstanceUID, 0x0119],
      [noStorage.SOPInstanceUID, 0x0122],
    ]);
  });

  test.each([
    ['between the answer to N-ACTION and the report', 0],
    ['while the report is tried again', 2],
  ])('survives kill -9 %s', async (_name, failedAttempts) => {
    const [reportPort = 0] = await freePorts(1);
    const { orthanc: server, gateway, site: place, ids } = await connect({ reportPort });
    // Nothing listens at the report's port: the report cannot have gone out before the kill.
    const id = await askOrthanc(server, 'gateway', { Resources: ids, DicomInstances: [unknown] });
    const attempts = () => place.log().split('"commitment.unreachable"').length - 1;
    await waitFor('attempts', () => attempts() >= failedAttempts);
    await gateway.kill();
    const kept = readdirSync(join(place.stateDirectory, 'commitments'));
    expect(kept.filter((name) => name.endsWith('.json'))).toHaveLength(1); // beside it a write that was cut off, perhaps
    const again = await place.start();
    await introduce(server, again, false);
    const before = attempts();
    await waitFor('an attempt after the restart', () => attempts() > before);
    forwarder = await startForwarder(reportPort, server.dicomPort);
    const report = await reportedTo(server, id);
    expect(report).toMatchObject({ Status: 'Failure', RemoteAET: 'MEDUSA' });
    expect(report.Success).toHaveLength(instances);
    expect(report.Failures).toMatchObject([{ ...unknown, FailureReason: 0x0112 }]);
    await until(again, ({ commitments }) => commitments[0]?.reporting === 0, 'reported');
    // The file goes a moment after the count.
    await waitFor('no file left', () => readdirSync(join(place.stateDirectory, 'commitments')).length === 0);
  });
});
