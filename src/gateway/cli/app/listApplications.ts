import type { Command } from 'commander';
import { formatProblem } from '../../../base/yaml/problem.ts';
import type { Application, StepSettings } from '../../../process/application.ts';
import type { ApplicationCatalogue } from '../../../process/manifest/catalogue.ts';
import { routeApplicationFindings } from '../../applications/routeFindings.ts';
import { readConfiguration } from '../../config/configuration.ts';
import { type CommandContext, exitCode, runCommand, writeJson } from '../context.ts';
import { withExamples, withJson } from '../options.ts';
import { table } from '../table.ts';
import { catalogueFrom, type WhereOptions, withApplications } from './whichApplication.ts';

type Route = { name: string; application?: string | undefined };

/** `deidentify, preview, ./analyse` */
export function partsOf({ steps, command }: Pick<Application, 'steps' | 'command'>): string {
  const names = steps.map((settings: StepSettings) => settings.step as string);
  return [...names, ...(command === undefined ? [] : [command.join(' ')])].join(', ') || 'nothing';
}

export const promiseOf = ({ promisedRatio }: Pick<Application, 'promisedRatio'>): string =>
  promisedRatio === undefined ? '' : `< ${Number((promisedRatio * 100).toFixed(3))} %`;

function routesUsing(application: Application, routes: readonly Route[], catalogue: ApplicationCatalogue): string[] {
  return routes
    .filter((route) => route.application !== undefined && catalogue.find(route.application) === application)
    .map(({ name }) => name);
}

/** Pure. */
export function renderApplications(catalogue: ApplicationCatalogue, routes: readonly Route[]): string {
  const { applications, found } = catalogue;
  if (applications.length === 0) return 'There are no applications.\n';
  const rows = applications.map((one) => [
    one.name,
    one.version,
    one.scope,
    promiseOf(one),
    String(found.find(({ application }) => application === one)?.warnings.length || ''),
    routesUsing(one, routes, catalogue).join(', '),
    partsOf(one),
  ]);
  const titles = ['NAME', 'VERSION', 'SCOPE', 'PROMISES', 'WARNINGS', 'ROUTES', 'DATA PART'];
  return table(
    titles.map((title) => ({ title })),
    rows,
  );
}

export function registerList(app: Command, context: CommandContext): void {
  const command = app.command('list').description('the applications that are there, and the routes that use them');
  withExamples(withJson(withApplications(command)), [
    'app list --config gateway.yaml',
    'app list --directory config/apps',
  ]);
  command.action((options: WhereOptions & { json?: boolean }) =>
    runCommand(context, options, async () => {
      const catalogue = catalogueFrom(options);
      const reading = options.config === undefined ? undefined : readConfiguration(options.config);
      const routes = reading?.ok ? reading.config.routes : [];
      const ofRoutes = reading?.ok ? routeApplicationFindings(routes, catalogue).map(reading.place) : [];
      const problems = [...catalogue.problems, ...ofRoutes];
      if (options.json) {
        const applications = catalogue.found.map(({ application, manifestFile, warnings }) => ({
          ...application,
          ...{ manifestFile, warnings, routes: routesUsing(application, routes, catalogue) },
        }));
        writeJson(context, { ok: problems.length === 0, applications, problems });
      } else {
        context.write(renderApplications(catalogue, routes));
        for (const problem of problems) context.writeError(`${formatProblem(problem)}\n`);
      }
      if (problems.length > 0) context.finish(exitCode.failed);
    }),
  );
}
