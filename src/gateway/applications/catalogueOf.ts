/** The applications that a configuration names. */
import { type ApplicationCatalogue, catalogueOf, loadApplications } from '../../process/manifest/catalogue.ts';
import type { Configuration } from '../config/configuration.ts';

/** Throws nothing: what is broken is among the catalogue's problems. Empty when the configuration has no applications. */
export function applicationsIn(config: Pick<Configuration, 'applications' | 'stateDirectory'>): ApplicationCatalogue {
  const { directory } = config.applications;
  if (directory === undefined) return catalogueOf([]);
  return loadApplications(directory, { stateDirectory: config.stateDirectory });
}
