/** What our TLS listener accepts of everything that can be offered, found by a scan: BCP 195 (PS3.15 B.12) and nothing else. */

import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type ConnectionOptions, connect, createServer, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cipherSuites, weakKey } from '../../../src/dicom/transport/tlsProfile.ts';
import { startListener, type TestListener } from '../../support/dicomListener.ts';
import { MemoryIntake } from '../../support/memoryIntake.ts';
import { OpensslPki, type Pair } from '../../support/opensslPki.ts';
import { accepts, offerBytes, offerHello, scan, wireVersion } from '../../support/tlsScanner.ts';

const pki = new OpensslPki();
const certificates: Record<'ECDSA' | 'RSA', Pair> = {
  ECDSA: pki.selfSigned('ec'),
  RSA: pki.selfSigned('rsa', { kind: 'rsa' }),
};
const client = pki.selfSigned('client');
afterAll(() => pki.remove());

const listeners = new Map<string, TestListener>();
beforeAll(async () => {
  for (const [kind, { certificate, key }] of Object.entries(certificates)) {
    const tls = {
      ...{ certificate, key, clientCa: client.certificate },
      ...{ requireClientCertificate: true, minVersion: 'TLSv1.2' as const },
    };
    listeners.set(kind, await startListener({ intake: new MemoryIntake(), tls, maxConnections: 1000 }));
  }
});
afterAll(async () => {
  for (const listener of listeners.values()) await listener.stop();
});
const portOf = (kind: string) => listeners.get(kind)?.port ?? 0;

const allowed = (kind: 'ECDSA' | 'RSA') =>
  cipherSuites
    .filter(({ authentication }) => authentication === 'any' || authentication === kind)
    .map(({ id, version }) => accepts(wireVersion[version === 'TLSv1.2' ? 'TLS 1.2' : 'TLS 1.3'], id))
    .sort();

describe.each(['ECDSA', 'RSA'] as const)('a listener with a certificate of kind %s', (kind) => {
  it('accepts the cipher suites of the table and no others, in any version', { timeout: 120_000 }, async () => {
    expect(await scan(portOf(kind))).toEqual(allowed(kind));
  });

  it('refuses SSL 2.0 and what came before TLS 1.2, with an alert or by closing', async () => {
    const v2 = Buffer.concat([
      Buffer.from('802e0100020015000000100100800200800300800400800500800600400700c0', 'hex'),
      Buffer.alloc(16, 7),
    ]);
    expect((await offerBytes(portOf(kind), v2)).kind).not.toBe('accepted');
    for (const version of ['SSL 3.0', 'TLS 1.0', 'TLS 1.1'] as const) {
      const answer = await offerHello(portOf(kind), { version, suites: [0x002f, 0xc02b, 0xc02f, 0xc013, 0xc009] });
      expect(answer.kind, version).toBe('alert');
    }
  });

  it.each([
    ['small and foreign groups only (P-192, P-224, secp256k1)', { groups: [0x0013, 0x0015, 0x0016] }],
    ['finite-field groups only', { groups: [0x0100, 0x0101] }],
    ['signatures with SHA-1 only', { signatureAlgorithms: [0x0201, 0x0203] }],
    ['signatures with MD5 or SHA-224 only', { signatureAlgorithms: [0x0101, 0x0301, 0x0303] }],
  ])('refuses a caller that offers %s', async (_what, offer) => {
    const suites = [0xc02b, 0xc02c, 0xc02f, 0xc030];
    expect((await offerHello(portOf(kind), { version: 'TLS 1.2', suites })).kind).toBe('accepted');
    expect((await offerHello(portOf(kind), { version: 'TLS 1.2', suites, ...offer })).kind).toBe('alert');
  });
});

describe('the scanner', () => {
  it('finds what a careless server accepts', { timeout: 120_000 }, async () => {
    const { certificate, key } = certificates.RSA;
    const server = createServer({
      ...{ cert: certificate, key, minVersion: 'TLSv1', maxVersion: 'TLSv1.2' },
      ciphers: 'ALL:COMPLEMENTOFALL:@SECLEVEL=0',
    });
    server.on('tlsClientError', () => {});
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const found = await scan((server.address() as AddressInfo).port);
      expect(found).toEqual(
        expect.arrayContaining([
          'TLS 1.0 002f', // RSA, AES-128-CBC, SHA
          'TLS 1.1 c013', // ECDHE-RSA, AES-128-CBC, SHA
          'TLS 1.2 003b', // RSA, NULL, SHA-256
          'TLS 1.2 009c', // RSA key exchange, AES-GCM
          'TLS 1.2 c02f',
        ]),
      );
    } finally {
      server.close();
    }
  });
});

describe('a connection', () => {
  const open = async (options: ConnectionOptions) => {
    const socket = connect({
      ...{ port: portOf('ECDSA'), host: '127.0.0.1', ca: certificates.ECDSA.certificate },
      ...{ cert: client.certificate, key: client.key, ...options },
    });
    socket.on('error', () => {});
    await once(socket, 'secureConnect');
    return socket;
  };

  it('is not renegotiated', async () => {
    const socket = await open({ maxVersion: 'TLSv1.2' });
    const error = await new Promise<Error | null>((resolve) => {
      socket.once('error', resolve);
      socket.renegotiate({}, resolve);
    });
    expect(String(error)).toMatch(/no.renegotiation/i);
    socket.destroy();
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'is never resumed, over %s: each one proves its certificate',
    async (version) => {
      let session: Buffer | undefined;
      const first = await open({ maxVersion: version });
      first.on('session', (given: Buffer) => {
        session = given;
      });
      await new Promise((resolve) => setTimeout(resolve, 100)); // a ticket would come after the handshake
      session ??= first.getSession();
      first.destroy();
      const second: TLSSocket = await open({ maxVersion: version, ...(session ? { session } : {}) });
      expect(second.isSessionReused()).toBe(false);
      second.destroy();
    },
  );

  it('agrees on the protocol dicom when that is offered, and refuses others', async () => {
    const socket = await open({ ALPNProtocols: ['dicom', 'http/1.1'] });
    expect(socket.alpnProtocol).toBe('dicom');
    socket.destroy();
    await expect(open({ ALPNProtocols: ['http/1.1'] })).rejects.toMatchObject({
      code: expect.stringMatching(/NO_APPLICATION_PROTOCOL/),
    });
  });
});

describe('keys', () => {
  it('too weak for BCP 195 are named', () => {
    const key = ({ certificate }: Pair) => new X509Certificate(certificate).publicKey;
    expect(weakKey(key(pki.selfSigned('small', { kind: 'rsa1024' })))).toMatch(/RSA of 1024 bits/);
    expect(weakKey(key(certificates.RSA))).toBeUndefined();
    expect(weakKey(key(certificates.ECDSA))).toBeUndefined();
  });
});
