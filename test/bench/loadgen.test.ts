/** What the bench's sender says is what happened, and what it sends arrives bit for bit under UIDs of its own. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadgenMissing, loadgenPath, sendLoad } from '../../bench/loadgen.ts';
import { makePayload, type Payload } from '../../bench/payloads.ts';
import { createAnsweringSink, createSink } from '../../bench/receivers/sink.ts';
import { createTestPki, type TestPki } from '../support/certificates.ts';
import { startStorescp, storescpMissing } from '../support/dcmtkPeers.ts';
import { freePorts } from '../support/serverProcess.ts';

const directory = mkdtempSync(join(tmpdir(), 'loadgen-'));
const missing = loadgenMissing();
let pki: TestPki;
let payload: Payload;
beforeAll(async () => {
  pki = await createTestPki(join(directory, 'pki'));
  payload = makePayload('CT', directory);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe.skipIf(missing)(`load generator against the null sink ${missing ?? ''}`, () => {
  it.each(['plain', 'tls'] as const)('counts what was acknowledged (%s)', async (transport) => {
    const sink = createSink({ transport, directory: join(directory, transport), pki });
    await sink.start();
    try {
      const tls = transport === 'tls' ? { tls: pki.client } : {};
      const { port, calledAeTitle } = sink;
      const result = await sendLoad({ port, calledAeTitle, payload, count: 20, associations: 4, ...tls });
      expect(result).toMatchObject({
        instances: 20,
        ok: 20,
        failed: 0,
        unsent: 0,
        statuses: { '0000': 20 },
        error: '',
      });
      expect(result.bytes).toBe(20 * payload.size);
      expect(result.instancesPerSecond).toBeCloseTo(20 / result.seconds, 0);
      expect(result.ackP50Ms).toBeLessThanOrEqual(result.ackP99Ms);
      expect(result.ackP99Ms).toBeLessThanOrEqual(result.ackMaxMs);
      expect(result.tls).toBe(transport === 'tls' ? 'TLSv1.3 TLS_AES_256_GCM_SHA384' : '');
      expect(sink.rss()).toBeGreaterThan(1e6);
    } finally {
      await sink.stop();
    }
  });

  it.each([
    ['A700', { ok: 0, failed: 6 }],
    ['0110', { ok: 0, failed: 6 }],
    ['B000', { ok: 6, failed: 0 }],
  ])('looks at every status: %s', async (status, counts) => {
    const sink = createAnsweringSink({ transport: 'plain', directory: join(directory, status), pki }, status);
    await sink.start();
    try {
      const { port, calledAeTitle } = sink;
      const result = await sendLoad({ port, calledAeTitle, payload, count: 6, associations: 2 });
      expect(result).toMatchObject({ ...counts, unsent: 0, statuses: { [status]: 6 } });
    } finally {
      await sink.stop();
    }
  });

  it('is refused with a certificate that the receiver does not trust, and says so', async () => {
    const sink = createSink({ transport: 'tls', directory: join(directory, 'foreign'), pki });
    await sink.start();
    try {
      const tls = { ...pki.foreignClient, caFile: pki.caFile };
      const { port, calledAeTitle } = sink;
      const result = await sendLoad({ port, calledAeTitle, payload, count: 2, associations: 1, tls });
      expect(result).toMatchObject({ ok: 0, unsent: 2 });
      expect(result.error).toMatch(/alert|closed|read|reset/);
    } finally {
      await sink.stop();
    }
  });

  it('says that nobody listens', async () => {
    const [port = 0] = await freePorts(1);
    const result = await sendLoad({ port, calledAeTitle: 'X', payload, count: 2, associations: 1 });
    expect(result).toMatchObject({ ok: 0, unsent: 2, error: 'connect: Connection refused' });
  });

  it('refuses a file without the UID that it is to replace', async () => {
    const wrong = { ...payload, sopInstanceUid: payload.sopInstanceUid.replace(/\d{6}$/, '999999') };
    const load = { port: 1, calledAeTitle: 'X', payload: wrong, count: 1, associations: 1 };
    await expect(sendLoad(load)).rejects.toThrow('placeholder UID is not in --file');
  });

  it('is compiled once', () => {
    const path = loadgenPath();
    expect(existsSync(path)).toBe(true);
    expect(loadgenPath()).toBe(path);
  });
});

const peerMissing = missing ?? storescpMissing();
describe.skipIf(peerMissing)(`load generator against DCMTK ${peerMissing ?? ''}`, () => {
  /** As an instance must arrive: the template under its own UID. */
  const expected = (uid: string) => {
    const dataSet = readFileSync(payload.file);
    dataSet.write(uid, dataSet.indexOf(payload.sopInstanceUid), 'latin1');
    return dataSet;
  };
  const uidIn = (path: string) =>
    /\(0008,0018\) UI \[([0-9.]+)\]/.exec(
      execFileSync('dcmdump', ['+P', '0008,0018', path], { encoding: 'latin1' }),
    )?.[1];

  it.each([131072, 4096])('every instance arrives as sent, under its own UID, in PDUs of %i bytes', async (length) => {
    const options = { directory: join(directory, `scp-${length}`), maxPduLength: length };
    const scp = await startStorescp({ ...options, bitPreserving: true, fork: true });
    try {
      const load = { port: scp.port, calledAeTitle: 'STORESCP', payload, count: 7, associations: 3 };
      expect(await sendLoad(load)).toMatchObject({ ok: 7, maxPdu: length, error: '' });
      const files = readdirSync(scp.receivedDirectory).map((name) => join(scp.receivedDirectory, name));
      const uids = files.map((file) => uidIn(file) ?? '');
      expect(new Set(uids).size).toBe(7);
      files.forEach((file, i) => {
        expect(Buffer.compare(readFileSync(file).subarray(-payload.size), expected(uids[i] ?? ''))).toBe(0);
      });
    } finally {
      await scp.stop();
    }
  });

  it.each([
    ['--refuse', /^rejected: result/, 0, 5],
    ['--abort-after', /^aborted by the peer$/, 1, 4],
  ])('tells what a peer with %s did', async (argument, error, failed, unsent) => {
    const folder = join(directory, `scp${argument}`);
    const scp = await startStorescp({ directory: folder, extraArguments: [argument] });
    try {
      const load = { port: scp.port, calledAeTitle: 'STORESCP', payload, count: 5, associations: 1 };
      const result = await sendLoad(load);
      expect(result).toMatchObject({ ok: 0, failed, unsent });
      expect(result.error).toMatch(error);
    } finally {
      await scp.stop();
    }
  });
});
