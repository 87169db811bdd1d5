/** 1,000 connections that say nothing, 1,000 that send a byte a second, and 16 honest senders. Rates: npm run bench -- --only siege. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { sendFiles } from '../../src/dicom/scu/sendFiles.ts';
import { ctStudy, writeStudy } from '../../synthetic/index.ts';
import { createTestPki } from '../support/certificates.ts';
import { Crowd } from '../support/crowd.ts';
import { createSite, portOf, type Site } from './site.ts';

const senders = 16;
const slices = 6;
const rssLimitMb = 500;

let site: Site | undefined;
let crowd: Crowd | undefined;
let pkiFolder = '';
afterEach(async () => {
  await crowd?.disperse();
  await site?.remove();
  rmSync(pkiFolder, { recursive: true, force: true });
});

const peakRssMb = (pid: number) =>
  Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;

describe('under siege', () => {
  test.each([
    ['with default limits, under which all stay until ARTIM', '', 2_000],
    [
      'with fewer places than they are, so that the oldest are closed and come again',
      'limits: { pendingConnections: 512 }\n',
      512,
    ],
  ])('%s, each honest sender is served', { timeout: 240_000 }, async (_what, limits, heldAtLeast) => {
    pkiFolder = mkdtempSync(join(tmpdir(), 'siege-'));
    const pki = await createTestPki(pkiFolder);
    const read = (path: string) => readFileSync(path, 'utf8');
    const files = `certificateFile: ${pki.server.certificateFile}, keyFile: ${pki.server.keyFile}, clientCaFile: ${pki.caFile}`;
    site = createSite(`spool: { segmentSize: 32MiB, quota: 1GiB, preallocate: 4, reserve: 0 }\n${limits}`, {
      listeners: `[{ name: plain, port: 0, plain: true }, { name: tls, port: 0, tls: { ${files} } }]`,
    });
    const gateway = await site.start();
    const ports = (await gateway.status()).listeners.map(({ address }) => portOf(address));
    const [plainPort = 0, tlsPort = 0] = ports;
    const { certificateFile, keyFile, caFile } = pki.client;
    crowd = new Crowd({
      ...{ plainPort, tlsPort, silent: 1_000, dribbling: 1_000, comeAgainMs: 1_000 },
      ...{ caFile, certificateFile, keyFile },
    });
    const { held } = await crowd.gathered();
    expect(held).toBeGreaterThan(0.8 * heldAtLeast);

    const { directory } = site;
    const studies = Array.from({ length: senders }, (_, i) => join(directory, `study-${i}`));
    for (const [i, study] of studies.entries()) writeStudy(study, ctStudy({ slices, seed: i + 1 }));
    const reports = await Promise.all(
      studies.map((study, i) =>
        sendFiles({
          ...{ host: '127.0.0.1', port: tlsPort, calledAeTitle: 'MEDUSA', callingAeTitle: `HONEST${i}` },
          ...{ paths: [study], associations: 1 },
          tls: { ca: read(caFile), certificate: read(certificateFile), key: read(keyFile) },
        }),
      ),
    );
    expect(reports.map(({ acknowledged }) => acknowledged)).toEqual(Array.from({ length: senders }, () => slices));
    const status = await gateway.status();
    expect(status.peers.filter(({ rejected }) => Object.keys(rejected).length > 0)).toEqual([]);
    expect(crowd.state?.held).toBeGreaterThan(0.8 * heldAtLeast); // they were there all the time
    const peak = peakRssMb(gateway.pid);
    console.log(`siege: peak RSS ${peak.toFixed(0)} MB`);
    expect(peak).toBeLessThan(rssLimitMb);
  });
});
