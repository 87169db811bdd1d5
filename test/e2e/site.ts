/** A site for end-to-end tests: the real gateway program in a temporary directory, and a sender. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type SendReport, sendFiles } from '../../src/dicom/scu/sendFiles.ts';
import type { GatewayStatus } from '../../src/web/status.ts';
import { type SyntheticInstance, writeStudy } from '../../synthetic/index.ts';
import { GatewayProcess } from '../support/gatewayProcess.ts';

export type Site = {
  directory: string;
  stateDirectory: string;
  start(): Promise<GatewayProcess>;
  /** Sends by C-STORE to the first listener of the running gateway. */
  send(files: string, options?: { associations?: number; calling?: string }): Promise<SendReport>;
  write(name: string, instances: Iterable<SyntheticInstance>): string;
  log(): string;
  /** Path of a file in a directory store of the site, by the end of its name. */
  stored(store: string): string[];
  remove(): Promise<void>;
};

/** The port in a `host:port`. */
export const portOf = (address: string) => Number(address.slice(address.lastIndexOf(':') + 1));

export type SiteOptions = {
  /** An existing directory to use. */
  stateDirectory?: string;
  /** YAML flow sequences in place of one plain listener, and of anybody as a peer. */
  listeners?: string;
  peers?: string;
  /** In place of the gateway's own program, and variables of its environment. */
  program?: string;
  env?: Record<string, string>;
};

/** `configuration`: YAML after site, stateDirectory, listeners and peers. */
export function createSite(configuration: string, options: SiteOptions = {}): Site {
  const directory = mkdtempSync(join(tmpdir(), 'medusa-e2e-'));
  const stateDirectory = options.stateDirectory ?? join(directory, 'state');
  const config = join(directory, 'gateway.yaml');
  mkdirSync(join(directory, 'store'));
  writeFileSync(
    config,
    `site: e2e
stateDirectory: ${stateDirectory}
listeners: ${options.listeners ?? '[{ name: plain, port: 0, plain: true }]'}
peers: ${options.peers ?? '[{ aeTitle: "*" }]'}
api: { enabled: false }
${configuration}`,
  );
  let gateway: GatewayProcess | undefined;
  return {
    directory,
    stateDirectory,
    async start() {
      gateway = new GatewayProcess({
        ...{ config, stateDirectory, log: join(directory, 'gateway.log') },
        ...(options.program === undefined ? {} : { program: options.program }),
        env: options.env ?? {},
      });
      await gateway.ready();
      return gateway;
    },
    async send(files, { associations = 2, calling = 'E2E' } = {}) {
      if (gateway === undefined) throw new Error('the gateway is not running');
      const { listeners } = await gateway.status();
      return sendFiles({
        host: '127.0.0.1',
        port: portOf(listeners[0]?.address ?? ':0'),
        calledAeTitle: 'MEDUSA',
        callingAeTitle: calling,
        paths: [files],
        associations,
      });
    },
    write(name, instances) {
      const folder = join(directory, name);
      writeStudy(folder, instances);
      return folder;
    },
    log: () => readFileSync(join(directory, 'gateway.log'), 'utf8'),
    stored: (store) =>
      readdirSync(join(directory, store), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && entry.name.endsWith('.dcm'))
        .map((entry) => join(entry.parentPath, entry.name)),
    async remove() {
      if (gateway?.running) await gateway.kill();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Polls the gateway until `met`, and says what it saw last when that does not come. */
export async function until(
  gateway: GatewayProcess,
  met: (status: GatewayStatus) => boolean,
  what: string,
  timeoutMs = 60_000,
): Promise<GatewayStatus> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const status = await gateway.status();
    if (met(status)) return status;
    if (Date.now() > deadline)
      throw new Error(`not ${what} in time: ${JSON.stringify({ ...status, peers: undefined })}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

export const storeOf = (status: GatewayStatus, name: string) => {
  const store = status.stores.find((candidate) => candidate.name === name);
  if (store === undefined) throw new Error(`no store ${name}`);
  return store;
};
