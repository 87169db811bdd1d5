/** Running the peers' programs: to an end, with a limit, and through socat where a peer has no TLS of its own. */
import { spawn } from 'node:child_process';
import { missingPackages } from '../support/debianPackages.ts';
import { isListening } from '../support/listening.ts';
import { freePorts, startServer, waitUntil } from '../support/serverProcess.ts';
import { type PeerTls, portOf, type Scene, type Transport, tlsOf } from './cell.ts';
import { concatenateFiles } from './concatenate.ts';

export type Outcome = { status: number | null; output: string; timedOut: boolean };

export function run(
  program: string,
  args: string[],
  options: { limitMs?: number; env?: NodeJS.ProcessEnv } = {},
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: { ...process.env, ...options.env }, stdio: ['ignore', 'pipe', 'pipe'] });
    const pieces: Buffer[] = [];
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill('SIGKILL');
    }, options.limitMs ?? 60_000);
    child.stdout.on('data', (chunk: Buffer) => pieces.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => pieces.push(chunk));
    child.once('error', reject);
    child.once('close', (status) => {
      clearTimeout(timer);
      resolve({ status, output: Buffer.concat(pieces).toString('latin1'), timedOut });
    });
  });
}

export const lastLine = (text: string) => text.trim().split('\n').pop()?.slice(0, 120) ?? '';

/** A port that takes plain connections and carries them to `port` over TLS, with a certificate when there is one. */
async function startTlsTunnel(
  directory: string,
  port: number,
  tls: PeerTls,
): Promise<{ port: number; stop(): Promise<void> }> {
  const [local = 0] = await freePorts(1);
  const { certificateFile, keyFile } = tls;
  const credentials =
    certificateFile && keyFile ? `,cert=${concatenateFiles(directory, [certificateFile, keyFile])}` : '';
  const socat = startServer(
    'socat',
    [
      `TCP-LISTEN:${local},bind=127.0.0.1,fork,reuseaddr`,
      `OPENSSL:127.0.0.1:${port},cafile=${tls.caFile},verify=1${credentials}`,
    ],
    { logFile: `${directory}/socat.log` },
  );
  await waitUntil('socat', async () => isListening(local), { explain: socat.output });
  return { port: local, stop: () => socat.stop() };
}

/** Calls `send` with a port that takes what this peer speaks: ours, or on TLS the plain end of a tunnel to it. */
export async function throughTunnel<T>(scene: Scene, send: (port: number) => Promise<T>): Promise<T> {
  const tls = tlsOf(scene);
  if (tls === undefined) return send(portOf(scene));
  const tunnel = await startTlsTunnel(scene.target.directory, portOf(scene), tls);
  try {
    return await send(tunnel.port);
  } finally {
    await tunnel.stop();
  }
}

/** Why a Debian program cannot be run here; undefined when it can. */
export const needs = (program: string, debianPackage: string) => missingPackages([{ program, package: debianPackage }]);

/** The same, of a peer that takes socat for TLS. */
export const needsTunnel = (transport: Transport) => (transport === 'plain' ? undefined : needs('socat', 'socat'));
