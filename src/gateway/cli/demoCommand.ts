import type { Command } from 'commander';
import { type CommandContext, exitCode, runCommand } from './context.ts';
import { withExamples, withJson } from './options.ts';

export function registerDemo(program: Command, context: CommandContext): void {
  const command = program
    .command('demo')
    .description('do the main job on this machine: daemon, TLS, a study sent, delivered and verified')
    .allowExcessArguments(false);
  withExamples(withJson(command), ['demo', 'demo --json']);
  command.action((options: { json?: boolean }) =>
    runCommand(context, options, async () => {
      const code = await context.dependencies.runDemo(options.json ? ['--json'] : []);
      context.finish(code === 0 ? exitCode.ok : exitCode.failed);
    }),
  );
}
