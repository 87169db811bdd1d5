/**
 * Attack class 11, what test/dicom/transport/tls.test.ts does not have: bytes that are no TLS, handshakes that stop, and hostile
 * DICOM inside a proper TLS connection. An honest sender with a certificate is served all the while.
 */
import { connect as connectTcp, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { dataSet } from '../support/dataSets.ts';
import { startListener, type TestListener } from '../support/dicomListener.ts';
import { type DicomTls, makeDicomTls, tlsOptions } from '../support/dicomTls.ts';
import { MemoryIntake } from '../support/memoryIntake.ts';
import { associateRq, dataPdus, echoRq, RawPeer, storeCommand } from '../support/rawPeer.ts';
import { answersUntilClosed, header, hostileLimits } from './hostileSite.ts';

let tls: DicomTls;
let running: TestListener;
let honestPeer: RawPeer;
let stored = 0;
const intake = new MemoryIntake();
const open: Array<{ destroy(): void }> = [];

beforeAll(async () => {
  tls = await makeDicomTls();
  running = await startListener({ intake, tls: tls.server, limits: hostileLimits });
  honestPeer = await associated('HONEST');
});
afterAll(async () => {
  honestPeer.destroy();
  await running.stop();
  tls.remove();
});
afterEach(async () => {
  // While the hostile connections are still there, and after they have gone.
  await honestStores();
  for (const one of open.splice(0)) one.destroy();
  await honestStores();
  expect(intake.stored.every((one) => one.header.peer === 'HONEST')).toBe(true);
  for (const line of running.lines) expect(JSON.stringify(line)).not.toMatch(/[^\x20-\x7e]|\\u00|\\[nrt]/);
});

async function associated(callingAeTitle: string): Promise<RawPeer> {
  const peer = await RawPeer.connect(running.port, tlsOptions(tls.client));
  peer.send(associateRq({ callingAeTitle }));
  expect(await peer.answer()).toBe('AC');
  return peer;
}

async function honestStores(): Promise<void> {
  honestPeer.send(storeCommand({ affectedSopInstanceUid: `1.2.${++stored}` }), dataPdus(dataSet('explicit')));
  expect(await honestPeer.answer()).toBe('status 0000 to 1');
}

async function plain(): Promise<Socket> {
  const socket = connectTcp({ host: '127.0.0.1', port: running.port });
  open.push(socket);
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  return socket;
}

const closed = (socket: Socket) =>
  new Promise<void>((resolve) => {
    socket.on('error', () => {}).once('close', () => resolve());
    socket.resume();
  });

describe('a TLS listener', () => {
  it.each([
    ['an A-ASSOCIATE-RQ without TLS', Buffer.from('010000000044000100', 'hex')],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['noise', Buffer.alloc(300, 0xa5)],
    ['a ClientHello of noise', Buffer.concat([Buffer.from('1603010100010000fc0303', 'hex'), Buffer.alloc(249, 0xff)])],
    ['a TLS record of the largest length', Buffer.concat([Buffer.from('160301ffff', 'hex'), Buffer.alloc(2000)])],
    ['SSL 2', Buffer.from('802e0100020015000000100100800200800300800400800500800600400700c0', 'hex')],
  ])('closes on %s, and says so in one line', async (_what, bytes) => {
    const before = running.lines.length;
    const socket = await plain();
    const gone = closed(socket);
    socket.write(bytes);
    await gone;
    await honestStores();
    const lines = running.lines.slice(before).filter((line) => line.level === 'warn');
    expect(lines.map((line) => line.event)).toHaveLength(1);
  });

  it('is not held up by handshakes that stop in the middle', async () => {
    for (let i = 0; i < 30; i++)
      (await plain()).write(Buffer.from('1603010200010001fc0303', 'hex').subarray(0, i % 11));
    await honestStores();
  });

  it.each([
    ['an unknown PDU', header(0x42, 4, '00000000'), 'ABORT 2/1'],
    ['a P-DATA-TF of FFFFFFFFH bytes', header(4, 0xffffffff), 'ABORT 2/6'],
    ['data on a context that was not accepted', echoRq(1, 77), 'ABORT 2/6'],
  ])('answers %s inside TLS as it does without', async (_what, bytes, answer) => {
    const peer = await associated('HOSTILE');
    open.push(peer);
    peer.send(bytes);
    expect(await answersUntilClosed(peer)).toEqual([answer]);
  });

  it('a peer that goes without a word in the middle of an instance leaves nothing behind', async () => {
    const discarded = intake.discarded;
    const peer = await associated('HOSTILE');
    const begun = intake.taken;
    peer.send(storeCommand(), dataPdus(Buffer.alloc(60_000)).subarray(0, 40_000));
    await intake.until(() => intake.taken > begun + 30_000);
    peer.destroy();
    await intake.until(() => intake.discarded > discarded);
  });
});
