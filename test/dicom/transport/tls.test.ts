/** Wrong keys, wrong ports, old protocols: each ends in one log line that says what is wrong, on both sides. */
import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { TlsClientMaterial } from '../../../src/dicom/scu/connect.ts';
import { echo } from '../../../src/dicom/scu/echo.ts';
import { startListener, type TestListener } from '../../support/dicomListener.ts';
import { type DicomTls, makeDicomTls, tlsOptions } from '../../support/dicomTls.ts';
import { MemoryIntake } from '../../support/memoryIntake.ts';
import { hasProgram } from '../../support/programs.ts';

let tls: DicomTls;
let secure: TestListener;
let plain: TestListener;
beforeAll(async () => {
  tls = await makeDicomTls();
  secure = await startListener({ intake: new MemoryIntake(), tls: tls.server });
  plain = await startListener({ intake: new MemoryIntake() });
});
afterAll(async () => {
  await secure.stop();
  await plain.stop();
  tls.remove();
});
afterEach(async () => {
  for (const listener of [secure, plain]) listener.lines.length = 0;
});

const target = (port: number, material?: TlsClientMaterial) => ({
  host: '127.0.0.1',
  port,
  callingAeTitle: 'SCU',
  calledAeTitle: 'GATEWAY',
  ...(material === undefined ? {} : { tls: material }),
  timeouts: { connectMs: 5000, associateMs: 5000, responseMs: 5000 },
});

/** All that is logged about a connection, once something is. */
async function lines(listener: TestListener): Promise<Array<[string, string]>> {
  while (listener.lines.length === 0) await sleep(5);
  await sleep(50);
  return listener.lines.map((line) => [line.event, line.msg]);
}

describe('TLS between strangers', () => {
  it('is fine with a certificate of the configured authority', async () => {
    await echo(target(secure.port, tls.client));
    expect((await lines(secure)).map(([event]) => event)).toEqual(['association.released']);
  });

  const strangers: Array<[string, () => TlsClientMaterial, string, RegExp]> = [
    ['no certificate', () => tls.clientWith(undefined), 'tls.no-client-certificate', /showed no certificate/],
    [
      'an expired certificate',
      () => tls.clientWith(tls.pki.expiredClient),
      'tls.client-certificate-expired',
      /expired certificate; renew it/,
    ],
    [
      'a certificate of another authority',
      () => tls.clientWith(tls.pki.foreignClient),
      'tls.client-certificate-refused',
      /clientCaFile does not vouch for.*; if it is one of your senders, .*"medusa-gateway peers learn"/,
    ],
  ];
  describe.each(['TLSv1.3', 'TLSv1.2'] as const)('over %s', (version) => {
    it.each(strangers)(
      'a sender with %s is refused, and one line says why',
      async (_what, material, event, message) => {
        const { pki: _, ...options } = { pki: 0, ...tlsOptions(material()) };
        const socket = connectTls({ host: '127.0.0.1', port: secure.port, maxVersion: version, ...options });
        socket.on('error', () => {});
        await new Promise((resolve) => socket.once('close', resolve).resume());
        const logged = await lines(secure);
        expect(logged).toHaveLength(1);
        expect(logged[0]?.[0]).toBe(event);
        expect(logged[0]?.[1]).toMatch(message);
        const line = secure.lines.find((candidate) => candidate.event === event);
        expect(line?.address).toBe('127.0.0.1');
      },
    );
  });

  it.each(strangers)('our own sender with %s says that its certificate is the reason', async (_what, material) => {
    await expect(echo(target(secure.port, material()))).rejects.toMatchObject({
      code: expect.stringMatching(/^scu\.(tls-refused|connection-lost)$/),
      hint: expect.stringMatching(/certificate/),
    });
  });

  it('a plain sender at the TLS port is told from all else', async () => {
    await expect(echo(target(secure.port))).rejects.toMatchObject({
      code: expect.stringMatching(/^scu\./),
      hint: expect.stringMatching(/TLS/),
    });
    const logged = await lines(secure);
    expect(logged).toHaveLength(1);
    expect(logged[0]).toEqual(['listener.plain-on-tls-port', expect.stringContaining('set the sender to TLS')]);
  });

  it('a TLS sender at the plain port is told from all else', async () => {
    await expect(echo(target(plain.port, tls.client))).rejects.toMatchObject({
      code: expect.stringMatching(/^scu\./),
      hint: expect.stringMatching(/TLS/),
    });
    const logged = await lines(plain);
    expect(logged[0]).toEqual(['listener.tls-on-plain-port', expect.stringContaining('set the sender to plain DICOM')]);
    // The connection never was an association; what is left to say about it is at most one line more.
    expect(logged.length).toBeLessThanOrEqual(2);
  });

  it('a sender that does not trust our certificate is named as such', async () => {
    const foreign = { ...tls.client, ca: tls.clientWith(undefined).ca };
    const listener = await startListener({ intake: new MemoryIntake(), tls: tls.serverWith(tls.pki.foreignServer) });
    try {
      await expect(echo(target(listener.port, foreign))).rejects.toMatchObject({
        code: 'scu.tls-refused',
        message: expect.stringMatching(/does not vouch for the peer's certificate/),
      });
      expect((await lines(listener))[0]?.[0]).toMatch(/^tls\./);
    } finally {
      await listener.stop();
    }
  });

  it('a sender that calls us by another name than our certificate’s says so', async () => {
    const named = { ...tls.client, serverName: 'pacs.example' };
    await expect(echo(target(secure.port, named))).rejects.toMatchObject({
      code: 'scu.tls-refused',
      message: expect.stringMatching(/for another name/),
    });
    await lines(secure); // the listener has its say too, before the next test
  });

  it.each([
    ['TLS 1.1', { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }],
    ['CBC ciphers only', { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA' }],
  ] as const)('a sender that offers %s is refused as a legacy client', async (_what, options) => {
    const socket = connectTls({ host: '127.0.0.1', port: secure.port, ...options, ...tlsOptions(tls.client) });
    socket.on('error', () => {});
    await new Promise((resolve) => socket.once('close', resolve));
    const logged = await lines(secure);
    expect(logged).toHaveLength(1);
    expect(logged[0]).toEqual(['tls.legacy-client', expect.stringContaining('BCP 195')]);
  });

  it.skipIf(!hasProgram('echoscu'))('DCMTK with and without TLS gets the same answers', async () => {
    const run = promisify(execFile);
    const { keyFile, certificateFile, caFile } = tls.pki.client;
    const titles = ['-aet', 'DCMTK', '-aec', 'GATEWAY', '127.0.0.1'];
    await run('echoscu', ['+tls', keyFile, certificateFile, '+cf', caFile, ...titles, String(secure.port)]);
    await run('echoscu', [...titles, String(plain.port)]);
    await expect(run('echoscu', ['-to', '3', ...titles, String(secure.port)])).rejects.toThrow();
    const events = (await lines(secure)).map(([event]) => event);
    expect(events).toEqual(['association.released', 'listener.plain-on-tls-port']);
  });

  it('the fingerprint of the certificate reaches the access policy', async () => {
    const seen: unknown[] = [];
    const access = {
      admit: (request: unknown, caller: unknown) => {
        seen.push(request, caller);
        return {
          admitted: false as const,
          rejection: { result: 1 as const, source: 1 as const, reason: 3 },
          why: 'AE title SCU is unknown',
          hint: 'add it to peers',
        };
      },
    };
    const listener = await startListener({ intake: new MemoryIntake(), tls: tls.server, access });
    try {
      await expect(echo(target(listener.port, tls.client))).rejects.toMatchObject({
        code: 'scu.rejected',
        retryable: false,
        message: expect.stringMatching(
          /rejected for good: calling AE title not recognised \(result 1, source 1, reason 3\)/,
        ),
      });
      expect(seen[0]).toEqual({ callingAeTitle: 'SCU', calledAeTitle: 'GATEWAY' });
      expect(seen[1]).toMatchObject({ address: '127.0.0.1', certificate: { fingerprint: tls.pki.client.fingerprint } });
      expect((await listener.logged('association.rejected')).msg).toContain('AE title SCU is unknown; add it to peers');
    } finally {
      await listener.stop();
    }
  });
});
