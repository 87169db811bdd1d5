/** The split applications that are there, and the routes that name them. */
import { formatProblem, type Problem } from '../../../base/yaml/problem.ts';
import { applicationsIn } from '../../applications/catalogueOf.ts';
import { routeApplicationFindings } from '../../applications/routeFindings.ts';
import { type Configuration, readConfiguration } from '../../config/configuration.ts';
import { type CheckResult, fail, ok, warn } from './result.ts';

function resultOf(make: typeof warn, subject: string, problem: Problem): CheckResult {
  const { hint, ...rest } = problem;
  return make(subject, formatProblem(rest), hint);
}

/** `file` is the configuration: faults of its routes are shown where they stand in it. */
export function checkApplications(config: Configuration, file: string): CheckResult[] {
  if (config.applications.directory === undefined) return [];
  const catalogue = applicationsIn(config);
  const reading = readConfiguration(file);
  const routes = reading.ok ? routeApplicationFindings(config.routes, catalogue).map(reading.place) : [];
  const used = new Set(config.routes.map(({ application }) => application && catalogue.find(application)));
  return [
    ...catalogue.applications.map(({ name, version }) => ok(`application ${name}`, `version ${version} is sound`)),
    ...catalogue.problems.map((problem) => resultOf(warn, 'applications', problem)),
    ...catalogue.found
      .filter(({ application }) => used.has(application))
      .flatMap(({ application, warnings }) =>
        warnings.map((problem) => resultOf(warn, `application ${application.name}`, problem)),
      ),
    ...routes.map((problem) => resultOf(fail, 'routes', problem)),
  ];
}
