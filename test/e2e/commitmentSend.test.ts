import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { tinyStudy } from '../../synthetic/index.ts';
import { type Ended, runProgram } from '../gateway/cli/cli.ts';
import { createTestPki, type TestPki } from '../support/certificates.ts';
import type { GatewayProcess } from '../support/gatewayProcess.ts';
import { freePorts } from '../support/serverProcess.ts';
import { createSite, portOf, type Site } from './site.ts';

const instances = 3;

describe('send --commit', () => {
  let site: Site;
  let gateway: GatewayProcess;
  let pki: TestPki;
  let reportPort = 0;
  let files = '';
  let folder = '';

  beforeEach(async () => {
    [reportPort = 0] = await freePorts(1);
    folder = mkdtempSync(join(tmpdir(), 'medusa-commit-'));
  });
  afterEach(async () => {
    await site?.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  async function start(commitment: string, tls = false): Promise<void> {
    site = createSite('spool: { segmentSize: 4MiB, quota: 64MiB, preallocate: 1, reserve: 0 }', {
      peers: `[{ aeTitle: CT1${commitment} }]`,
      ...(tls
        ? {
            listeners: `[{ name: door, port: 0, tls: { certificateFile: ${pki.server.certificateFile}, keyFile: ${pki.server.keyFile}, clientCaFile: ${pki.caFile} } }]`,
          }
        : {}),
    });
    gateway = await site.start();
    files = site.write('study', tinyStudy({ instances, seed: 21 }));
  }

  async function send(...options: string[]): Promise<Ended> {
    const { listeners } = await gateway.status();
    const port = String(portOf(listeners[0]?.address ?? ''));
    return runProgram(['send', '127.0.0.1', port, files, '--calling', 'CT1', '--commit', ...options]);
  }

  test('waits for the report on the same association', async () => {
    await start(', storageCommitment: { sameAssociation: true }');
    const { code, out } = await send('--json');
    const report = JSON.parse(out) as { ok: boolean; commitment: Record<string, unknown> };
    expect(report).toMatchObject({ ok: true, acknowledged: instances });
    expect(report.commitment).toMatchObject({ asked: instances, committed: instances, failed: [], problems: [] });
    expect(code).toBe(0);
  });

  test('listens for the report, over TLS too', async () => {
    pki = await createTestPki(join(folder, 'pki'));
    const report = `report: { host: 127.0.0.1, port: ${reportPort}, tls: { caFile: ${pki.caFile} } }`;
    await start(`, storageCommitment: { ${report} }`, true);
    const { caFile, client } = pki;
    const tls = ['--tls', '--ca', caFile, '--cert', client.certificateFile, '--key', client.keyFile];
    const { code, out, err } = await send(...tls, '--listen', String(reportPort));
    expect(out + err).toContain(`${instances} of ${instances} committed`);
    expect(code).toBe(0);
  });

  test('says what is wrong: no report, or no storage commitment for this sender', async () => {
    await start(`, storageCommitment: { report: { host: 127.0.0.1, port: ${reportPort} } }`);
    const silent = await send('--wait', '1');
    expect(silent.code).toBe(1);
    expect(silent.out).toMatch(/0 of 3 committed\n {2}transaction [0-9.]+: no report within 1 s on the association/);
    await site.remove();
    await start('');
    const refused = await send();
    expect(refused.code).toBe(1);
    expect(refused.out).toMatch(/N-ACTION refused: it does not take this SOP class/);
  });

  test('its options go together', async () => {
    await start('');
    const result = await runProgram(['send', '127.0.0.1', '1', files, '--listen', '11113']);
    expect(result.code).toBe(2);
    expect(result.err).toContain('--listen and --wait need --commit');
    expect((await runProgram(['send', '127.0.0.1', '1', files, '--commit', '--listen', 'nowhere'])).code).toBe(2);
  });
});
