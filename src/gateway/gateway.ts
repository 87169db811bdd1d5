/**
 * The composition root: builds the parts from a configuration, joins them, starts and stops them in order. Nothing else in
 * src/ knows more than its own neighbours.
 */
import { mkdirSync } from 'node:fs';
import { systemClock } from '../base/clock.ts';
import { describeError } from '../base/errors.ts';
import type { Log, LogLevel } from '../base/log.ts';
import { CourierProcess } from '../delivery/courierProcess.ts';
import { Dispatcher } from '../delivery/dispatcher.ts';
import type { KeySpace } from '../delivery/objectKeys.ts';
import { openLedger, type UsableLedger } from '../delivery/openLedger.ts';
import { ProofWriter } from '../delivery/proofWriter.ts';
import { reconcile } from '../delivery/reconcile.ts';
import { loadOrCreateSigningKey, type SigningKey } from '../delivery/signingKey.ts';
import type { ServedAssociation } from '../dicom/services/service.ts';
import { type CommitmentDesk, StorageCommitmentService } from '../dicom/services/storageCommitment.ts';
import { ConnectionGate } from '../dicom/transport/connectionGate.ts';
import { Listener } from '../dicom/transport/listener.ts';
import { systemTimers } from '../dicom/transport/socketTransport.ts';
import { defaultNegotiationPolicy } from '../dicom/upperLayer/negotiation.ts';
import type { ApplicationCatalogue } from '../process/manifest/catalogue.ts';
import type { Spool } from '../spool/spool.ts';
import type { ReloadAnswer } from '../web/peers.ts';
import { type Api, startApi } from '../web/server.ts';
import { Health } from '../web/warnings.ts';
import { applicationsIn } from './applications/catalogueOf.ts';
import { associationEnds } from './associationEnds.ts';
import { openCommitments } from './commitments.ts';
import type { Configuration } from './config/configuration.ts';
import { openDoorLog } from './doorLog.ts';
import { createFrontDoor, type FrontDoor } from './frontDoor.ts';
import { watchHealth } from './health.ts';
import { isIdentifiableStore } from './identifiableStores.ts';
import { type FiguresKeeper, keepFigures, readFigures } from './innerLink/figuresFile.ts';
import { spoolIntake } from './intake.ts';
import { LimitFigures } from './limitFigures.ts';
import { LiveConfiguration } from './liveConfiguration.ts';
import { openTheSpool } from './openTheSpool.ts';
import { knownPeers, PeerRegister } from './peerFigures.ts';
import { observers } from './peers/observers.ts';
import { associationLimits } from './peers/peerTerms.ts';
import { createProcessing, type Processing, type ProcessingParts } from './processing/processing.ts';
import { askedTags } from './routing.ts';
import { statePaths } from './statePaths.ts';
import { statusSource } from './statusSource.ts';
import { GatewayTls } from './tls/gatewayTls.ts';
import { version } from './version.ts';

export type RunningGateway = {
  readonly listeners: ReadonlyArray<{ name: string; port: number; tls: boolean }>;
  readonly pageUrl: string | undefined;
  readonly socketPath: string;
  /** Process id of the courier, for tests that kill it. */
  readonly courierPid: number | undefined;
  /** Reads the configuration file again; what may change in service is in force when it returns. */
  reload(): Promise<ReloadAnswer>;
  /** Lets associations end for at most `graceMs`, then stops everything in order. Nothing acknowledged is lost by it. */
  stop(graceMs: number): Promise<void>;
};

export type RunOptions = {
  log: Log;
  /** The file that the configuration was read from, when it can be read again. */
  configFile?: string;
  setLogLevel?: (level: LogLevel) => void;
  /** Parts of split applications in place of the gateway's own: for tests. */
  processing?: Pick<ProcessingParts, 'gateModule' | 'stepsModule' | 'identities'>;
};

const courierGraceMs = 5_000;

type DoorParts = {
  config: Configuration;
  spool: Spool;
  peers: PeerRegister;
  limits: LimitFigures;
  gate: ConnectionGate;
  door: FrontDoor;
  desk: CommitmentDesk;
  tls: GatewayTls;
  processing: Processing;
  log: Log;
};

/** `config` is in force, not of the start: see LiveConfiguration. */
function createListeners(parts: DoorParts): Listener[] {
  const { config, spool, peers, limits, gate, door, desk, tls, log } = parts;
  const context = {
    // Read for each connection.
    get limits() {
      return associationLimits(config.limits);
    },
    access: door.access,
    negotiation: defaultNegotiationPolicy,
    intake: spoolIntake(spool, log, askedTags(config)),
    services: (association: ServedAssociation) => [new StorageCommitmentService({ ...association, desk })],
    observer: observers(peers, limits, door.observer, tls.observer, associationEndsOf(parts)),
    timers: systemTimers,
    monotonic: () => performance.now(),
    log,
  };
  return config.listeners.map((listener) =>
    tls.listener(
      listener,
      (material) =>
        new Listener({
          name: listener.name,
          host: listener.host,
          port: listener.port,
          tls: material,
          gate,
          clientTrust: door.clientTrust,
          context,
          log,
        }),
    ),
  );
}

function associationEndsOf({ config, spool, processing, log }: DoorParts) {
  const { onAssociationEnd } = config.study;
  const graceMs = onAssociationEnd === 'off' ? undefined : onAssociationEnd * 1000;
  return associationEnds({ spool, graceMs, now: () => Date.now(), onHastened: () => processing.engine.wake(), log });
}

type Delivery = { courier: CourierProcess; dispatcher: Dispatcher; proof: ProofWriter };
type DeliveryParts = {
  spool: Spool;
  ledger: UsableLedger;
  key: SigningKey;
  keySpaces: Map<string, KeySpace>;
  applications: ApplicationCatalogue;
  log: Log;
};

function createDelivery(config: Configuration, parts: DeliveryParts): Delivery {
  const { spool, ledger, key, keySpaces, applications, log } = parts;
  const stores = [...keySpaces].map(([name, keySpace]) => ({ name, keySpace }));
  const courier = new CourierProcess({
    configuration: {
      stores: [...config.stores],
      concurrency: config.delivery.concurrency,
      stateDirectory: statePaths(config.stateDirectory).courier,
    },
    handlers: {
      onReady: () => dispatcher.wake(),
      onConfirmed: (confirmations) => dispatcher.confirmed(confirmations),
      onFailed: (failures) => dispatcher.failed(failures),
      onReturned: (ids) => dispatcher.returned(ids),
    },
    log,
    clock: systemClock,
  });
  const dispatcher: Dispatcher = new Dispatcher({
    spool,
    ledger,
    courier: {
      isReady: () => courier.state === 'ready',
      submit: (jobs) => void courier.send(jobs).catch(() => dispatcher.notTaken(jobs.map((job) => job.id))),
    },
    stores,
    concurrency: config.delivery.concurrency,
    retry: { initialMs: config.delivery.retry.initial, capMs: config.delivery.retry.cap },
    quarantineAfter: config.delivery.quarantineAfter,
    clock: systemClock,
    log,
  });
  const proof = new ProofWriter({
    spool,
    ledger,
    key,
    site: config.site,
    stores,
    isIdentifiable: (store) => isIdentifiableStore(store, config.routes, applications.find),
    quietMs: config.study.quietSeconds * 1000,
    clock: systemClock,
    log,
    onQueued: () => dispatcher.wake(),
  });
  return { courier, dispatcher, proof };
}

/** Starts everything. Rejects, with everything stopped again, when the spool, a listener or the API cannot be had. */
export async function runGateway(started: Configuration, options: RunOptions): Promise<RunningGateway> {
  const { log, configFile } = options;
  const live = new LiveConfiguration(started);
  const config = live.view;
  const paths = statePaths(config.stateDirectory);
  const stops: Array<() => Promise<void> | void> = [];
  const stopAll = async () => {
    for (const stop of stops.reverse()) {
      await Promise.resolve(stop()).catch((error: unknown) => {
        log.error('gateway.stop-failed', `a part did not stop cleanly: ${describeError(error)}`);
      });
    }
  };
  try {
    mkdirSync(paths.courier, { recursive: true, mode: 0o750 });
    const startedAt = Date.now();
    const health = new Health(() => Date.now());
    const applications = applicationsIn(config);
    const spool = openTheSpool(config, log, applications);
    stops.push(() => spool.close());
    const key = loadOrCreateSigningKey(paths.signingKey);
    const indexedSeq = spool.index.getMeta('receipts-indexed') ?? 0;
    const opened = await openLedger({ directory: paths.receipts, site: config.site, key, log }, indexedSeq);
    const { ledger } = opened;
    stops.push(() => ledger.close());
    if (opened.unusable === undefined) await reconcile({ spool, ledger, clock: systemClock, log });
    else health.raise('receipts.unusable', { reason: opened.unusable });
    // The stores put their own prefix before every key.
    const keySpaces = new Map(config.stores.map(({ name }) => [name, { prefix: '', site: config.site }]));
    const { courier, dispatcher, proof } = createDelivery(config, {
      ...{ spool, ledger, key, keySpaces, applications, log },
    });
    const processing = createProcessing({
      ...{ config, spool, applications, log, ...options.processing },
      onResults: () => dispatcher.wake(),
    });
    const saved = readFigures(paths.figures, log);
    const peers = new PeerRegister(() => Date.now(), knownPeers(config.peers), saved?.peers);
    const limits = new LimitFigures(() => Date.now());
    const doorLog = openDoorLog(log);
    stops.push(() => doorLog.stop());
    const tls = new GatewayTls({ health, log, now: () => Date.now() });
    const door = createFrontDoor({
      started,
      live,
      counts: peers,
      spoolRefusal: () => spool.refusal,
      configFile,
      health,
      log,
      afterReload: [
        ({ log: { level } }) => options.setLogLevel?.(level),
        (changed) => peers.meet(knownPeers(changed.peers)),
      ],
      reloadTls: () => tls.reload(),
    });
    stops.push(() => door.stop());
    const commitments = await openCommitments({ config, peers: () => live.peers, spool, log });
    stops.push(() => commitments.stop());
    const monotonic = () => performance.now();
    const gate = new ConnectionGate({ limits: config.limits, timers: systemTimers, monotonic });
    const doorParts = {
      config,
      spool,
      peers,
      limits,
      gate,
      door,
      desk: commitments,
      tls,
      processing,
      log: doorLog.log,
    };
    const listeners = createListeners(doorParts);
    tls.start();
    stops.push(() => tls.stop());
    let api: Api | undefined;
    const watch = watchHealth({
      ...{ config, spool, dispatcher, health, courier, limits, commitments, processing, log },
      lookAtTls: () => tls.look(),
    });
    const parts = {
      config,
      startedAt,
      spool,
      ledger,
      dispatcher,
      listeners,
      peers,
      limits,
      gate,
      commitments,
      processing,
      health,
      keySpaces,
      refreshHealth: () => watch.look(),
      pageUrl: () => api?.pageUrl,
      now: () => Date.now(),
    };
    stops.push(() => watch.stop());
    const startedApi = await startApi({
      socketPath: paths.socket,
      tcp: config.api.enabled ? { host: config.api.host, port: config.api.port } : undefined,
      sources: statusSource(parts, door.sources),
      log,
    });
    api = startedApi;
    stops.push(() => startedApi.stop());
    // Without receipts nothing may be delivered; what comes in is kept until they can be written again.
    if (opened.unusable === undefined) courier.start();
    dispatcher.start();
    stops.push(async () => {
      // What the courier still confirms in its grace gets its receipt.
      dispatcher.stopGiving();
      await courier.stop(courierGraceMs);
      await dispatcher.stop();
    });
    processing.start();
    stops.push(() => processing.stop());
    if (opened.unusable === undefined) proof.start();
    stops.push(() => proof.stop());
    commitments.start();
    let keeper: FiguresKeeper | undefined;
    stops.push(() => keeper?.stop());
    let grace = 0;
    for (const listener of listeners) {
      await listener.listen();
      stops.push(() => listener.stop(grace));
      log.info('listener.listening', `listening for ${listener.isTls ? 'DICOM over TLS' : 'plain DICOM'}`, {
        listener: listener.name,
        address: listener.address,
      });
    }
    keeper = keepFigures({
      ...{ path: paths.figures, register: peers, downSince: saved?.savedAt, now: () => Date.now(), log },
      isListening: () => listeners.some((listener) => listener.port !== 0),
    });
    log.info('gateway.started', 'the gateway is up', { version, site: config.site, pid: process.pid });
    return {
      listeners: listeners.map(({ name, port, isTls }) => ({ name, port, tls: isTls })),
      pageUrl: startedApi.pageUrl,
      socketPath: startedApi.socketPath,
      get courierPid() {
        return courier.pid;
      },
      reload: () => door.reload(),
      async stop(graceMs) {
        grace = graceMs;
        health.raise('gateway.stopping', {});
        log.info('gateway.stopping', 'the gateway is stopping: no new associations, open ones may end', { graceMs });
        await stopAll();
        log.info('gateway.stopped', 'the gateway has stopped');
      },
    };
  } catch (error) {
    await stopAll();
    throw error;
  }
}
