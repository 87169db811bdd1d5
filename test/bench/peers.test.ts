/** The peers that the bench and other tests lean on do work here: each sends to and receives from another, bit for bit. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ctStudy, tinyStudy, writeStudy } from '../../synthetic/index.ts';
import { createTestPki, type TestPki } from '../support/certificates.ts';
import { dcmsend, echoscu, startStorescp, storescpMissing, storescu } from '../support/dcmtkPeers.ts';
import { listensOnLoopbackOnly } from '../support/listening.ts';
import { orthancMissing, startOrthanc } from '../support/orthancServer.ts';

const directory = mkdtempSync(join(tmpdir(), 'peers-'));
let pki: TestPki;
beforeAll(async () => {
  pki = await createTestPki(join(directory, 'pki'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const tlsOf = (secure: boolean) => (secure ? { tls: pki.server } : {});
const clientTlsOf = (secure: boolean) => (secure ? { tls: pki.client } : {});

describe.each([
  ['plain', false],
  ['TLS', true],
])('DCMTK over %s', (name, secure) => {
  const missing = storescpMissing();
  it.skipIf(missing)(`storescp receives from storescu and echoscu ${missing ?? ''}`, async () => {
    const study = writeStudy(join(directory, `sent-${name}`), ctStudy({ slices: 2, rows: 16, columns: 16 }));
    const scp = await startStorescp({ directory: join(directory, name), bitPreserving: true, ...tlsOf(secure) });
    try {
      expect(listensOnLoopbackOnly(scp.port)).toBe(true);
      const target = { port: scp.port, called: 'STORESCP', ...clientTlsOf(secure) };
      expect(await echoscu(target)).toMatchObject({ ok: true });
      expect(
        await storescu(
          target,
          study.map((s) => s.path),
        ),
      ).toMatchObject({ ok: true });
      const received = readdirSync(scp.receivedDirectory).map((file) =>
        readFileSync(join(scp.receivedDirectory, file)),
      );
      expect(received).toHaveLength(2);
      for (const { instance } of study) {
        expect(received.some((file) => file.subarray(-instance.size).equals(instance.dataSet))).toBe(true);
      }
    } finally {
      await scp.stop();
    }
  });
});

describe('DCMTK', () => {
  const missing = storescpMissing();
  it.skipIf(missing)(`storescp receives from dcmsend, and refuses foreign certificates ${missing ?? ''}`, async () => {
    const study = writeStudy(join(directory, 'sent-dcmsend'), tinyStudy({ instances: 2 }));
    const files = study.map((s) => s.path);
    const plain = await startStorescp({ directory: join(directory, 'dcmsend'), fork: true });
    const secure = await startStorescp({ directory: join(directory, 'refusing'), tls: pki.server });
    try {
      expect(await dcmsend({ port: plain.port, called: 'STORESCP' }, files)).toMatchObject({ ok: true });
      expect(readdirSync(plain.receivedDirectory)).toHaveLength(2);
      // It trusts the server but shows a certificate of an authority that the server does not know.
      const tls = { ...pki.foreignClient, caFile: pki.caFile };
      expect(await storescu({ port: secure.port, called: 'STORESCP', tls }, files)).toMatchObject({ ok: false });
      expect(readdirSync(secure.receivedDirectory)).toHaveLength(0);
    } finally {
      await Promise.all([plain.stop(), secure.stop()]);
    }
  });
});

describe.each([
  ['plain', false],
  ['TLS', true],
])('Orthanc over %s', (name, secure) => {
  const missing = orthancMissing() ?? storescpMissing();
  it.skipIf(missing)(`receives from storescu and sends to storescp ${missing ?? ''}`, async () => {
    const study = writeStudy(
      join(directory, `orthanc-sent-${name}`),
      ctStudy({ slices: 2, rows: 16, columns: 16, seed: 3 }),
    );
    const orthanc = await startOrthanc({ directory: join(directory, `orthanc-${name}`), ...tlsOf(secure) });
    const scp = await startStorescp({
      directory: join(directory, `from-${name}`),
      bitPreserving: true,
      ...tlsOf(secure),
    });
    try {
      expect(listensOnLoopbackOnly(orthanc.dicomPort)).toBe(true);
      expect(listensOnLoopbackOnly(Number(new URL(orthanc.url).port))).toBe(true);
      const target = { port: orthanc.dicomPort, called: 'ORTHANC', ...clientTlsOf(secure) };
      expect(
        await storescu(
          target,
          study.map((s) => s.path),
        ),
      ).toMatchObject({ ok: true });
      const ids = await orthanc.instanceIds();
      expect(ids).toHaveLength(2);
      expect((await orthanc.file(ids[0] ?? '')).subarray(128, 132).toString()).toBe('DICM');

      await orthanc.addModality('peer', { aeTitle: 'STORESCP', port: scp.port, tls: secure });
      await orthanc.echo('peer');
      await orthanc.store('peer', ids);
      expect(readdirSync(scp.receivedDirectory)).toHaveLength(2);
      await orthanc.deleteAll();
      expect(await orthanc.instanceIds()).toEqual([]);
      expect(await orthanc.importFile(study[0]?.path ?? '')).toMatch(/^[0-9a-f-]+$/);
    } finally {
      await Promise.all([orthanc.stop(), scp.stop()]);
    }
  });
});
