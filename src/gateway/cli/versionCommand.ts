import type { Command } from 'commander';
import { type CommandContext, runCommand, writeJson } from './context.ts';
import { withExamples, withJson } from './options.ts';

export function registerVersion(program: Command, context: CommandContext): void {
  const command = program.command('version').description('print the version of the gateway and of what it runs on');
  withExamples(withJson(command), ['version', 'version --json']);
  command.action((options: { json?: boolean }) =>
    runCommand(context, options, async () => {
      const { version } = context;
      const { node = '', openssl = '' } = process.versions;
      const platform = `${process.platform}-${process.arch}`;
      if (options.json) writeJson(context, { ok: true, version, node, openssl, platform });
      else context.write(`medusa-gateway ${version} (Node ${node}, OpenSSL ${openssl}, ${platform})\n`);
    }),
  );
}
