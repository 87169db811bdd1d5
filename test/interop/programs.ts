/** Running the peers' programs: to an end, with a limit, and through socat where a peer has no TLS of its own. */
import { spawn } from 'node:child_process';
import type { CertificateFiles } from '../support/certificates.ts';
import { isListening } from '../support/listening.ts';
import { freePorts, startServer, waitUntil } from '../support/serverProcess.ts';
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

/** A port that takes plain connections and carries them to `port` over TLS with the given certificate. */
export async function startTlsTunnel(
  directory: string,
  port: number,
  files: CertificateFiles,
): Promise<{ port: number; stop(): Promise<void> }> {
  const [local = 0] = await freePorts(1);
  const pem = concatenateFiles(directory, [files.certificateFile, files.keyFile]);
  const socat = startServer(
    'socat',
    [
      `TCP-LISTEN:${local},bind=127.0.0.1,fork,reuseaddr`,
      `OPENSSL:127.0.0.1:${port},cafile=${files.caFile},cert=${pem},verify=1`,
    ],
    { logFile: `${directory}/socat.log` },
  );
  await waitUntil('socat', async () => isListening(local), { explain: socat.output });
  return { port: local, stop: () => socat.stop() };
}
