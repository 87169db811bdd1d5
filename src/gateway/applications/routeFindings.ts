/** Routes whose application is not there, or not sound. Pure. */
import type { Finding } from '../../base/yaml/problem.ts';
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
