/** Which stores an instance goes to: the configuration's routes, each one that matches. Pure. */
import { priorities } from '../spool/index/deliveryQueue.ts';
import type { RouteInstance } from '../spool/index/instanceIndex.ts';
import type { InstanceMeta } from '../spool/segmentFormat.ts';
import type { Configuration, RouteConfiguration } from './config/configuration.ts';

function matches(route: RouteConfiguration, instance: InstanceMeta): boolean {
  const { peers, modalities, sopClasses } = route.match;
  if (peers && !peers.includes(instance.peer)) return false;
  if (modalities && !(instance.modality !== undefined && modalities.includes(instance.modality))) return false;
  return !sopClasses || sopClasses.includes(instance.sopClassUid);
}

/** The sender's priority, where a route does not say otherwise. */
function priorityOf(instance: InstanceMeta, config: Pick<Configuration, 'peers'>): 'normal' | 'urgent' {
  const named = config.peers.find((peer) => peer.aeTitle === instance.peer);
  return (named ?? config.peers.find((peer) => peer.aeTitle === '*'))?.priority ?? 'normal';
}

export function routing(config: Pick<Configuration, 'peers' | 'routes'>): RouteInstance {
  return (instance) => {
    const targets = new Map<string, number>();
    for (const route of config.routes) {
      if (!matches(route, instance)) continue;
      const priority = priorities[route.priority ?? priorityOf(instance, config)];
      targets.set(route.store, Math.max(priority, targets.get(route.store) ?? 0)); // two routes to one store: once
    }
    return [...targets].map(([store, priority]) => ({ store, priority }));
  };
}
