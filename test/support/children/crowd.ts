/**
 * The process of a crowd (test/support/crowd.ts): connections that keep silent or send a byte a second, and come again when they
 * are closed. Says over IPC `{ held }` when all have been there once, and every second after that.
 */
import { readFileSync } from 'node:fs';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { encodePdu } from '../../../src/dicom/upperLayer/pdu.ts';
import type { CrowdOptions, CrowdState } from '../crowd.ts';
import { associateRq } from '../rawPeer.ts';
import { clientHello } from '../tlsScanner.ts';

type Behaviour = { tls: 'none' | 'port' | 'handshake'; drip: Buffer | undefined };

const options = JSON.parse(process.argv[2] ?? '{}') as CrowdOptions;
const certificates = {
  ca: readFileSync(options.caFile),
  cert: readFileSync(options.certificateFile),
  key: readFileSync(options.keyFile),
};
const request = encodePdu(associateRq({ calledAeTitle: 'MEDUSA' }));
const hello = clientHello({ version: 'TLS 1.3', suites: [0x1301, 0x1302, 0x1303] });

/** Half of them call the plain port, a quarter the TLS port without a handshake, a quarter after one. */
const silent: Behaviour[] = [
  { tls: 'none', drip: undefined },
  { tls: 'port', drip: undefined },
  { tls: 'none', drip: undefined },
  { tls: 'handshake', drip: undefined },
];
const dribbling: Behaviour[] = [
  { tls: 'none', drip: request },
  { tls: 'port', drip: hello },
  { tls: 'none', drip: request },
  { tls: 'handshake', drip: request },
];

const state: CrowdState = { held: 0, connected: 0, closed: 0, members: options.silent + options.dribbling };
const open = new Set<{ socket: Socket; drip: Buffer; at: number }>();
let arrived = 0;

function join({ tls, drip }: Behaviour, isFirst: boolean): void {
  const port = tls === 'none' ? options.plainPort : options.tlsPort;
  const socket =
    tls === 'handshake'
      ? connectTls({ port, host: '127.0.0.1', ...certificates })
      : connectTcp({ port, host: '127.0.0.1' });
  const member = { socket, drip: drip ?? Buffer.alloc(0), at: 0 };
  let inside = false;
  const come = () => {
    if (isFirst) arrived++;
    isFirst = false;
  };
  socket.on('error', () => {}).resume();
  socket.once(tls === 'handshake' ? 'secureConnect' : 'connect', () => {
    inside = true;
    state.held++;
    state.connected++;
    open.add(member);
    come();
  });
  socket.once('close', () => {
    open.delete(member);
    if (inside) state.held--;
    state.closed++;
    come();
    setTimeout(() => join({ tls, drip }, isFirst), options.comeAgainMs * (0.5 + Math.random()));
  });
}

setInterval(() => {
  for (const member of open) {
    if (member.at >= member.drip.length) continue;
    member.socket.write(member.drip.subarray(member.at, ++member.at));
  }
  if (arrived >= state.members) process.send?.(state);
}, 1_000);

/** So many a turn: a backlog that overflows would cost connections a second each. */
const perTurn = 20;
const waiting = [
  ...Array.from({ length: options.silent }, (_, i) => silent[i % silent.length]),
  ...Array.from({ length: options.dribbling }, (_, i) => dribbling[i % dribbling.length]),
].filter((behaviour) => behaviour !== undefined);
const entrance = setInterval(() => {
  for (const behaviour of waiting.splice(0, perTurn)) join(behaviour, true);
  if (waiting.length === 0) clearInterval(entrance);
}, 20);

process.on('disconnect', () => process.exit(0));
