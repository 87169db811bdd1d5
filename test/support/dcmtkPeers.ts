/** DCMTK's programs as peers: storescp receives; storescu, dcmsend and echoscu send. On loopback, without Nagle's delay. */
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { CertificateFiles } from './certificates.ts';
import { missingPackages } from './debianPackages.ts';
import { isListening } from './listening.ts';
import { compilerMissing, loopbackEnvironment } from './nativeBuild.ts';
import { freePorts, type ServerProcess, startServer, waitUntil } from './serverProcess.ts';

/** Why they cannot be run here; undefined when they can. */
export function dcmtkMissing(): string | undefined {
  return missingPackages(
    ['storescp', 'storescu', 'dcmsend', 'echoscu'].map((program) => ({ program, package: 'dcmtk' })),
  );
}

/** Why storescp cannot be run here: it needs DCMTK, and a compiler for what keeps it on loopback. */
export function storescpMissing(): string | undefined {
  return dcmtkMissing() ?? compilerMissing();
}

export const maxPduLength = 131072;

/** Whom a program trusts and, unless it is left out, the certificate that it shows. */
export type DcmtkTls = Pick<CertificateFiles, 'caFile'> & Partial<CertificateFiles>;

const tlsOptions = ({ keyFile, certificateFile, caFile }: DcmtkTls) => [
  ...(keyFile && certificateFile ? ['+tls', keyFile, certificateFile] : ['+tla']),
  ...['+cf', caFile],
];

export type StorescpOptions = {
  /** Its files go into `<directory>/received`; its log is beside that. */
  directory: string;
  aeTitle?: string;
  /** One process for each association; else they are served one after another. */
  fork?: boolean;
  /** Write data sets exactly as they came. */
  bitPreserving?: boolean;
  tls?: CertificateFiles;
  /** Default 131072, the most that DCMTK knows. */
  maxPduLength?: number;
  extraArguments?: string[];
};

export type Storescp = { port: number; receivedDirectory: string; process: ServerProcess; stop(): Promise<void> };

export async function startStorescp(options: StorescpOptions): Promise<Storescp> {
  const receivedDirectory = join(options.directory, 'received');
  mkdirSync(receivedDirectory, { recursive: true });
  const [port = 0] = await freePorts(1);
  const process = startServer(
    'storescp',
    [
      ...['--aetitle', options.aeTitle ?? 'STORESCP'],
      ...['--output-directory', receivedDirectory],
      ...['--max-pdu', String(options.maxPduLength ?? maxPduLength)],
      ...['--promiscuous', '+xa'],
      ...(options.fork ? ['--fork'] : []),
      ...(options.bitPreserving ? ['--bit-preserving'] : []),
      ...(options.tls ? tlsOptions(options.tls) : []),
      ...(options.extraArguments ?? []),
      String(port),
    ],
    { logFile: join(options.directory, 'storescp.log'), env: loopbackEnvironment() },
  );
  await waitUntil('storescp', async () => isListening(port), { explain: process.output });
  return { port, receivedDirectory, process, stop: () => process.stop() };
}

export type SendTarget = { port: number; called: string; calling?: string; host?: string; tls?: DcmtkTls };
export type SendResult = { ok: boolean; status: number | null; output: string };

function run(program: string, args: string[]): Promise<SendResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      env: { ...process.env, TCP_NODELAY: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const keep = (chunk: Buffer) => {
      output += chunk.toString('latin1');
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.once('error', reject);
    child.once('close', (status) => resolve({ ok: status === 0, status, output }));
  });
}

const titles = (target: SendTarget) => ['-aet', target.calling ?? 'DCMTK', '-aec', target.called];
const address = (target: SendTarget) => [target.host ?? '127.0.0.1', String(target.port)];
const security = (target: SendTarget) => (target.tls ? tlsOptions(target.tls) : []);

/**
 * storescu over one association. It proposes the uncompressed transfer syntaxes; compressed files need one of its options
 * in `extraArguments` (`-xs`, `-xy`, `-xv`, ... or `-R` for what the files have).
 */
export function storescu(target: SendTarget, files: string[], extraArguments: string[] = []): Promise<SendResult> {
  const pdu = ['--max-send-pdu', String(maxPduLength)];
  return run('storescu', [
    '-v',
    ...titles(target),
    ...pdu,
    ...security(target),
    ...extraArguments,
    ...address(target),
    ...files,
  ]);
}

/** dcmsend: proposes whatever the files need. It knows no TLS. */
export function dcmsend(target: SendTarget, files: string[], extraArguments: string[] = []): Promise<SendResult> {
  if (target.tls) throw new Error('dcmsend of this DCMTK has no TLS');
  return run('dcmsend', ['-v', ...titles(target), ...extraArguments, ...address(target), ...files]);
}

export function echoscu(target: SendTarget): Promise<SendResult> {
  return run('echoscu', ['-v', ...titles(target), ...security(target), ...address(target)]);
}
