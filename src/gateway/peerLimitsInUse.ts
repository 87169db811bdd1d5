/** The limits that entries of `peers` have of their own, and how many associations are open under each. Pure. */
import type { Configuration } from './config/configuration.ts';
import type { OwnLimits } from './limitFigures.ts';
import { anyPeer } from './peers/peerDirectory.ts';

type Peers = Configuration['peers'];

/** Most associations of one AE title, by the entry whose own limit they come under; undefined: everybody's. */
function mostOpen(peers: Peers, openByTitle: ReadonlyMap<string, number>): Map<string | undefined, number> {
  const entries = new Map(peers.map((peer) => [peer.aeTitle, peer]));
  const most = new Map<string | undefined, number>();
  for (const [aeTitle, open] of openByTitle) {
    const entry = entries.get(aeTitle) ?? entries.get(anyPeer);
    const limitedBy = entry?.limits?.associations === undefined ? undefined : entry.aeTitle;
    most.set(limitedBy, Math.max(most.get(limitedBy) ?? 0, open));
  }
  return most;
}

/** `perPeer`: of the AE title that has most open among those to which `limits.associationsPerPeer` applies. */
export function peerLimitsInUse(
  peers: Peers,
  openByTitle: ReadonlyMap<string, number>,
): { perPeer: number; own: OwnLimits[] } {
  const most = mostOpen(peers, openByTitle);
  const own = peers.flatMap(({ aeTitle, limits }) => {
    if (limits === undefined) return [];
    const inUse = limits.associations === undefined ? {} : { associations: most.get(aeTitle) ?? 0 };
    return [{ entry: aeTitle, values: limits, inUse }];
  });
  return { perPeer: most.get(undefined) ?? 0, own };
}
