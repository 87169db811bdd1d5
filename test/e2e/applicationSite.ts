/** What end-to-end tests of split applications have in common: applications beside a site, and questions about its runs. */
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfiguration } from '../../src/gateway/config/configuration.ts';
import { verifyStore } from '../../src/gateway/verifyTool.ts';
import { askGateway } from '../../src/web/client.ts';
import type { ApplicationStatus, GatewayStatus, RunEntry, RunPage } from '../../src/web/status.ts';
import { fetchText } from '../support/gatewayProcess.ts';
import type { Site } from './site.ts';

/** Files of an application's folder by name; programs may be executed. */
export type ApplicationFolder = Record<string, string>;

/** Below `<site>/apps`, where `applications.directory` of the site should point. */
export function writeApplication(site: Site, folder: string, files: ApplicationFolder): void {
  const directory = join(site.directory, 'apps', folder);
  mkdirSync(directory, { recursive: true });
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(directory, name), content);
    chmodSync(join(directory, name), 0o755);
  }
}

export function appOf({ applications }: GatewayStatus, name: string, version?: string): ApplicationStatus {
  const found = applications.find((one) => one.application === name && (version ?? one.version) === one.version);
  if (found === undefined) throw new Error(`no application ${name}`);
  return found;
}

/** All that was to be run is over, one way or another. */
export const isSettled = ({ applications }: GatewayStatus) =>
  applications.every(({ tasks }) => tasks.gathering + tasks.due === 0);

/** Nothing waits for a store, and every study is complete. */
export const isDelivered = ({ stores, studies }: GatewayStatus) =>
  stores.every(({ queued, inFlight }) => queued + inFlight === 0) && studies.open === 0;

const socketOf = ({ stateDirectory }: Site) => join(stateDirectory, 'api.sock');
const allStates = 'state=gathering&state=due&state=finished&state=skipped&state=quarantined';

/** All runs in these states; without any, simply all. */
export async function runsOf(site: Site, ...states: string[]): Promise<RunEntry[]> {
  const wanted = states.length === 0 ? allStates : states.map((state) => `state=${state}`).join('&');
  const runs: RunEntry[] = [];
  let after = '';
  for (;;) {
    const text = await fetchText(socketOf(site), `/v1/runs?${wanted}&limit=100${after}`);
    const { entries, next } = JSON.parse(text) as RunPage;
    runs.push(...entries);
    if (next === undefined) return runs;
    after = `&after=${next}`;
  }
}

/** One run, with what became of each of its instances. */
export async function runOf(site: Site, id: number): Promise<RunEntry> {
  return JSON.parse(await fetchText(socketOf(site), `/v1/runs/${id}`)) as RunEntry;
}

export async function retryRun(site: Site, id: number): Promise<number> {
  return (await askGateway<{ retried: number }>(socketOf(site), '/v1/runs/retry', { id })).retried;
}

/** Every file of a directory store. */
export function filesIn(site: Site, store: string): string[] {
  return readdirSync(join(site.directory, store), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** What `verify` says of a store of the site. */
export async function proofOf(site: Site, name: string) {
  const loaded = loadConfiguration(join(site.directory, 'gateway.yaml'));
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const store = loaded.config.stores.find((one) => one.name === name);
  if (store === undefined) throw new Error(`no store ${name}`);
  return verifyStore(loaded.config, store, new AbortController().signal);
}
