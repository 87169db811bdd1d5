/** Routes whose application is not there, or not sound. Pure. */
import { basename, dirname } from 'node:path';
import type { Finding, Problem } from '../../base/yaml/problem.ts';
import type { ApplicationCatalogue } from '../../process/manifest/catalogue.ts';

type NamingRoute = { application?: string | undefined };

export function routeApplicationFindings(
  routes: ReadonlyArray<NamingRoute>,
  catalogue: Pick<ApplicationCatalogue, 'find' | 'explain'>,
): Finding[] {
  return routes.flatMap(({ application }, index): Finding[] => {
    if (application === undefined || catalogue.find(application) !== undefined) return [];
    return [{ path: ['routes', index, 'application'], ...catalogue.explain(application) }];
  });
}

export type UnusableRoute = { route: string; reason: string };

/** Routes that deliver nothing, with the first manifest, and its line, that could not be read. */
export function unusableRoutes(
  routes: ReadonlyArray<NamingRoute & { name: string }>,
  catalogue: Pick<ApplicationCatalogue, 'find' | 'explain' | 'problems'>,
): UnusableRoute[] {
  const name = (reference: string) => reference.split('@')[0];
  return routes.flatMap(({ name: route, application }) => {
    if (application === undefined || catalogue.find(application) !== undefined) return [];
    const isOfIt = ({ file }: Problem) => basename(dirname(file)) === name(application);
    const problem = catalogue.problems.find(isOfIt) ?? catalogue.problems[0];
    const because = problem === undefined ? '' : ` (${problem.file}:${problem.line}: ${problem.message})`;
    return [{ route, reason: `${catalogue.explain(application).message}${because}` }];
  });
}
