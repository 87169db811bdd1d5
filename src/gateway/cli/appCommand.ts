import type { Command } from 'commander';
import { registerImport } from './app/importManifest.ts';
import { registerList } from './app/listApplications.ts';
import { registerReidentify } from './app/reidentifyCommand.ts';
import { registerRunOnFiles } from './app/runApplicationOnFiles.ts';
import { registerShow } from './app/showApplication.ts';
import { registerRetry, registerRuns } from './app/taskRuns.ts';
import { registerValidate } from './app/validateManifests.ts';
import type { CommandContext } from './context.ts';
import { withExamples } from './options.ts';

export function registerApp(program: Command, context: CommandContext): void {
  const app = program.command('app').description('split applications: the half that runs here, beside the data');
  withExamples(app, [
    'app validate ./my-app                            is its manifest sound?',
    'app run ./a-study --app ./my-app --out ./made    what does it make, and how small is it?',
    'app list --config gateway.yaml                   what is there, and which routes use it',
    'app runs --state quarantined                     what went wrong in the running gateway',
  ]);
  registerList(app, context);
  registerShow(app, context);
  registerValidate(app, context);
  registerRunOnFiles(app, context);
  registerRuns(app, context);
  registerRetry(app, context);
  registerImport(app, context);
  registerReidentify(app, context);
}
