/** Options and arguments that several commands take. */
import { type Command, InvalidArgumentError } from 'commander';
import { aeTitlePattern } from '../config/fields.ts';

export function withJson(command: Command): Command {
  return command.option('--json', 'print one JSON object instead of text');
}

export function withConfiguration(command: Command): Command {
  return command.requiredOption('-c, --config <file>', 'configuration file');
}

/** For commands that ask a running gateway. */
export function withSocket(command: Command): Command {
  return command
    .option('-c, --config <file>', 'configuration file of the gateway that is asked')
    .option('--socket <path>', 'its local socket, in place of --config');
}

/** `examples` are shown under the help of a command; each is what stands behind `medusa-gateway`. */
export function withExamples(command: Command, examples: readonly string[]): Command {
  return command.addHelpText(
    'after',
    `\nExamples:\n${examples.map((example) => `  medusa-gateway ${example}\n`).join('')}`,
  );
}

/** A whole number from `min` to `max`. */
export function wholeNumber(min: number, max = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max)) {
      throw new InvalidArgumentError(
        max === Number.MAX_SAFE_INTEGER ? `a whole number from ${min}` : `a whole number from ${min} to ${max}`,
      );
    }
    return value;
  };
}

/** `[host:]port`; the host is this machine itself when it is left out. */
export function addressArgument(text: string): { host: string; port: number } {
  const [, host = '127.0.0.1', port] = /^(?:\[?([^\]\s]+?)\]?:)?(\d{1,5})$/.exec(text) ?? [];
  if (port === undefined || Number(port) < 1 || Number(port) > 65535) {
    throw new InvalidArgumentError('a port, or host:port');
  }
  return { host, port: Number(port) };
}

export function aeTitleArgument(text: string): string {
  if (!aeTitlePattern.test(text))
    throw new InvalidArgumentError('an AE title has 1 to 16 printable ASCII characters, no backslash');
  return text;
}
