import type { Command } from 'commander';
import { createLog } from '../../base/log.ts';
import { type CommandContext, configurationFrom, runCommand } from './context.ts';
import { withConfiguration, withExamples, withJson } from './options.ts';

/**
 * SIGTERM and SIGINT stop the gateway in order; a second one ends it at once, which loses nothing that was acknowledged.
 */
function stopOnSignal(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (controller.signal.aborted) process.exit(1);
      controller.abort(signal);
    });
  }
  return controller.signal;
}

export function registerRun(program: Command, context: CommandContext): void {
  const command = program.command('run').description('run the gateway until it is told to stop (SIGTERM, SIGINT)');
  withExamples(withJson(withConfiguration(command)), ['run --config /etc/medusa-gateway/gateway.yaml']);
  command.action((options: { config: string; json?: boolean }) =>
    runCommand(context, options, async () => {
      const config = configurationFrom(options.config);
      const log = createLog({ level: config.log.level, name: 'gateway' });
      await context.dependencies.runGateway(config, { log, stop: stopOnSignal() });
    }),
  );
}
