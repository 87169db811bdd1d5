/** What the peers send to: the gateway program with a directory store behind it. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LogLine } from '../support/dicomListener.ts';
import type { DicomTls } from '../support/dicomTls.ts';
import { isListening } from '../support/listening.ts';
import { freePorts, startServer, waitUntil } from '../support/serverProcess.ts';
import type { Transport } from './cell.ts';
import { ReceivedFolder } from './receivedFolder.ts';

export const calledAeTitle = 'GATEWAY';

export type Target = {
  ports: Record<Transport, number>;
  /** Where peers that ask for storage commitment have to take the report. */
  reportPort: number;
  received: ReceivedFolder;
  /** For files of the cells; gone with the target. */
  directory: string;
  /** How long what was acknowledged may take until it is in `received`. */
  settleMs: number;
  /** False when the program has ended by itself. */
  isRunning(): boolean;
  /** What it has logged. */
  events(): LogLine[];
  stop(): Promise<void>;
};

/** `open`: anybody may send. `closed`: the peers below, and nobody else. */
export type TargetKind = 'open' | 'closed';

/** Calling AE titles that the configuration knows something about. */
export const peerTitle = {
  /** Ours, between the cells: whether the target still answers. */
  probe: 'STILL_ALIVE',
  /** Reports go to `reportPort`, plain. */
  commitment: 'COMMIT',
  /** Reports go to `reportPort`, over TLS. */
  commitmentOverTls: 'COMMIT_TLS',
  /** Reports go on the association of the request. */
  commitmentSameAssociation: 'COMMIT_SAME',
  /** May have eight unanswered requests. */
  window: 'WINDOW',
  /** Has to give user and passcode. */
  user: 'USER',
  /** Has to show the certificate of `pki.otherClient`. */
  bound: 'BOUND',
} as const;

export const userIdentity = { user: 'interop', passcode: 'a passcode' };

function openPeers(tls: DicomTls, reportPort: number): object[] {
  const { server } = tls.pki;
  const report = { host: '127.0.0.1', port: reportPort };
  const files = { caFile: server.caFile, certificateFile: server.certificateFile, keyFile: server.keyFile };
  return [
    { aeTitle: '*' },
    { aeTitle: peerTitle.commitment, storageCommitment: { report } },
    { aeTitle: peerTitle.commitmentOverTls, storageCommitment: { report: { ...report, tls: files } } },
    { aeTitle: peerTitle.commitmentSameAssociation, storageCommitment: { sameAssociation: true } },
    { aeTitle: peerTitle.window, limits: { operationsWindow: 8 } },
  ];
}

const closedPeers = (tls: DicomTls): object[] => [
  { aeTitle: 'INTEROP' },
  { aeTitle: peerTitle.probe },
  { aeTitle: peerTitle.user, userIdentity },
  { aeTitle: peerTitle.bound, certificateFingerprints: [tls.pki.otherClient.fingerprint] },
];

/** Every JSON value is YAML. */
function configurationText(kind: TargetKind, tls: DicomTls, target: Target): string {
  const { server, caFile } = tls.pki;
  const { ports, directory, reportPort } = target;
  const certificate = { certificateFile: server.certificateFile, keyFile: server.keyFile };
  const host = '127.0.0.1';
  const configuration = {
    site: 'interop',
    aeTitle: calledAeTitle,
    stateDirectory: join(directory, 'state'),
    listeners: [
      { name: 'plain', host, port: ports.plain, plain: true },
      { name: 'tls', host, port: ports.tls, tls: { ...certificate, requireClientCertificate: false } },
      { name: 'mtls', host, port: ports.mtls, tls: { ...certificate, clientCaFile: caFile } },
    ],
    peers: kind === 'open' ? openPeers(tls, reportPort) : closedPeers(tls),
    stores: [{ name: 'store', type: 'directory', path: join(directory, 'store') }],
    routes: [{ name: 'everything', store: 'store' }],
    api: { enabled: false },
    spool: { quota: '1GiB', segmentSize: '32MiB', preallocate: 1, reserve: 0 },
    storageCommitment: { reportRetry: { initial: '1s', cap: '2s' } },
    study: { quietSeconds: 3600 },
  };
  return JSON.stringify(configuration, undefined, 2);
}

function readLog(file: string): LogLine[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.filter((line) => line.startsWith('{') && line.endsWith('}')).map((line) => JSON.parse(line));
}

export async function startTarget(kind: TargetKind, tls: DicomTls): Promise<Target> {
  const directory = mkdtempSync(join(tmpdir(), 'interop-'));
  const [plain = 0, secure = 0, mutual = 0, reportPort = 0] = await freePorts(4);
  const store = join(directory, 'store');
  mkdirSync(store);
  const logFile = join(directory, 'gateway.log');
  const path = join(directory, 'gateway.yaml');
  const target: Target = {
    ports: { plain, tls: secure, mtls: mutual },
    reportPort,
    received: new ReceivedFolder(store),
    directory,
    settleMs: 60_000,
    isRunning: () => running.running,
    events: () => readLog(logFile),
    stop: async () => {
      await running.stop({ graceMs: 20_000 });
      rmSync(directory, { recursive: true, force: true });
    },
  };
  writeFileSync(path, configurationText(kind, tls, target));
  const program = fileURLToPath(new URL('../../bin/medusa-gateway', import.meta.url));
  const running = startServer(program, ['run', '--config', path], { logFile });
  try {
    const listens = async () => {
      if (!running.running) throw new Error('ended');
      return [plain, secure, mutual].every(isListening);
    };
    await waitUntil('the gateway', listens, { explain: running.output });
  } catch (error) {
    await target.stop();
    throw error;
  }
  return target;
}
