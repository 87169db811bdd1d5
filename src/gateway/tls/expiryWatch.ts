/** Raises and clears the warnings about what ends: certificates of listeners, of authorities and of senders, revocation lists. */
import type { X509Certificate } from 'node:crypto';
import { rfc4514 } from '../../dicom/transport/distinguishedName.ts';
import type { Health } from '../../web/warnings.ts';
import { daysLeft, type Expiring, expiryCodes, expiryWarning, listWarning } from './expiry.ts';
import type { PeerCertificates } from './peerCertificates.ts';
import type { LoadedTls } from './tlsFiles.ts';

type InUse = ReadonlyArray<{ listener: string; loaded: LoadedTls }>;

const dateOf = (time: number) => new Date(time).toISOString().slice(0, 10);
const nameOf = (certificate: X509Certificate) => rfc4514(certificate.subject);

function expiringOf(inUse: InUse, peers: PeerCertificates): Expiring[] {
  const found: Expiring[] = [];
  for (const { listener, loaded } of inUse) {
    const [leaf] = loaded.chain;
    if (leaf) {
      const what = `The certificate of listener ${listener}`;
      found.push({ id: `listener ${listener}`, what, endsAt: leaf.validToDate.getTime() });
    }
    for (const authority of loaded.authorities) {
      const what = `The certificate of the authority ${nameOf(authority)} in clientCaFile`;
      found.push({ id: `authority ${authority.fingerprint256}`, what, endsAt: authority.validToDate.getTime() });
    }
  }
  for (const { aeTitle, notAfter } of peers.lastSeen) {
    found.push({ id: `peer ${aeTitle}`, what: `The certificate that sender ${aeTitle} shows`, endsAt: notAfter });
  }
  return found;
}

export class ExpiryWatch {
  readonly #health: Health;
  /** Subjects that a warning may stand for: of those that are gone it has to be cleared. */
  #known = new Set<string>();

  constructor(health: Health) {
    this.#health = health;
  }

  look(inUse: InUse, peers: PeerCertificates, now: number): void {
    const subjects = new Set<string>();
    for (const expiring of expiringOf(inUse, peers)) {
      const { id, what, endsAt } = expiring;
      subjects.add(id);
      const standing = expiryWarning(expiring, now);
      const params = { what, days: daysLeft(endsAt, now), date: dateOf(endsAt) };
      for (const code of expiryCodes) this.#health.set(code === standing, code, params, id);
    }
    for (const { listener, loaded } of inUse) {
      const soonest = loaded.lists
        .filter(({ nextUpdate }) => nextUpdate !== undefined)
        .sort((a, b) => (a.nextUpdate ?? 0) - (b.nextUpdate ?? 0))[0];
      const standing = soonest && listWarning(soonest, now);
      const params = { listener, date: new Date(soonest?.nextUpdate ?? 0).toISOString() };
      this.#health.set(standing === 'tls.crl-expiring', 'tls.crl-expiring', params, listener);
      this.#health.set(standing === 'tls.crl-expired', 'tls.crl-expired', params, listener);
    }
    for (const gone of this.#known) {
      if (subjects.has(gone)) continue;
      for (const code of expiryCodes) this.#health.clear(code, gone);
    }
    this.#known = subjects;
  }
}
