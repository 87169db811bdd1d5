/** Paths in a configuration are relative to the folder of its file. Pure. */
import { resolve } from 'node:path';
import type { ParsedConfiguration } from './schema.ts';

type ParsedListener = ParsedConfiguration['listeners'][number];
type ParsedPeer = ParsedConfiguration['peers'][number];
type ParsedStore = ParsedConfiguration['stores'][number];

function absoluteListener(listener: ParsedListener, path: (text: string) => string): ParsedListener {
  if (!listener.tls) return listener;
  const { keyPassphrase, pkcs12Passphrase } = listener.tls;
  const tls: NonNullable<ParsedListener['tls']> = { ...listener.tls };
  for (const key of ['certificateFile', 'keyFile', 'pkcs12File', 'clientCaFile', 'crlFile'] as const) {
    const file = tls[key];
    if (file !== undefined) tls[key] = path(file);
  }
  if (keyPassphrase) tls.keyPassphrase = absoluteSecret(keyPassphrase, path);
  if (pkcs12Passphrase) tls.pkcs12Passphrase = absoluteSecret(pkcs12Passphrase, path);
  return { ...listener, tls };
}

type Secret = Extract<ParsedStore, { type: 's3' }>['secretAccessKey'];

function absoluteSecret(secret: Secret, path: (text: string) => string): Secret {
  return typeof secret === 'object' && 'file' in secret ? { file: path(secret.file) } : secret;
}

function absoluteStore(store: ParsedStore, path: (text: string) => string): ParsedStore {
  if (store.type === 'directory') return { ...store, path: path(store.path) };
  const secretAccessKey = absoluteSecret(store.secretAccessKey, path);
  return { ...store, secretAccessKey, ...(store.caFile === undefined ? {} : { caFile: path(store.caFile) }) };
}

function absolutePeer(peer: ParsedPeer, path: (text: string) => string): ParsedPeer {
  const { userIdentity, storageCommitment } = peer;
  const report = storageCommitment?.report;
  const tls = report?.tls && {
    ...report.tls,
    caFile: path(report.tls.caFile),
    ...(report.tls.certificateFile === undefined ? {} : { certificateFile: path(report.tls.certificateFile) }),
    ...(report.tls.keyFile === undefined ? {} : { keyFile: path(report.tls.keyFile) }),
  };
  return {
    ...peer,
    ...(userIdentity?.passcode && {
      userIdentity: { ...userIdentity, passcode: absoluteSecret(userIdentity.passcode, path) },
    }),
    ...(storageCommitment && tls && { storageCommitment: { ...storageCommitment, report: { ...report, tls } } }),
  };
}

type WithPaths = {
  stateDirectory?: string;
  applications?: ParsedConfiguration['applications'];
  listeners?: Array<ParsedListener | undefined>;
  peers?: Array<ParsedPeer | undefined>;
  stores?: Array<ParsedStore | undefined>;
};

/** A copy in which every path (`x-path` in the schema) is absolute. Works on a whole configuration and on parts of one. */
export function absolutePaths<T extends WithPaths>(config: T, folder: string): T {
  const path = (text: string) => resolve(folder, text);
  const { stateDirectory, applications, listeners, peers, stores } = config;
  return {
    ...config,
    ...(stateDirectory === undefined ? {} : { stateDirectory: path(stateDirectory) }),
    ...(applications?.directory !== undefined && {
      applications: { ...applications, directory: path(applications.directory) },
    }),
    ...(listeners && { listeners: listeners.map((entry) => entry && absoluteListener(entry, path)) }),
    ...(peers && { peers: peers.map((entry) => entry && absolutePeer(entry, path)) }),
    ...(stores && { stores: stores.map((entry) => entry && absoluteStore(entry, path)) }),
  };
}
