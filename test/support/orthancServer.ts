/** Orthanc, with SQLite and without plug-ins, as a receiver and as a sender. On loopback, settings as they come. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CertificateFiles } from './certificates.ts';
import { maxPduLength } from './dcmtkPeers.ts';
import { missingPackages } from './debianPackages.ts';
import { isListening } from './listening.ts';
import { compilerMissing, loopbackEnvironment } from './nativeBuild.ts';
import { freePorts, type ServerProcess, startServer, waitUntil } from './serverProcess.ts';

/** Why it cannot be run here; undefined when it can. */
export function orthancMissing(): string | undefined {
  return missingPackages([{ program: 'Orthanc', package: 'orthanc' }]) ?? compilerMissing();
}

export type OrthancOptions = {
  /** For its storage, index, configuration and log. */
  directory: string;
  aeTitle?: string;
  /** Where it listens for DICOM; default any free port. */
  dicomPort?: number;
  /** Its certificate and whom it trusts. Its DICOM server then speaks TLS only. */
  tls?: CertificateFiles;
  /** Keys of its configuration file that are added or replaced. */
  configuration?: Record<string, unknown>;
};

export type Modality = { aeTitle: string; port: number; tls: boolean };

export type OrthancServer = {
  dicomPort: number;
  /** REST API, without a slash at the end. */
  url: string;
  process: ServerProcess;
  rest(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown): Promise<unknown>;
  /** Imports a Part 10 file and answers Orthanc's identifier of the instance. */
  importFile(path: string): Promise<string>;
  /** Names a peer that Orthanc can send to. */
  addModality(name: string, modality: Modality): Promise<void>;
  /** C-ECHO and C-STORE to a named peer; throw when they fail. */
  echo(name: string): Promise<void>;
  store(name: string, instanceIds: string[]): Promise<void>;
  instanceIds(): Promise<string[]>;
  /** The Part 10 file of an instance. */
  file(instanceId: string): Promise<Buffer>;
  deleteAll(): Promise<void>;
  stop(): Promise<void>;
};

function configurationOf(options: OrthancOptions, dicomPort: number, httpPort: number): Record<string, unknown> {
  const { directory, tls } = options;
  return {
    Name: 'orthanc',
    StorageDirectory: join(directory, 'storage'),
    IndexDirectory: join(directory, 'index'),
    Plugins: [],
    DicomAet: options.aeTitle ?? 'ORTHANC',
    DicomPort: dicomPort,
    HttpPort: httpPort,
    RemoteAccessAllowed: false,
    AuthenticationEnabled: false,
    UnknownSopClassAccepted: true,
    MaximumPduLength: maxPduLength,
    DicomTlsEnabled: tls !== undefined,
    // As a client it uses them too.
    ...(tls && {
      DicomTlsCertificate: tls.certificateFile,
      DicomTlsPrivateKey: tls.keyFile,
      DicomTlsTrustedCertificates: tls.caFile,
      DicomTlsRemoteCertificateRequired: true,
    }),
    ...options.configuration,
  };
}

async function request(url: string, method: string, body?: RequestInit['body']): Promise<Response> {
  const response = await fetch(url, { method, ...(body !== undefined && { body }) });
  if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${await response.text()}`);
  return response;
}

export async function startOrthanc(options: OrthancOptions): Promise<OrthancServer> {
  mkdirSync(options.directory, { recursive: true });
  const [freePort = 0, httpPort = 0] = await freePorts(2);
  const dicomPort = options.dicomPort ?? freePort;
  const configurationFile = join(options.directory, 'orthanc.json');
  writeFileSync(configurationFile, JSON.stringify(configurationOf(options, dicomPort, httpPort), undefined, 2));
  const logFile = join(options.directory, 'orthanc.log');
  const process = startServer('Orthanc', [configurationFile], { logFile, env: loopbackEnvironment() });
  const url = `http://127.0.0.1:${httpPort}`;
  const isReady = async () => isListening(dicomPort) && isListening(httpPort);
  await waitUntil('Orthanc', isReady, { explain: process.output });

  const rest: OrthancServer['rest'] = async (method, path, body) => {
    const response = await request(`${url}${path}`, method, body === undefined ? undefined : JSON.stringify(body));
    const text = await response.text();
    return text === '' ? undefined : JSON.parse(text);
  };
  return {
    dicomPort,
    url,
    process,
    rest,
    importFile: async (path) => {
      const response = await request(`${url}/instances`, 'POST', new Uint8Array(readFileSync(path)));
      const answer = (await response.json()) as { ID: string };
      return answer.ID;
    },
    addModality: async (name, { aeTitle, port, tls }) => {
      await rest('PUT', `/modalities/${name}`, { AET: aeTitle, Host: '127.0.0.1', Port: port, UseDicomTls: tls });
    },
    echo: async (name) => void (await rest('POST', `/modalities/${name}/echo`, {})),
    store: async (name, instanceIds) => void (await rest('POST', `/modalities/${name}/store`, instanceIds)),
    instanceIds: async () => (await rest('GET', '/instances')) as string[],
    file: async (id) => Buffer.from(await (await request(`${url}/instances/${id}/file`, 'GET')).arrayBuffer()),
    deleteAll: async () => {
      const patients = (await rest('GET', '/patients')) as string[];
      for (const patient of patients) await rest('DELETE', `/patients/${patient}`);
    },
    stop: () => process.stop(),
  };
}
