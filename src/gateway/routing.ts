/** Where an instance goes: the configuration's routes, each one that matches. Pure. */
import { RE2JS } from 're2js';
import { priorities } from '../spool/index/deliveryQueue.ts';
import type { RouteInstance } from '../spool/index/instanceIndex.ts';
import type { InstanceMeta } from '../spool/segmentFormat.ts';
import type { ApplicationTarget, RouteTarget } from '../spool/work/workTypes.ts';
import type { Configuration, RouteConfiguration } from './config/configuration.ts';

type RoutingConfiguration = Pick<Configuration, 'peers' | 'routes' | 'study'>;
type RouteTagTest = NonNullable<RouteConfiguration['match']['tags']>[number];

/** The application that a route names; undefined while its manifest cannot be used. */
export type ApplicationLookup = (
  reference: string,
) => { name: string; version: string; scope: ApplicationTarget['scope'] } | undefined;

/** Number of Study Related Instances, Number of Series Related Instances: what the sender says it has in all. */
const expectedTags = { study: '00201208', series: '00201209', instance: undefined } as const;

/** Tags whose values routing wants to know of each instance. */
export function askedTags({ routes }: Pick<Configuration, 'routes'>): Set<number> {
  const tags = routes.flatMap((route) => (route.match.tags ?? []).map(({ tag }) => tag));
  if (routes.some((route) => route.application !== undefined)) tags.push(expectedTags.study, expectedTags.series);
  return new Set(tags.map((tag) => Number.parseInt(tag, 16)));
}

const folded = (text: string) => text.trim().toLowerCase();

/** An instance passes when all tests hold; `values` are those of one attribute. */
function tagCheck({ tag, equals, contains, matches, present }: RouteTagTest): (instance: InstanceMeta) => boolean {
  const tests: Array<(value: string) => boolean> = [];
  if (equals !== undefined) tests.push((value) => folded(value) === folded(equals));
  if (contains !== undefined) tests.push((value) => folded(value).includes(folded(contains)));
  if (matches !== undefined) {
    // Values are a stranger's, and what a route means must not depend on how busy the machine is: no backtracking.
    const pattern = RE2JS.compile(matches, RE2JS.CASE_INSENSITIVE);
    tests.push((value) => pattern.matcher(value).find());
  }
  return ({ routeTags }) => {
    const text = routeTags?.[tag] ?? '';
    if (present !== undefined && present !== (text !== '')) return false;
    if (tests.length === 0) return true;
    const values = text === '' ? [] : text.split('\\');
    return tests.every((holds) => values.some(holds));
  };
}

function matchOf(route: RouteConfiguration): (instance: InstanceMeta) => boolean {
  const { peers, modalities, sopClasses, tags } = route.match;
  const checks = (tags ?? []).map(tagCheck);
  return (instance) => {
    if (peers && !peers.includes(instance.peer)) return false;
    if (modalities && !(instance.modality !== undefined && modalities.includes(instance.modality))) return false;
    if (sopClasses && !sopClasses.includes(instance.sopClassUid)) return false;
    return checks.every((holds) => holds(instance));
  };
}

/** The sender's priority, where a route does not say otherwise. */
function priorityOf(instance: InstanceMeta, config: Pick<Configuration, 'peers'>): 'normal' | 'urgent' {
  const named = config.peers.find((peer) => peer.aeTitle === instance.peer);
  return (named ?? config.peers.find((peer) => peer.aeTitle === '*'))?.priority ?? 'normal';
}

function expectedOf(instance: InstanceMeta, scope: ApplicationTarget['scope']): number | undefined {
  const tag = expectedTags[scope];
  const text = (tag && instance.routeTags?.[tag]) ?? '';
  return /^\d{1,7}$/.test(text) && Number(text) > 0 ? Number(text) : undefined;
}

type PreparedRoute = {
  route: RouteConfiguration;
  matches(instance: InstanceMeta): boolean;
  application: ReturnType<ApplicationLookup>;
};

/**
 * An instance that matches a route whose application `find` does not know is kept, with no target at all: it must not go
 * anywhere as it is, and an instance that another route has taken would not be routed again once the application is there.
 */
export function routing(config: RoutingConfiguration, find: ApplicationLookup = () => undefined): RouteInstance {
  const prepared = config.routes.map((route): PreparedRoute => {
    const application = route.application === undefined ? undefined : find(route.application);
    return { route, matches: matchOf(route), application };
  });
  return (instance) => {
    const stores = new Map<string, number>();
    const targets: RouteTarget[] = [];
    for (const { route, matches, application } of prepared) {
      if (!matches(instance)) continue;
      if (route.application !== undefined && application === undefined) return [];
      const priority = priorities[route.priority ?? priorityOf(instance, config)];
      if (application === undefined) {
        stores.set(route.store, Math.max(priority, stores.get(route.store) ?? 0)); // two routes to one store: once
        continue;
      }
      const { name, version, scope } = application;
      const quietMs = Math.round((route.quietSeconds ?? config.study.quietSeconds) * 1000);
      const expected = expectedOf(instance, scope);
      const target = { route: route.name, name, version, scope, quietMs };
      targets.push({
        store: route.store,
        priority,
        application: expected === undefined ? target : { ...target, expected },
      });
    }
    return [...[...stores].map(([store, priority]) => ({ store, priority })), ...targets];
  };
}
