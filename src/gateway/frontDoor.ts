/** Who may come in, who knocked, and how a changed configuration is taken on: the parts behind it, joined. */
import type { Log } from '../base/log.ts';
import type { AssociationObserver } from '../dicom/services/acceptedAssociation.ts';
import type { AccessPolicy } from '../dicom/services/access.ts';
import type { ClientTrust } from '../dicom/transport/clientTrust.ts';
import type { PeersAnswer, ReloadAnswer } from '../web/peers.ts';
import type { Health } from '../web/warnings.ts';
import type { Configuration } from './config/configuration.ts';
import type { LiveConfiguration } from './liveConfiguration.ts';
import { type AssociationCounts, accessPolicy } from './peers/accessPolicy.ts';
import { AdmittedCallers } from './peers/admittedCallers.ts';
import { clientTrust } from './peers/clientTrust.ts';
import { KnockBook } from './peers/knocks.ts';
import { LearnMode } from './peers/learnMode.ts';
import { knockObserver, observers } from './peers/observers.ts';
import { entrance } from './peers/peerChecks.ts';
import { reloadConfiguration } from './reload.ts';
import type { FrontDoorSources } from './statusSource.ts';

export type FrontDoor = {
  access: AccessPolicy;
  clientTrust: ClientTrust;
  /** Notes who is rejected, and who is in. */
  observer: AssociationObserver;
  sources: FrontDoorSources;
  reload(): Promise<ReloadAnswer>;
  stop(): void;
};

export type FrontDoorParts = {
  started: Configuration;
  live: LiveConfiguration;
  counts: AssociationCounts;
  spoolRefusal(): string | undefined;
  /** Where the configuration came from; without it there is nothing to read again. */
  configFile: string | undefined;
  health: Health;
  log: Log;
  /** Told of the configuration in force after each reload. */
  afterReload: ReadonlyArray<(config: Configuration) => void>;
  reloadTls(): Promise<ReloadAnswer['tls']>;
};

export function createFrontDoor(parts: FrontDoorParts): FrontDoor {
  const { started, live, configFile, health, log } = parts;
  const knocks = new KnockBook(() => Date.now());
  const learnMode = new LearnMode({ health, log });
  const learning = () => (learnMode.until === undefined ? {} : { learningUntil: learnMode.until });
  const lookAtPeers = () => health.set(live.view.peers.length === 0, 'peers.none', {});
  const reload = async (): Promise<ReloadAnswer> => {
    if (configFile === undefined) return nothingToRead;
    const afterwards = [lookAtPeers, () => void admitted.review(), ...parts.afterReload];
    return reloadConfiguration({
      started,
      live,
      file: configFile,
      health,
      log,
      afterwards,
      reloadTls: parts.reloadTls,
    });
  };
  const policy = accessPolicy({
    peers: () => live.peers,
    entrances: started.listeners.map(entrance),
    counts: parts.counts,
    spoolRefusal: parts.spoolRefusal,
    ...(configFile === undefined ? {} : { configFile }),
  });
  const admitted = new AdmittedCallers(policy);
  return {
    access: admitted.access,
    clientTrust: clientTrust(() => live.peers, learnMode),
    observer: observers(knockObserver(knocks), admitted.observer),
    sources: {
      peers: (): PeersAnswer => ({ knocks: knocks.all, ...learning() }),
      learn: (request) => {
        if ('off' in request) learnMode.stop('it was ended by hand');
        else learnMode.start(request.forMs);
        return learning();
      },
      reload,
    },
    reload,
    stop: () => learnMode.stop('the gateway is stopping'),
  };
}

const nothingToRead: ReloadAnswer = {
  file: '',
  reloaded: false,
  problems: [{ line: 0, column: 0, key: '', message: 'this gateway was not started from a configuration file' }],
  applied: [],
  needRestart: [],
  tls: [],
};
