/** Paths in a configuration are relative to the folder of its file. Pure. */
import { resolve } from 'node:path';
import type { ParsedConfiguration } from './schema.ts';

type ParsedListener = ParsedConfiguration['listeners'][number];
type ParsedStore = ParsedConfiguration['stores'][number];

function absoluteListener(listener: ParsedListener, path: (text: string) => string): ParsedListener {
  if (!listener.tls) return listener;
  const { certificateFile, keyFile, clientCaFile } = listener.tls;
  const ca = clientCaFile === undefined ? {} : { clientCaFile: path(clientCaFile) };
  const tls = { ...listener.tls, certificateFile: path(certificateFile), keyFile: path(keyFile), ...ca };
  return { ...listener, tls };
}

function absoluteStore(store: ParsedStore, path: (text: string) => string): ParsedStore {
  if (store.type === 'directory') return { ...store, path: path(store.path) };
  const secret = store.secretAccessKey;
  const secretAccessKey = typeof secret === 'object' && 'file' in secret ? { file: path(secret.file) } : secret;
  return { ...store, secretAccessKey, ...(store.caFile === undefined ? {} : { caFile: path(store.caFile) }) };
}

type WithPaths = {
  stateDirectory?: string;
  listeners?: Array<ParsedListener | undefined>;
  stores?: Array<ParsedStore | undefined>;
};

/** A copy in which every path (`x-path` in the schema) is absolute. Works on a whole configuration and on parts of one. */
export function absolutePaths<T extends WithPaths>(config: T, folder: string): T {
  const path = (text: string) => resolve(folder, text);
  const { stateDirectory, listeners, stores } = config;
  return {
    ...config,
    ...(stateDirectory === undefined ? {} : { stateDirectory: path(stateDirectory) }),
    ...(listeners && { listeners: listeners.map((entry) => entry && absoluteListener(entry, path)) }),
    ...(stores && { stores: stores.map((entry) => entry && absoluteStore(entry, path)) }),
  };
}
