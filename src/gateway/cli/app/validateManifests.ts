import { existsSync, statSync } from 'node:fs';
import type { Command } from 'commander';
import { formatProblem, type Problem } from '../../../base/yaml/problem.ts';
import { loadApplications } from '../../../process/manifest/catalogue.ts';
import { loadManifest, manifestFileName, manifestIn } from '../../../process/manifest/parseManifest.ts';
import { type CommandContext, exitCode, runCommand, writeJson } from '../context.ts';
import { withExamples, withJson } from '../options.ts';

type Findings = { sound: string[]; problems: Problem[]; warnings: Problem[] };

/** A manifest, the folder of one, or a folder of such folders. */
function look(path: string): Findings {
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  if (isFolder && !existsSync(manifestIn(path))) {
    const { found, applications, problems } = loadApplications(path);
    const none: Problem = { file: path, line: 0, column: 0, key: '', message: `holds no ${manifestFileName}` };
    return {
      sound: applications.map(({ name, version }) => `${name}@${version}`),
      problems: found.length + problems.length === 0 ? [none] : [...problems],
      warnings: found.flatMap(({ warnings }) => warnings),
    };
  }
  const result = loadManifest(isFolder ? manifestIn(path) : path);
  if (!result.ok) return { sound: [], problems: result.problems, warnings: [] };
  const { name, version } = result.application;
  return { sound: [`${name}@${version}`], problems: [], warnings: result.warnings };
}

export function registerValidate(app: Command, context: CommandContext): void {
  const command = app
    .command('validate')
    .description('look at manifests and the files that they name; nothing is run')
    .argument('<path...>', `an ${manifestFileName}, its folder, or a folder of such folders`);
  withExamples(withJson(command), ['app validate ./my-app', 'app validate config/apps --json']);
  command.action((paths: string[], options: { json?: boolean }) =>
    runCommand(context, options, async () => {
      const all = paths.map(look);
      const sound = all.flatMap((one) => one.sound);
      const problems = all.flatMap((one) => one.problems);
      const warnings = all.flatMap((one) => one.warnings);
      if (options.json) writeJson(context, { ok: problems.length === 0, sound, problems, warnings });
      else {
        for (const problem of problems) context.writeError(`${formatProblem(problem)}\n`);
        for (const warning of warnings) context.writeError(`warning: ${formatProblem(warning)}\n`);
        for (const one of sound) context.write(`${one} is sound\n`);
      }
      if (problems.length > 0) context.finish(exitCode.failed);
    }),
  );
}
