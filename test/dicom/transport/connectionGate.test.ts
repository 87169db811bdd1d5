import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ConnectionGate, type Shed, type Ticket } from '../../../src/dicom/transport/connectionGate.ts';
import { encodePdu } from '../../../src/dicom/upperLayer/pdu.ts';
import { startListener, type TestListener } from '../../support/dicomListener.ts';
import { type DicomTls, makeDicomTls, tlsOptions } from '../../support/dicomTls.ts';
import { MemoryIntake } from '../../support/memoryIntake.ts';
import { associateRq, echoRq, RawPeer } from '../../support/rawPeer.ts';
import { clientHello } from '../../support/tlsScanner.ts';

describe('the gate', () => {
  /** A gate with a clock of its own. */
  function gateWith(limits: { connections: number; pendingConnections: number; pendingBytes?: number }) {
    let now = 0;
    const timers: Array<{ at: number; run(): void }> = [];
    const gate = new ConnectionGate({
      limits,
      monotonic: () => now,
      timers: {
        after: (ms, run) => {
          const timer = { at: now + ms, run };
          timers.push(timer);
          return () => void timers.splice(timers.indexOf(timer), 1);
        },
      },
    });
    const ended: string[] = [];
    const enter = (name: string, artimMs = 100): Ticket | undefined =>
      gate.enter({ onShed: (why: Shed) => void ended.push(`${name} ${why}`), destroy: () => {} }, artimMs);
    const advance = (ms: number) => {
      now += ms;
      for (const due of timers.filter(({ at }) => at <= now)) {
        timers.splice(timers.indexOf(due), 1);
        due.run();
      }
    };
    return { gate, ended, enter, advance, timers };
  }

  it('ends the oldest that is pending when there are more than may be', () => {
    const { gate, ended, enter } = gateWith({ connections: 10, pendingConnections: 2 });
    for (const name of ['a', 'b', 'c', 'd']) enter(name);
    expect(ended).toEqual(['a pendingConnections', 'b pendingConnections']);
    expect([gate.pending, gate.open]).toEqual([2, 4]); // open until they are closed
  });

  it('leaves associations alone', () => {
    const { ended, enter } = gateWith({ connections: 10, pendingConnections: 1 });
    enter('association')?.admitted();
    enter('first');
    enter('second');
    expect(ended).toEqual(['first pendingConnections']);
  });

  it('turns away what is over the limit of open ones, until one leaves, and counts each once', () => {
    const { gate, enter } = gateWith({ connections: 2, pendingConnections: 2 });
    const first = enter('a');
    first?.admitted();
    enter('b');
    expect(enter('c')).toBeUndefined();
    first?.left();
    first?.left();
    expect(gate.open).toBe(1);
    expect(enter('d')).toBeDefined();
  });

  it('ends whoever has sent most when pending ones have sent too much, not who sends now', () => {
    const { ended, enter } = gateWith({ connections: 10, pendingConnections: 10, pendingBytes: 100 });
    const large = enter('large');
    const association = enter('association');
    const small = enter('small');
    association?.received(90);
    association?.admitted(); // what it has sent is no request any more
    large?.received(60);
    small?.received(30);
    small?.received(20);
    expect(ended).toEqual(['large pendingConnections']);
    large?.received(60); // on its way when it was ended
    small?.received(40);
    expect(ended).toEqual(['large pendingConnections']);
    small?.received(20);
    expect(ended).toEqual(['large pendingConnections', 'small pendingConnections']);
  });

  it('ends each at its own time, by one timer', () => {
    const { ended, enter, advance, timers } = gateWith({ connections: 10, pendingConnections: 10 });
    enter('a');
    advance(40);
    enter('b');
    enter('admitted')?.admitted();
    enter('left')?.left();
    expect(timers).toHaveLength(1);
    advance(60);
    expect(ended).toEqual(['a artimTimeout']);
    advance(40);
    expect(ended).toEqual(['a artimTimeout', 'b artimTimeout']);
    expect(timers).toHaveLength(0);
  });
});

let tls: DicomTls;
beforeAll(async () => {
  tls = await makeDicomTls();
});
afterAll(() => tls.remove());

const running: TestListener[] = [];
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const listener of running.splice(0)) await listener.stop();
});

async function listen(kind: 'plain' | 'tls', options: { pendingConnections?: number; artimMs?: number }) {
  const { pendingConnections = 100, artimMs = 30_000 } = options;
  const listener = await startListener({
    ...{ intake: new MemoryIntake(), pendingConnections, maxConnections: 200, limits: { artimMs } },
    ...(kind === 'tls' ? { tls: tls.server } : {}),
  });
  running.push(listener);
  return listener;
}

/** A connection that sends `bytes`, one each 20 ms. */
async function dribble({ port }: TestListener, bytes: Buffer): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' });
  sockets.push(socket);
  socket.on('error', () => {}).resume();
  await once(socket, 'connect');
  let at = 0;
  const timer = setInterval(() => at < bytes.length && socket.write(bytes.subarray(at, ++at)), 20);
  socket.on('close', () => clearInterval(timer));
  return socket;
}

const hello = clientHello({ version: 'TLS 1.3', suites: [0x1301, 0x1302, 0x1303] });
const request = encodePdu(associateRq());
const nothing = Buffer.alloc(0);

describe.each([
  ['plain', 'silence', nothing],
  ['plain', 'an A-ASSOCIATE-RQ a byte at a time', request],
  ['tls', 'silence', nothing],
  ['tls', 'a ClientHello a byte at a time', hello],
] as const)('on a %s listener, %s', (kind, _what, bytes) => {
  it('ends when ARTIM does, and is told once', async () => {
    const listener = await listen(kind, { artimMs: 300 });
    const socket = await dribble(listener, bytes);
    await new Promise<void>((resolve) => socket.once('close', () => resolve())); // after a reset as well
    await sleep(50);
    const line = await listener.logged('listener.no-request');
    expect(line).toMatchObject({ address: '127.0.0.1', msg: expect.stringContaining('limits.artimTimeout') });
    expect(listener.limits).toEqual(['artimTimeout']);
    expect(listener.lines.filter(({ event }) => event.startsWith('tls.'))).toEqual([]);
  });

  it('keeps nobody out', async () => {
    const listener = await listen(kind, { pendingConnections: 20 });
    const held = await Promise.all(Array.from({ length: 60 }, () => dribble(listener, bytes)));
    const honest = await RawPeer.connect(listener.port, kind === 'tls' ? tlsOptions(tls.client) : undefined);
    sockets.push(honest.socket);
    honest.send(associateRq());
    expect(await honest.answer()).toBe('AC');
    const more = await Promise.all(Array.from({ length: 40 }, () => dribble(listener, bytes)));
    honest.send(echoRq());
    expect(await honest.answer()).toBe('status 0000 to 1');
    const closed = () => [...held, ...more].filter((socket) => socket.closed).length;
    while (closed() < 80) await sleep(10);
    expect(closed()).toBe(80); // 20 of 100 may stay
    expect(listener.limits.filter((limit) => limit === 'pendingConnections').length).toBeGreaterThanOrEqual(80);
  });
});

it('an A-ASSOCIATE-RQ that comes slowly, but within ARTIM, is accepted, and ARTIM does not end the association', async () => {
  const listener = await listen('plain', { artimMs: 4_000 });
  const peer = await RawPeer.connect(listener.port);
  sockets.push(peer.socket);
  for (let at = 0; at < request.length; at += 16) {
    peer.send(request.subarray(at, at + 16));
    await sleep(10);
  }
  expect(await peer.answer()).toBe('AC');
  await sleep(4_300);
  peer.send(echoRq());
  expect(await peer.answer()).toBe('status 0000 to 1');
});

it('ARTIM counts from the TCP accept: a TLS handshake that took its time leaves less for the request', async () => {
  const listener = await listen('tls', { artimMs: 1_500 });
  const peer = await RawPeer.connect(listener.port, tlsOptions(tls.client));
  sockets.push(peer.socket);
  await sleep(700);
  peer.send(request.subarray(0, 20));
  expect(await peer.next()).toBe('closed');
  // The gate's, which began with the accept; that of the association began with the first byte and had time left.
  await listener.logged('listener.no-request');
  await sleep(50);
  expect(listener.limits).toEqual(['artimTimeout']);
  expect(listener.lines.filter(({ msg }) => msg.includes('no A-ASSOCIATE-RQ'))).toHaveLength(1);
});
