/** What is allowed but seldom meant. Pure. */
import type { Configuration } from '../../config/configuration.ts';
import { isBound } from '../../peers/peerChecks.ts';
import { type CheckResult, ok, warn } from './result.ts';

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

function listenerResults({ listeners, peers }: Configuration): CheckResult[] {
  if (listeners.length === 0) return [warn('listeners', 'there are none: nobody can send', 'add a listener')];
  const results = listeners.flatMap(({ name, host, plain }): CheckResult[] => {
    if (!plain || isLoopback(host)) return [];
    const hint = 'use TLS, or bind it to 127.0.0.1';
    return [warn(`listeners ${name}`, `plain DICOM on ${host}: anybody on that network can read along`, hint)];
  });
  const pinned = peers.some((peer) => peer.certificateFingerprints !== undefined);
  for (const { name, tls } of listeners) {
    if (!tls?.requireClientCertificate || tls.clientCaFile !== undefined || pinned) continue;
    const hint = 'add clientCaFile, or see who calls with "peers learn" and admit them with "peers add --knock"';
    results.push(warn(`listeners ${name}`, 'knows no sender by any certificate: everybody is refused', hint));
  }
  const tls = listeners.some((listener) => listener.tls);
  for (const peer of peers) {
    if (!isBound(peer) || tls) continue;
    const hint = 'add a TLS listener or remove the fingerprints and subjects';
    results.push(
      warn(`peers ${peer.aeTitle}`, 'needs a certificate, but no listener has TLS: it can never send', hint),
    );
  }
  return results;
}

function peerResults({ peers, listeners }: Configuration): CheckResult[] {
  if (peers.length === 0) return [warn('peers', 'there are none: every association is rejected', 'add the senders')];
  const plain = listeners.some((listener) => listener.plain && !isLoopback(listener.host));
  return peers.flatMap((peer): CheckResult[] => {
    const { aeTitle, addresses, userIdentity } = peer;
    if (addresses || userIdentity || isBound(peer)) return [];
    if (aeTitle === '*') {
      const hint = 'name the senders, or give addresses';
      return [
        warn('peers *', 'anybody who reaches a listener (and has a trusted certificate, over TLS) may send', hint),
      ];
    }
    if (!plain) return [];
    return [warn(`peers ${aeTitle}`, 'over plain DICOM its AE title is all that proves who it is', 'give addresses')];
  });
}

function routeResults({ routes, stores }: Configuration): CheckResult[] {
  if (routes.length === 0)
    return [warn('routes', 'there are none: instances are kept but go nowhere', 'add a store and a route')];
  const used = new Set(routes.map((route) => route.store));
  return stores
    .filter((store) => !used.has(store.name))
    .map((store) => warn(`stores ${store.name}`, 'no route leads to it', 'add a route or remove the store'));
}

function otherResults({ api, stores, limits, spool }: Configuration): CheckResult[] {
  const results: CheckResult[] = [];
  if (api.enabled && !isLoopback(api.host)) {
    results.push(warn('api', `the status page on ${api.host} has no access control`, 'set api.host to 127.0.0.1'));
  }
  for (const store of stores) {
    if (store.type === 's3' && store.endpoint.startsWith('http:') && !isLoopback(new URL(store.endpoint).hostname)) {
      results.push(warn(`stores ${store.name}`, 'http: what is sent can be read on the way', 'use an https endpoint'));
    }
  }
  if (limits.instanceBytes > spool.quota) {
    const hint = 'raise spool.quota or lower limits.instanceBytes';
    results.push(warn('limits.instanceBytes', 'an instance of that size would not fit into spool.quota', hint));
  }
  return results;
}

/** `file` is fine as such; what follows are second thoughts. */
export function checkConfiguration(config: Configuration, file: string): CheckResult[] {
  return [
    ok('configuration', `${file} is sound`),
    ...listenerResults(config),
    ...peerResults(config),
    ...routeResults(config),
    ...otherResults(config),
  ];
}
