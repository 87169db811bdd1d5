import type { Command } from 'commander';
import { formatProblem } from '../../../base/yaml/problem.ts';
import { exportCords } from '../../../process/manifest/cords/exportCords.ts';
import { manifestYaml } from '../../../process/manifest/manifestYaml.ts';
import { type CommandContext, runCommand, UsageError, writeJson } from '../context.ts';
import { withExamples, withJson } from '../options.ts';
import { applicationFrom, type WhereOptions, withApplications } from './whichApplication.ts';

type Options = WhereOptions & { json?: boolean; cords?: boolean };

function registerShowOne(app: Command, context: CommandContext): void {
  const command = app
    .command('show')
    .description('the manifest of an application, as it is understood')
    .argument('<application>', 'name, name@version, or the path of its folder')
    .option('--cords', 'as a CORDS manifest (XML), for a broker');
  withExamples(withJson(withApplications(command)), [
    'app show lung-segmentation --config gateway.yaml',
    'app show lung-segmentation@1.0.0 --directory config/apps --json',
    'app show ./my-app --cords',
  ]);
  command.action((reference: string, options: Options) =>
    runCommand(context, options, async () => {
      if (options.json && options.cords) throw new UsageError('say either --json or --cords');
      const { application, manifestFile, warnings } = applicationFrom(reference, options);
      if (options.json) return writeJson(context, { ok: true, ...application, manifestFile, warnings });
      if (options.cords) return context.write(exportCords(application));
      context.write(`# ${manifestFile}\n# sha256:${application.digest}\n${manifestYaml(application)}`);
      for (const warning of warnings) context.writeError(`warning: ${formatProblem(warning)}\n`);
    }),
  );
}

function registerExport(app: Command, context: CommandContext): void {
  const command = app
    .command('export')
    .description('write an application as a CORDS manifest (XML), for a broker')
    .argument('<application>', 'name, name@version, or the path of its folder');
  withExamples(withApplications(command), ['app export lung-segmentation --config gateway.yaml > lung.xml']);
  command.action((reference: string, options: Options) =>
    runCommand(context, options, async () => {
      context.write(exportCords(applicationFrom(reference, options).application));
    }),
  );
}

export function registerShow(app: Command, context: CommandContext): void {
  registerShowOne(app, context);
  registerExport(app, context);
}
