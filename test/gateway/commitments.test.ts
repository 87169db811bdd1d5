import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { commitmentTerms } from '../../src/gateway/commitments.ts';
import { type Configuration, parseConfiguration } from '../../src/gateway/config/configuration.ts';
import { PeerDirectory } from '../../src/gateway/peers/peerDirectory.ts';
import { createTestPki, type TestPki } from '../support/certificates.ts';

const mr = '1.2.840.10008.5.1.4.1.1.4';
const ct = '1.2.840.10008.5.1.4.1.1.2';

describe('what storage commitment means for a sender', () => {
  let folder: string;
  let pki: TestPki;
  let config: Configuration;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'medusa-terms-'));
    pki = await createTestPki(join(folder, 'pki'));
    const { certificateFile, keyFile } = pki.server;
    const { client } = pki;
    const text = `site: x
listeners:
  - { name: plain, port: 0, plain: true }
  - { name: tls, port: 0, tls: { certificateFile: ${certificateFile}, keyFile: ${keyFile}, clientCaFile: ${pki.caFile} } }
peers:
  - { aeTitle: NONE }
  - { aeTitle: QUIET, storageCommitment: {} }
  - aeTitle: PLAIN
    sopClasses: ["${mr}"]
    storageCommitment: { means: delivered, sameAssociation: true, report: { host: ris.example.org, port: 104, aeTitle: RIS } }
  - aeTitle: TLS
    storageCommitment: { report: { host: 10.0.0.1, port: 2762, tls: { caFile: ${pki.caFile}, serverName: pacs } } }
  - aeTitle: OWN
    storageCommitment:
      report:
        host: 10.0.0.1
        port: 2762
        tls: { caFile: ${pki.caFile}, certificateFile: ${client.certificateFile}, keyFile: ${client.keyFile} }
  - { aeTitle: "*", storageCommitment: { report: { host: 10.0.0.2, port: 104 } } }
`;
    const parsed = parseConfiguration(text, { file: join(folder, 'gateway.yaml') });
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
    config = parsed.config as unknown as Configuration;
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const terms = (aeTitle: string) => commitmentTerms(aeTitle, new PeerDirectory(config), config);
  const target = (aeTitle: string) => terms(aeTitle)?.target?.({ peer: aeTitle, calledAeTitle: 'AS_CALLED' });

  test('none, where it is not configured, though others have it', () => {
    expect(terms('NONE')).toBeUndefined();
  });

  test('as configured; reports go where they are told to, in the name by which the sender called us', () => {
    expect(terms('PLAIN')).toMatchObject({ account: 'PLAIN', means: 'delivered', sameAssociation: true });
    expect(target('PLAIN')).toEqual({
      host: 'ris.example.org',
      port: 104,
      callingAeTitle: 'AS_CALLED',
      calledAeTitle: 'RIS',
    });
  });

  test('without a receiver no association is opened', () => {
    expect(terms('QUIET')).toMatchObject({ means: 'spooled', sameAssociation: false, target: undefined });
  });

  test('whoever has no entry has that for everybody, and is counted under it', () => {
    expect(terms('WHOEVER')).toMatchObject({ account: '*' });
    expect(target('WHOEVER')).toMatchObject({ host: '10.0.0.2', calledAeTitle: 'WHOEVER' });
  });

  test('a SOP class that the sender may not store is not supported', () => {
    expect([mr, ct, '1.2.840.10008.1.20.1'].map((uid) => terms('PLAIN')?.supports(uid))).toEqual([true, false, false]);
    expect([mr, ct, '1.2.840.10008.1.1'].map((uid) => terms('TLS')?.supports(uid))).toEqual([true, true, false]);
  });

  test('over TLS with the certificate of the first TLS listener, or its own', () => {
    const shown = (aeTitle: string) => String(target(aeTitle)?.tls?.certificate).trim();
    expect(shown('TLS')).toBe(readFileSync(pki.server.certificateFile, 'utf8').trim());
    expect(shown('OWN')).toBe(readFileSync(pki.client.certificateFile, 'utf8').trim());
    expect(target('TLS')?.tls).toMatchObject({ serverName: 'pacs', ca: readFileSync(pki.caFile) });
  });
});
