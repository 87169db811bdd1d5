import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { writeAllSync } from '../../src/base/durableFile.ts';
import { decodeSegmentHeader, encodeSegmentHeader, segmentHeaderSize } from '../../src/spool/segmentFormat.ts';
import { isListening } from '../../test/support/listening.ts';
import { freePorts, type ServerProcess, startServer, waitUntil } from '../../test/support/serverProcess.ts';
import { residentBytes } from '../processTree.ts';
import type { Receiver, ReceiverSetting } from '../receiver.ts';

const program = new URL('../../bin/medusa-gateway', import.meta.url).pathname;
const entryPoint = new URL('../../src/gateway/main.ts', import.meta.url).pathname;

const segmentSize = 128 * 2 ** 20;

/**
 * Our own gateway. `extra` adds sections to its configuration, as a function when they need its port. With `segments` it is measured as a site runs that has been
 * up for a day: all its segments exist, and are recycled. Without stores nothing is delivered and so nothing would ever be
 * free again; `reset` therefore recycles them by hand, as the gateway itself does when they are delivered: a new generation in
 * each header, and an index that knows nothing of the old one.
 */
export function createGateway(
  setting: ReceiverSetting,
  extra: Record<string, unknown> | ((port: number) => Record<string, unknown>) = {},
  segments?: number,
): Receiver {
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
    ...(segments === undefined ? {} : { spool: { segmentSize, quota: segments * segmentSize, preallocate: segments } }),
    ...(typeof extra === 'function' ? extra(port) : extra),
  });

  const spool = join(directory, 'state', 'spool');

  const run = async () => {
    const file = join(directory, 'gateway.yaml');
    writeFileSync(file, stringify(configuration()));
    const started = startServer(program, ['run', '--config', file], { logFile: join(directory, 'gateway.log') });
    server = started;
    const isUp = async () => !started.running || isListening(port);
    await waitUntil('gateway', isUp, { limitMs: 30_000, explain: started.output });
    if (!started.running) throw new Error(`ended at once: ${started.output()}`);
    const allAllocated = async () => readdirSync(join(spool, 'segments')).length >= (segments ?? 0);
    await waitUntil('its segments', allAllocated, { limitMs: 120_000, explain: started.output });
  };

  const recycle = () => {
    for (const name of readdirSync(spool).filter((entry) => entry.startsWith('index'))) rmSync(join(spool, name));
    for (const name of readdirSync(join(spool, 'segments'))) {
      const fd = openSync(join(spool, 'segments', name), 'r+');
      const block = Buffer.alloc(segmentHeaderSize);
      readSync(fd, block, 0, block.length, 0);
      const header = decodeSegmentHeader(block);
      if (header.kind === 'valid') writeAllSync(fd, encodeSegmentHeader(header.id, header.generation + 1), 0);
      closeSync(fd);
    }
  };

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
      await run();
    },
    stop: async () => server?.stop(),
    rss: () => residentBytes(pids()),
    coldAfterReset: true,
    reset: async () => {
      if (segments === undefined) return;
      await server?.stop();
      recycle();
      await run();
    },
  };
}
