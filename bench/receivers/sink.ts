import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ServerProcess, startServer, waitUntil } from '../../test/support/serverProcess.ts';
import { loadgenPath, tlsArguments } from '../loadgen.ts';
import { residentBytes } from '../processTree.ts';
import type { CreateReceiver, Receiver, ReceiverSetting } from '../receiver.ts';

/** The null sink: answers Success and keeps nothing. What the sender reaches against it bounds what it can reach at all. */
export const createSink: CreateReceiver = (setting) => createAnsweringSink(setting, '0000');

/** The same, with another status (four hexadecimal digits) for every C-STORE. */
export function createAnsweringSink({ transport, directory, pki }: ReceiverSetting, status: string): Receiver {
  let server: ServerProcess | undefined;
  let port = 0;
  return {
    name: 'null sink',
    calledAeTitle: 'SINK',
    get port() {
      return port;
    },
    get pids() {
      return server ? [server.pid] : [];
    },
    start: async () => {
      mkdirSync(directory, { recursive: true });
      const logFile = join(directory, 'sink.log');
      server = startServer(
        loadgenPath(),
        ['--sink', '--status', status, ...(transport === 'tls' ? tlsArguments(pki.server) : [])],
        {
          logFile,
        },
      );
      const listening = () => /"listening":(\d+)/.exec(existsSync(logFile) ? readFileSync(logFile, 'utf8') : '');
      await waitUntil('null sink', async () => listening() !== null, { limitMs: 10_000 });
      port = Number(listening()?.[1]);
    },
    stop: async () => server?.stop(),
    rss: () => residentBytes(server ? [server.pid] : []),
    reset: async () => {},
  };
}
