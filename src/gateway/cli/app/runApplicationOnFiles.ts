import type { Command } from 'commander';
import { formatProblem } from '../../../base/yaml/problem.ts';
import { isSound } from '../../applications/appRun.ts';
import { type CommandContext, exitCode, runCommand, writeJson } from '../context.ts';
import { withExamples, withJson } from '../options.ts';
import { stopOnSignal } from '../stopSignal.ts';
import { renderRun } from './renderRun.ts';
import { applicationFrom, configurationText, type WhereOptions, withApplications } from './whichApplication.ts';

type Options = WhereOptions & { app: string; out?: string; scanner?: string; json?: boolean };

export function registerRunOnFiles(app: Command, context: CommandContext): void {
  const command = app
    .command('run')
    .description('run an application over DICOM files, without a gateway: for its author')
    .argument('<path...>', 'DICOM files, or folders that are searched for them')
    .requiredOption('--app <application>', 'path of its folder, or its name or name@version')
    .option('--out <folder>', 'new folder for what it makes; left out: nothing is kept')
    .option('--scanner <socket>', 'socket of clamd, for step scan');
  withExamples(withJson(withApplications(command)), [
    'app run ./a-study --app ./my-app --out ./made',
    'app run ./a-study --app lung-segmentation --config gateway.yaml --json',
  ]);
  command.action((paths: string[], options: Options) =>
    runCommand(context, options, async () => {
      const { application, warnings } = applicationFrom(options.app, options);
      if (!options.json) for (const one of warnings) context.writeError(`warning: ${formatProblem(one)}\n`);
      const report = await context.dependencies.runOnFiles({
        application,
        paths,
        ...(options.out !== undefined && { out: options.out }),
        ...(options.scanner !== undefined && { scannerSocket: options.scanner }),
        hidden: options.config === undefined ? [] : [configurationText(options.config).stateDirectory],
        onProgress: (text) => void (options.json || context.writeError(`${text}\n`)),
        signal: stopOnSignal(),
      });
      const ok = isSound(report);
      if (options.json) writeJson(context, { ok, ...report });
      else context.write(renderRun(report));
      if (!ok) context.finish(exitCode.failed);
    }),
  );
}
