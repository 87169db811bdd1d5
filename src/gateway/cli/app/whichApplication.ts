/** Which application a command means: one of the folder of applications, or a manifest by its path. */
import { existsSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import type { Command } from 'commander';
import { GatewayError } from '../../../base/errors.ts';
import { formatProblem, type Problem } from '../../../base/yaml/problem.ts';
import {
  type ApplicationCatalogue,
  type FoundApplication,
  loadApplications,
} from '../../../process/manifest/catalogue.ts';
import { loadManifest, manifestFileName, manifestIn } from '../../../process/manifest/parseManifest.ts';
import { referencePattern } from '../../../process/manifest/reference.ts';
import { applicationsIn } from '../../applications/catalogueOf.ts';
import { readConfiguration } from '../../config/configuration.ts';
import { ConfigurationRefused, UsageError } from '../context.ts';

export type WhereOptions = { config?: string; directory?: string };

export function withApplications(command: Command): Command {
  return command
    .option('-c, --config <file>', 'configuration whose applications.directory is meant')
    .option('--directory <folder>', 'folder of applications, in place of --config');
}

/** A manifest that cannot be used. */
export class ManifestRefused extends GatewayError {
  readonly problems: readonly Problem[];

  constructor(file: string, problems: readonly Problem[]) {
    const count = `${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}`;
    super(`the manifest has ${count}:\n${problems.map(formatProblem).join('\n')}`, {
      code: 'manifest.refused',
      operation: 'read manifest',
      subject: file,
    });
    this.problems = problems;
  }
}

/** Keys and secrets of the configuration are not looked at: an author may not be allowed to. */
export function configurationText(file: string) {
  const reading = readConfiguration(file);
  if (!reading.ok) throw new ConfigurationRefused(file, reading.problems);
  return reading.config;
}

export function catalogueFrom({ config, directory }: WhereOptions): ApplicationCatalogue {
  if (directory !== undefined) return loadApplications(directory);
  if (config === undefined) throw new UsageError('say --config FILE or --directory FOLDER');
  return applicationsIn(configurationText(config));
}

/** Path of a manifest from its own path or that of its folder; undefined when the text is no path to anything. */
function manifestAt(text: string): string | undefined {
  const found = statSync(text, { throwIfNoEntry: false });
  if (found?.isDirectory()) return existsSync(manifestIn(text)) ? manifestIn(text) : undefined;
  return found?.isFile() && basename(text) === manifestFileName ? text : undefined;
}

/** `text` is `name`, `name@version`, a folder with an application.yaml, or that file. */
export function applicationFrom(text: string, options: WhereOptions): FoundApplication {
  const isNamed = referencePattern.test(text) && (options.config !== undefined || options.directory !== undefined);
  if (isNamed) {
    const catalogue = catalogueFrom(options);
    const application = catalogue.find(text);
    const found = catalogue.found.find((one) => one.application === application);
    if (found) return found;
    const { message, hint } = catalogue.explain(text);
    throw new GatewayError(message, { code: 'app.not-found', operation: 'find application', subject: text, hint });
  }
  const file = manifestAt(text);
  if (file === undefined) {
    throw new GatewayError(`there is no application at "${text}"`, {
      code: 'app.not-found',
      operation: 'find application',
      subject: text,
      hint: `name a folder with ${manifestFileName} in it, or a name together with --config or --directory`,
    });
  }
  const result = loadManifest(file);
  if (result.ok) return result;
  throw new ManifestRefused(file, result.problems);
}
