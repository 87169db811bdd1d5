/** The configuration in force: that of the start, in which what may change in service has been replaced since. */
import type { Configuration } from './config/configuration.ts';
import { PeerDirectory } from './peers/peerDirectory.ts';

/** Read when a connection or an association begins: what is open goes on under its old terms, or is ended (AdmittedCallers). */
type LivePart = Pick<Configuration, 'aeTitle' | 'peers' | 'limits' | 'log'>;

export class LiveConfiguration {
  #live: LivePart;
  #peers: PeerDirectory;
  /** Always what is in force. Its parts are to be read when they are used, not kept. */
  readonly view: Configuration;

  constructor(started: Configuration) {
    this.#live = started;
    this.#peers = new PeerDirectory(started);
    const live = () => this.#live;
    this.view = {
      ...started,
      get aeTitle() {
        return live().aeTitle;
      },
      get peers() {
        return live().peers;
      },
      get limits() {
        return live().limits;
      },
      get log() {
        return live().log;
      },
    };
  }

  get peers(): PeerDirectory {
    return this.#peers;
  }

  /** Takes on what may change in service; the rest of `next` waits for the next start. */
  apply(next: Configuration): void {
    const { connections, pendingConnections } = this.#live.limits;
    this.#live = {
      aeTitle: next.aeTitle,
      peers: next.peers,
      limits: { ...next.limits, connections, pendingConnections },
      log: next.log,
    };
    this.#peers = new PeerDirectory(this.#live);
  }
}
