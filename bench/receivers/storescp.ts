import { type Storescp, startStorescp, storescpMissing } from '../../test/support/dcmtkPeers.ts';
import { residentBytes } from '../processTree.ts';
import type { Receiver, ReceiverSetting } from '../receiver.ts';
import { emptyDirectory, syncFileSystem } from '../storage.ts';

export type StorescpReceiver = Receiver & { receivedDirectory(): string };

/** DCMTK's storescp writes files and never syncs them. */
function createStorescp({ transport, directory, pki }: ReceiverSetting, fork: boolean): StorescpReceiver {
  let server: Storescp | undefined;
  const pids = () => (server ? [server.process.pid] : []);
  return {
    name: fork ? 'storescp --fork' : 'storescp one process',
    calledAeTitle: 'STORESCP',
    get port() {
      return server?.port ?? 0;
    },
    get pids() {
      return pids();
    },
    start: async () => {
      const missing = storescpMissing();
      if (missing) throw new Error(missing);
      server = await startStorescp({ directory, fork, ...(transport === 'tls' && { tls: pki.server }) });
    },
    stop: async () => server?.stop(),
    rss: () => residentBytes(pids()),
    reset: async () => {
      if (server) emptyDirectory(server.receivedDirectory);
    },
    receivedDirectory: () => server?.receivedDirectory ?? '',
    // One sync for all: the cheapest way to make its files durable, and only its files are dirty then (prepareRun).
    ...(fork && { sync: () => syncFileSystem(directory) }),
  };
}

export const createStorescpFork = (setting: ReceiverSetting) => createStorescp(setting, true);
export const createStorescpOneProcess = (setting: ReceiverSetting) => createStorescp(setting, false);
