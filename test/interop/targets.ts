/** What the peers send to: the gateway program with a directory store behind it, or the bare listener. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type LogLine, startListener } from '../support/dicomListener.ts';
import { type DicomTls, makeDicomTls } from '../support/dicomTls.ts';
import { directoryIntake } from '../support/directoryIntake.ts';
import { isListening } from '../support/listening.ts';
import { freePorts, startServer, waitUntil } from '../support/serverProcess.ts';
import { ReceivedFolder } from './receivedFolder.ts';

export const calledAeTitle = 'GATEWAY';

export type Target = {
  plainPort: number;
  tlsPort: number;
  received: ReceivedFolder;
  /** For files of the cell; gone with the target. */
  directory: string;
  /** How long what was acknowledged may take until it is in `received`. */
  settleMs: number;
  /** False when the program has ended by itself. */
  isRunning(): boolean;
  /** What it has logged. */
  events(): LogLine[];
  stop(): Promise<void>;
};

export type TargetKind = 'gateway' | 'listener';

/** Certificates for all targets of a run. */
export const makeTls = (): Promise<DicomTls> => makeDicomTls();

async function startBareListener(tls: DicomTls, directory: string): Promise<Target> {
  const folder = join(directory, 'received');
  const intake = directoryIntake(folder);
  const plain = await startListener({ intake });
  const secure = await startListener({ intake, tls: tls.server });
  return {
    plainPort: plain.port,
    tlsPort: secure.port,
    received: new ReceivedFolder(folder),
    directory,
    settleMs: 0,
    isRunning: () => true,
    events: () => [...plain.lines, ...secure.lines],
    stop: async () => {
      await Promise.all([plain.stop(), secure.stop()]);
    },
  };
}

const yaml = (value: unknown) => JSON.stringify(value);

async function startGateway(tls: DicomTls, directory: string): Promise<Target> {
  const [plainPort = 0, tlsPort = 0] = await freePorts(2);
  const store = join(directory, 'store');
  mkdirSync(store);
  const { server, caFile } = tls.pki;
  // Every JSON value is YAML.
  const configuration = {
    site: 'interop',
    aeTitle: calledAeTitle,
    stateDirectory: join(directory, 'state'),
    listeners: [
      { name: 'plain', host: '127.0.0.1', port: plainPort, plain: true },
      {
        name: 'tls',
        host: '127.0.0.1',
        port: tlsPort,
        tls: { certificateFile: server.certificateFile, keyFile: server.keyFile, clientCaFile: caFile },
      },
    ],
    peers: [{ aeTitle: '*' }],
    stores: [{ name: 'store', type: 'directory', path: store }],
    routes: [{ name: 'everything', store: 'store' }],
    api: { enabled: false },
    spool: { quota: '1GiB', segmentSize: '32MiB', preallocate: 1, reserve: 0 },
    study: { quietSeconds: 3600 },
  };
  const path = join(directory, 'gateway.yaml');
  writeFileSync(path, yaml(configuration));
  const program = fileURLToPath(new URL('../../bin/medusa-gateway', import.meta.url));
  const logFile = join(directory, 'gateway.log');
  const running = startServer(program, ['run', '--config', path], { logFile });
  await waitUntil('gateway', async () => isListening(plainPort) && isListening(tlsPort), { explain: running.output });
  return {
    plainPort,
    tlsPort,
    received: new ReceivedFolder(store),
    directory,
    settleMs: 60_000,
    isRunning: () => running.running,
    events: () =>
      readFileSync(logFile, 'utf8')
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line)),
    stop: () => running.stop({ graceMs: 20_000 }),
  };
}

export async function startTarget(kind: TargetKind, tls: DicomTls): Promise<Target> {
  const directory = mkdtempSync(join(tmpdir(), 'interop-'));
  const target = await (kind === 'gateway' ? startGateway : startBareListener)(tls, directory);
  return {
    ...target,
    stop: async () => {
      await target.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
