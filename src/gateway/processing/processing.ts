/** Joins split applications: catalogue, site keys, threads, sandbox, scanner and engine, as the configuration has them. */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { systemClock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import { Engine } from '../../process/engine/engine.ts';
import { deidentifies, runApplication } from '../../process/engine/runApplication.ts';
import { WorkerPool } from '../../process/engine/workerPool.ts';
import { openSiteKeys, type SiteKeys } from '../../process/identity/siteKeys.ts';
import type { ApplicationCatalogue } from '../../process/manifest/catalogue.ts';
import type { Spool } from '../../spool/spool.ts';
import { conformanceGate } from '../applications/conformanceGate.ts';
import type { Configuration } from '../config/configuration.ts';
import { statePaths } from '../statePaths.ts';
import { type IdentityKeeper, siteIdentityKeeper } from './identityKeeper.ts';
import { SandboxOnDemand } from './sandboxOnDemand.ts';
import { scannerSettings } from './scannerSettings.ts';

export type ProcessingParts = {
  config: Configuration;
  spool: Spool;
  applications: ApplicationCatalogue;
  /** There are new deliveries. */
  onResults(): void;
  log: Log;
  /** In place of the gateway's own: for tests. */
  gateModule?: string;
  stepsModule?: string;
  identities?: IdentityKeeper;
};

export type Infection = { application: string; sopInstanceUid: string; finding: string; at: number };

export type Processing = {
  readonly applications: ApplicationCatalogue;
  readonly engine: Engine;
  readonly sandbox: SandboxOnDemand;
  /** Since the start. */
  readonly infections: { count: number; last: Infection | undefined };
  start(): void;
  stop(): Promise<void>;
};

export function createProcessing(parts: ProcessingParts): Processing {
  const { config, spool, applications, log } = parts;
  const { workers, concurrency, memoryPerInstance, wallPerInstance, retry, quarantineAfter } = config.processing;
  const paths = statePaths(config.stateDirectory);
  const gateModule = parts.gateModule ?? conformanceGate();
  const pool = new WorkerPool({
    ...{ workers, memoryPerInstance, wallPerInstance, log, gateModule },
    ...(parts.stepsModule === undefined ? {} : { stepsModule: parts.stepsModule }),
  });
  const sandbox = new SandboxOnDemand({
    ...{ workDirectory: paths.sandbox, hidden: [config.stateDirectory], log, now: systemClock.now },
  });
  const scanner = scannerSettings(config.processing.scanner);
  const siteKeys = keysOnDemand(paths.deidentificationKey, applications);
  const identities = parts.identities ?? siteIdentityKeeper(paths.identityMap, () => siteKeys()?.identityMap);
  const infections: Processing['infections'] = { count: 0, last: undefined };
  const engine = new Engine({
    ...{ spool, concurrency, quarantineAfter, log, clock: systemClock, lastWords: paths.lastWords },
    retry: { initialMs: retry.initial, capMs: retry.cap },
    find: (reference) => applications.find(reference),
    run: (request) => runApplication(request, { pool, sandbox: () => sandbox.get(), scanner, now: systemClock.now }),
    keys: () => siteKeys()?.deidentification,
    remember: (found) => identities.remember(found),
    onInfected: ({ sopInstanceUid, finding }, { application, study }) => {
      infections.count += 1;
      infections.last = { application, sopInstanceUid, finding, at: systemClock.now() };
      const message = `SECURITY: the malware scanner found something; the instance is in quarantine: ${finding}`;
      log.error('security.malware', message, { application, study, sopInstanceUid });
    },
    onResults: parts.onResults,
  });
  return {
    ...{ applications, engine, sandbox, infections },
    start() {
      spool.onIndexed(() => engine.wake());
      if (needsSandbox(config, applications)) void sandbox.get();
      engine.start();
    },
    async stop() {
      await engine.stop();
      await pool.stop();
      await sandbox.close();
      identities.close();
    },
  };
}

/** Only where something de-identifies: nobody else needs a key that must never be lost. */
function keysOnDemand(path: string, { applications }: ApplicationCatalogue): () => SiteKeys | undefined {
  if (!applications.some((application) => deidentifies({ application }))) return () => undefined;
  mkdirSync(dirname(path), { recursive: true, mode: 0o750 });
  const keys = openSiteKeys(path);
  return () => keys;
}

const needsSandbox = ({ routes }: Configuration, { find }: ApplicationCatalogue) =>
  routes.some(({ application }) => application !== undefined && find(application)?.command !== undefined);
