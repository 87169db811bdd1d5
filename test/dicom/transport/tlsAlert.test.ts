/** Alerts as a client sends them in the middle of a TLS 1.2 handshake, where they are not encrypted, to a real listener. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { socketError } from '../../../src/dicom/scu/connect.ts';
import { startListener, type TestListener } from '../../support/dicomListener.ts';
import { type DicomTls, makeDicomTls } from '../../support/dicomTls.ts';
import { MemoryIntake } from '../../support/memoryIntake.ts';

/** RFC 8446 6.2: each says that the client does not accept our certificate. */
const certificateAlerts = {
  42: 'bad',
  43: 'unsupported',
  44: 'revoked',
  45: 'expired',
  46: 'unknown',
  48: 'unknown CA',
};

/** The first flight of a TLS 1.2 client, as it stands on the wire. */
async function clientHello(): Promise<Buffer> {
  const sink = createServer().listen(0, '127.0.0.1');
  await once(sink, 'listening');
  const client = connectTls({ port: (sink.address() as AddressInfo).port, host: '127.0.0.1', maxVersion: 'TLSv1.2' });
  client.on('error', () => {});
  const [socket] = await once(sink, 'connection');
  const [hello] = await once(socket, 'data');
  client.destroy();
  sink.close();
  return hello;
}

describe('a client that refuses our certificate', () => {
  let tls: DicomTls;
  let hello: Buffer;
  beforeAll(async () => {
    tls = await makeDicomTls();
    hello = await clientHello();
  });
  afterAll(() => tls.remove());

  async function alerted(alert: number): Promise<TestListener['lines']> {
    const listener = await startListener({ intake: new MemoryIntake(), tls: tls.server });
    try {
      const socket = connect(listener.port, '127.0.0.1').on('error', () => {});
      socket.write(hello);
      await once(socket, 'data');
      socket.write(Buffer.from([0x15, 3, 3, 0, 2, 2, alert]));
      await once(socket, 'close');
      return listener.lines;
    } finally {
      await listener.stop();
    }
  }

  it.each(Object.entries(certificateAlerts))('alert %s (%s) is told as such', async (alert) => {
    const events = (await alerted(Number(alert))).map((line) => line.event);
    expect(events).toEqual(['tls.sender-refused-us']);
  });

  it('another alert is not', async () => {
    const events = (await alerted(80)).map((line) => line.event);
    expect(events).toEqual(['tls.failed']);
  });
});

describe('a receiver that refuses our certificate', () => {
  it.each(['ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE', 'ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED'])('%s', (code) => {
    const peer = { host: 'pacs', port: 2762, tls: { ca: '' } };
    const error = socketError(peer, 'connect', Object.assign(new Error('alert'), { code }));
    expect(error).toMatchObject({ code: 'scu.tls-refused', message: expect.stringContaining('refused by the peer') });
  });
});
