/** Which stores get people as they are: what a store may read of receipts about others depends on it. Pure. */
import type { Application } from '../process/application.ts';
import type { RouteConfiguration } from './config/configuration.ts';

/**
 * Whether some route delivers to `store` without de-identification. A route whose application is not known delivers nothing,
 * and does not count.
 */
export function isIdentifiableStore(
  store: string,
  routes: ReadonlyArray<Pick<RouteConfiguration, 'store' | 'application'>>,
  find: (reference: string) => Application | undefined,
): boolean {
  return routes.some((route) => {
    if (route.store !== store) return false;
    if (route.application === undefined) return true;
    const application = find(route.application);
    return application !== undefined && !application.steps.some(({ step }) => step === 'deidentify');
  });
}
