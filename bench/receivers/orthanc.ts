import { type OrthancServer, orthancMissing, startOrthanc } from '../../test/support/orthancServer.ts';
import { residentBytes } from '../processTree.ts';
import type { Receiver, ReceiverSetting } from '../receiver.ts';

/** Orthanc with SQLite and without plug-ins. It syncs its files, as it does when nobody says otherwise. */
export function createOrthanc(setting: ReceiverSetting): Receiver & { restUrl(): string } {
  const { transport, directory, pki } = setting;
  let server: OrthancServer | undefined;
  const pids = () => (server ? [server.process.pid] : []);
  return {
    name: 'Orthanc',
    calledAeTitle: 'ORTHANC',
    get port() {
      return server?.dicomPort ?? 0;
    },
    get pids() {
      return pids();
    },
    start: async () => {
      const missing = orthancMissing();
      if (missing) throw new Error(missing);
      server = await startOrthanc({ directory, ...(transport === 'tls' && { tls: pki.server }) });
    },
    stop: async () => server?.stop(),
    rss: () => residentBytes(pids()),
    reset: async () => server?.deleteAll(),
    restUrl: () => server?.url ?? '',
  };
}
