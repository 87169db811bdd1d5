/** What every command is given, and how commands end. */
import { existsSync } from 'node:fs';
import { describeError, GatewayError } from '../../base/errors.ts';
import { formatProblem, type Problem } from '../../base/yaml/problem.ts';
import {
  type Configuration,
  loadConfiguration,
  readConfiguration,
  soundStateDirectory,
} from '../config/configuration.ts';
import { socketPath } from '../config/meaning.ts';
import type { CommandDependencies } from './dependencies.ts';

export const exitCode = { ok: 0, failed: 1, usage: 2 } as const;
export type ExitCode = (typeof exitCode)[keyof typeof exitCode];

export type CommandContext = {
  dependencies: CommandDependencies;
  version: string;
  /** Standard output: results. */
  write(text: string): void;
  /** Standard error: progress and complaints. */
  writeError(text: string): void;
  /** Sets how the program will end; 0 when nobody calls it. */
  finish(code: ExitCode): void;
};

export type OutputOptions = { json?: boolean };

/** The configuration was refused; all that is wrong with it comes along. */
export class ConfigurationRefused extends GatewayError {
  readonly problems: readonly Problem[];

  constructor(file: string, problems: readonly Problem[]) {
    super(`the configuration has ${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}`, {
      code: 'config.refused',
      operation: 'read configuration',
      subject: file,
    });
    this.problems = problems;
  }
}

/** Used wrongly, in a way that the parser of the command line cannot see. Ends with exit code 2. */
export class UsageError extends Error {}

/** The configuration with its files and secrets. Throws ConfigurationRefused. */
export function configurationFrom(file: string): Configuration {
  const result = loadConfiguration(file);
  if (!result.ok) throw new ConfigurationRefused(file, result.problems);
  return result.config;
}

/** Where `/var/lib/medusa-gateway/api.sock` is named by neither option. */
const usualStateDirectory = '/var/lib/medusa-gateway';

/** The running gateway's socket. Only the text of the configuration is read: keys and secrets may be closed to us. */
export function socketFrom(options: { config?: string; socket?: string }): string {
  if (options.socket !== undefined) return options.socket;
  if (options.config === undefined) return socketPath(usualStateDirectory);
  const result = readConfiguration(options.config);
  if (result.ok) return socketPath(result.config.stateDirectory);
  // A gateway that was started before the file was spoilt is to be asked all the same.
  const stateDirectory = soundStateDirectory(options.config);
  if (stateDirectory !== undefined && existsSync(socketPath(stateDirectory))) return socketPath(stateDirectory);
  throw new ConfigurationRefused(options.config, result.problems);
}

/** As JSON. */
export function errorValue(error: unknown): Record<string, unknown> {
  if (!(error instanceof GatewayError)) return { code: 'cli.failed', message: describeError(error) };
  const { code, operation, subject, hint } = error;
  const problems = error instanceof ConfigurationRefused ? { problems: error.problems } : {};
  return { code, message: describeError(error), operation, subject, hint, ...problems };
}

/** For people. */
export function errorText(error: unknown): string {
  const lines = [`error: ${describeError(error)}`];
  if (error instanceof ConfigurationRefused) return [...error.problems.map(formatProblem), ...lines].join('\n');
  if (error instanceof GatewayError) {
    if (error.subject !== undefined && !lines[0]?.includes(error.subject)) lines[0] += ` (${error.subject})`;
    if (error.hint !== undefined) lines.push(`  ${error.hint}`);
  }
  return lines.join('\n');
}

/** Runs a command's work: what it throws is said for people or as JSON, and becomes the exit code. */
export async function runCommand(
  context: CommandContext,
  options: OutputOptions,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof UsageError) {
      context.writeError(`error: ${error.message}\n`);
      return context.finish(exitCode.usage);
    }
    if (options.json) context.write(`${JSON.stringify({ ok: false, error: errorValue(error) })}\n`);
    else context.writeError(`${errorText(error)}\n`);
    context.finish(exitCode.failed);
  }
}

export function writeJson(context: CommandContext, value: unknown): void {
  context.write(`${JSON.stringify(value)}\n`);
}
