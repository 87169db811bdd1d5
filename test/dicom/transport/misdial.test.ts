import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { misdialOnPlain } from '../../../src/dicom/transport/misdial.ts';
import { encodePdu } from '../../../src/dicom/upperLayer/pdu.ts';
import { startListener, type TestListener } from '../../support/dicomListener.ts';
import { type DicomTls, makeDicomTls } from '../../support/dicomTls.ts';
import { MemoryIntake } from '../../support/memoryIntake.ts';
import { associateRq } from '../../support/rawPeer.ts';
import { clientHello } from '../../support/tlsScanner.ts';

const suites = [0x002f, 0xc02b, 0xc02f, 0x1301];
const hello = clientHello({ version: 'TLS 1.2', suites });
const oldHello = clientHello({ version: 'SSL 3.0', suites });
const sslv2 = Buffer.concat([
  Buffer.from('802e0100020015000000100100800200800300800400800500800600400700c0', 'hex'),
  Buffer.alloc(16, 7),
]);
const sslv2WithTls = Buffer.concat([
  Buffer.from('802e0103010015000000100100800200800300800400800500800600400700c0', 'hex'),
  Buffer.alloc(16, 7),
]);
const http = (method: string) => Buffer.from(`${method} / HTTP/1.1\r\nHost: gateway\r\n\r\n`);

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

/** Sends bytes, waits for the end of the connection, and answers the events that were logged. */
async function call(listener: TestListener, bytes: Buffer): Promise<string[]> {
  listener.lines.length = 0;
  await new Promise<void>((resolve) => {
    const socket = connect({ port: listener.port, host: '127.0.0.1' }, () => socket.write(bytes));
    socket.on('error', () => {}).on('data', () => {});
    socket.on('close', () => resolve());
  });
  while (listener.lines.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  await new Promise((resolve) => setTimeout(resolve, 30)); // for a second line, which there should not be
  return listener.lines.map(({ event }) => event);
}

describe('one line says what called', () => {
  it.each([
    ['TLS', hello, 'listener.tls-on-plain-port'],
    ['SSL 3.0', oldHello, 'listener.tls-on-plain-port'],
    ['SSL 2.0', sslv2, 'listener.tls-on-plain-port'],
    ['SSL 2.0 that could do TLS', sslv2WithTls, 'listener.tls-on-plain-port'],
    ['HTTP GET', http('GET'), 'listener.http-on-dicom-port'],
    ['HTTP POST', http('POST'), 'listener.http-on-dicom-port'],
    ['HTTP/2', Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), 'listener.http-on-dicom-port'],
  ])('%s on the plain port', async (_what, bytes, event) => {
    expect(await call(plain, bytes)).toEqual([event]);
  });

  it.each([
    ['plain DICOM', encodePdu(associateRq()), 'listener.plain-on-tls-port'],
    ['HTTP GET', http('GET'), 'listener.http-on-dicom-port'],
    ['HTTP POST', http('POST'), 'listener.http-on-dicom-port'],
    ['HTTP CONNECT', http('CONNECT'), 'listener.http-on-dicom-port'],
    ['SSL 3.0', oldHello, 'tls.legacy-client'],
    ['SSL 2.0 that could do TLS', sslv2WithTls, 'tls.legacy-client'],
    ['noise', createHash('sha512').update('noise').digest(), 'listener.plain-on-tls-port'],
  ])('%s on the TLS port', async (_what, bytes, event) => {
    expect(await call(secure, bytes)).toEqual([event]);
  });
});

it('a DICOM peer is never taken for something else', () => {
  expect(misdialOnPlain(encodePdu(associateRq()))).toBeUndefined();
  expect(misdialOnPlain(Buffer.from([1]))).toBeUndefined();
  for (let type = 1; type <= 7; type++) expect(misdialOnPlain(Buffer.from([type, 0, 0, 0, 0, 4]))).toBeUndefined();
});
