import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { isListening } from '../../test/support/listening.ts';
import { freePorts, type ServerProcess, startServer, waitUntil } from '../../test/support/serverProcess.ts';
import { residentBytes } from '../processTree.ts';
import type { Receiver, ReceiverSetting } from '../receiver.ts';

const program = new URL('../../bin/medusa-gateway', import.meta.url).pathname;
const entryPoint = new URL('../../src/gateway/main.ts', import.meta.url).pathname;

/**
 * Our own gateway. Without stores nothing is delivered, so what is measured is reception alone; its segments then are
 * never free again, and new ones are allocated while it receives. `extra` adds sections to its configuration.
 */
export function createGateway(setting: ReceiverSetting, extra: Record<string, unknown> = {}): Receiver {
  const { transport, directory, pki } = setting;
  let server: ServerProcess | undefined;
  let port = 0;
  const pids = () => (server ? [server.pid] : []);

  const configuration = () => ({
    site: 'bench',
    aeTitle: 'MEDUSA',
    stateDirectory: join(directory, 'state'),
    listeners: [
      {
        name: transport,
        host: '127.0.0.1',
        port,
        ...(transport === 'tls'
          ? {
              tls: {
                certificateFile: pki.server.certificateFile,
                keyFile: pki.server.keyFile,
                clientCaFile: pki.caFile,
              },
            }
          : { plain: true }),
      },
    ],
    peers: [{ aeTitle: '*' }],
    api: { enabled: false },
    log: { level: 'warn' },
    ...extra,
  });

  return {
    name: 'gateway',
    calledAeTitle: 'MEDUSA',
    get port() {
      return port;
    },
    get pids() {
      return pids();
    },
    start: async () => {
      if (!existsSync(entryPoint)) throw new Error('src/gateway/main.ts is not there');
      [port = 0] = await freePorts(1);
      mkdirSync(join(directory, 'state'), { recursive: true, mode: 0o750 });
      const file = join(directory, 'gateway.yaml');
      writeFileSync(file, stringify(configuration()));
      const started = startServer(program, ['run', '--config', file], { logFile: join(directory, 'gateway.log') });
      server = started;
      const isUp = async () => !started.running || isListening(port);
      await waitUntil('gateway', isUp, { limitMs: 30_000, explain: started.output });
      if (!started.running) throw new Error(`ended at once: ${started.output()}`);
    },
    stop: async () => server?.stop(),
    rss: () => residentBytes(pids()),
    reset: async () => {},
  };
}
