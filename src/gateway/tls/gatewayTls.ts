/** The TLS side of the gateway for its composition root: material for listeners, new files in service, and what expires. */
import { GatewayError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { Listener } from '../../dicom/transport/listener.ts';
import type { TlsMaterial } from '../../dicom/transport/tlsTerminator.ts';
import type { Health } from '../../web/warnings.ts';
import type { ListenerConfiguration } from '../config/configuration.ts';
import { ExpiryWatch } from './expiryWatch.ts';
import { PeerCertificates } from './peerCertificates.ts';
import { type ListenerTls, type LoadedTls, loadTls, tlsDigest } from './tlsFiles.ts';
import { type TlsReloadResult, TlsWatcher } from './tlsWatcher.ts';

/** Reads what the configuration's check has read before. Throws GatewayError `tls.unusable` when it has changed since. */
function mustLoad(name: string, tls: ListenerTls): LoadedTls {
  const { loaded, faults } = loadTls(tls);
  if (loaded) return loaded;
  const [fault] = faults;
  throw new GatewayError(`the TLS files cannot be used: ${fault?.key} ${fault?.message}`, {
    code: 'tls.unusable',
    operation: 'read TLS files',
    subject: `listener ${name}`,
    hint: fault?.hint ?? 'see `medusa-gateway check`',
  });
}

export class GatewayTls {
  readonly #watcher: TlsWatcher;
  readonly #expiry: ExpiryWatch;
  readonly #now: () => number;
  /** Notes the certificates of admitted senders. */
  readonly observer = new PeerCertificates();

  /** `now`: milliseconds since 1970. */
  constructor({ health, log, now }: { health: Health; log: Log; now: () => number }) {
    this.#watcher = new TlsWatcher({ health, log, now });
    this.#expiry = new ExpiryWatch(health);
    this.#now = now;
  }

  /** Makes a listener with its material, and gives it new one when the files change. */
  listener({ name, tls }: ListenerConfiguration, create: (material: TlsMaterial | undefined) => Listener): Listener {
    if (tls === undefined) return create(undefined);
    const digest = tlsDigest(tls); // before reading: a change in between is found at the next look
    const loaded = mustLoad(name, tls);
    const listener = create(loaded.material);
    this.#watcher.add({ name, tls, replace: (material) => listener.replaceTls(material) }, loaded, digest);
    return listener;
  }

  start(): void {
    this.#watcher.start();
  }

  stop(): void {
    this.#watcher.stop();
  }

  /** Reads all TLS files now. */
  async reload(): Promise<TlsReloadResult[]> {
    return this.#watcher.reload();
  }

  /** Raises and clears warnings about what expires. */
  look(): void {
    this.#expiry.look(this.#watcher.inUse, this.observer, this.#now());
  }
}
