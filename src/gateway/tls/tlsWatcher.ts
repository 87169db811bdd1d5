/**
 * Takes on new content of the TLS files while the gateway runs. Files are compared by their content every few seconds, so
 * renames, symbolic links and rewrites in place are all the same to it; what is still being written is left until it
 * has come to rest. What does not fit together or is out of date changes nothing, and stands as a warning.
 */
import type { X509Certificate } from 'node:crypto';
import { describeError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { TlsMaterial } from '../../dicom/transport/tlsTerminator.ts';
import type { Health } from '../../web/warnings.ts';
import { type ListenerTls, type LoadedTls, loadTls, outOfDate, type TlsFault, tlsDigest } from './tlsFiles.ts';

const intervalMs = 2_000;

export type WatchedListener = {
  name: string;
  tls: ListenerTls;
  /** Takes new material into use, for connections from now on; throws what OpenSSL says of it. */
  replace(material: TlsMaterial): void;
};

export type TlsReloadResult =
  | { listener: string; state: 'unchanged' }
  | { listener: string; state: 'reloaded'; fingerprint: string; validTo: Date }
  | { listener: string; state: 'failed'; problem: string };

type Watched = WatchedListener & {
  loaded: LoadedTls;
  /** Of the files when they were last taken, or tried. */
  tried: string;
  seen: string;
  failed: boolean;
};

const text = ({ key, message, hint }: TlsFault) => `${key}: ${message}${hint === undefined ? '' : `; ${hint}`}`;
const fingerprintOf = (certificate: X509Certificate | undefined) =>
  (certificate?.fingerprint256 ?? '').replaceAll(':', '').toLowerCase();

export class TlsWatcher {
  readonly #health: Health;
  readonly #log: Log;
  readonly #now: () => number;
  readonly #watched: Watched[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: { health: Health; log: Log; now: () => number }) {
    this.#health = parts.health;
    this.#log = parts.log;
    this.#now = parts.now;
  }

  /** `loaded`: what the listener was made with, read when the files had this `digest`. */
  add(listener: WatchedListener, loaded: LoadedTls, digest: string): void {
    this.#watched.push({ ...listener, loaded, tried: digest, seen: digest, failed: false });
  }

  /** What each listener uses now. */
  get inUse(): ReadonlyArray<{ listener: string; loaded: LoadedTls }> {
    return this.#watched.map(({ name, loaded }) => ({ listener: name, loaded }));
  }

  start(): void {
    this.#timer = setInterval(() => this.look(), intervalMs);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** One look: what has changed and been the same at two looks is taken on. */
  look(): void {
    for (const watched of this.#watched) {
      const digest = tlsDigest(watched.tls);
      const atRest = digest === watched.seen;
      watched.seen = digest;
      if (atRest && digest !== watched.tried) this.#reload(watched, digest);
    }
  }

  /** Reads all files at once, whether they have come to rest or not. */
  reload(): TlsReloadResult[] {
    return this.#watched.map((watched) => {
      const digest = tlsDigest(watched.tls);
      watched.seen = digest;
      return this.#reload(watched, digest);
    });
  }

  #reload(watched: Watched, digest: string): TlsReloadResult {
    const { name: listener, tls } = watched;
    if (digest === watched.tried && !watched.failed) return { listener, state: 'unchanged' };
    watched.tried = digest;
    const { loaded, faults } = loadTls(tls);
    const problem = loaded ? outOfDate(loaded, this.#now()) : faults.map(text).join('; ');
    if (loaded === undefined || problem !== undefined) return this.#failed(watched, problem ?? 'nothing was read');
    try {
      watched.replace(loaded.material);
    } catch (error) {
      return this.#failed(watched, describeError(error));
    }
    watched.loaded = loaded;
    this.#health.clear('tls.reload-failed', listener);
    watched.failed = false;
    const [leaf] = loaded.chain;
    const fingerprint = fingerprintOf(leaf);
    const validTo = leaf?.validToDate ?? new Date(0);
    const message = 'the TLS files have changed and are in use; open associations go on';
    this.#log.info('tls.reloaded', message, { listener, fingerprint, validTo: validTo.toISOString() });
    return { listener, state: 'reloaded', fingerprint, validTo };
  }

  #failed(watched: Watched, problem: string): TlsReloadResult {
    const { name: listener } = watched;
    watched.failed = true;
    this.#health.raise('tls.reload-failed', { listener, problem }, listener);
    const message = `the TLS files have changed, but are not used: ${problem}; what was read before stays in use`;
    this.#log.error('tls.reload-failed', message, { listener });
    return { listener, state: 'failed', problem };
  }
}
