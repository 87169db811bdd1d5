import type { Command } from 'commander';
import { describeError, GatewayError } from '../../base/errors.ts';
import { createLog } from '../../base/log.ts';
import { type CommandContext, configurationFrom, runCommand } from './context.ts';
import { withConfiguration, withExamples, withJson } from './options.ts';
import { stopOnSignal } from './stopSignal.ts';

export function registerRun(program: Command, context: CommandContext): void {
  const command = program.command('run').description('run the gateway until it is told to stop (SIGTERM, SIGINT)');
  withExamples(withJson(withConfiguration(command)), ['run --config /etc/medusa-gateway/gateway.yaml']);
  command.action((options: { config: string; json?: boolean }) =>
    runCommand(context, options, async () => {
      const config = configurationFrom(options.config);
      const log = createLog({ level: config.log.level, name: 'gateway' });
      try {
        process.on('SIGHUP', () => {
          log.info('gateway.sighup', 'SIGHUP is ignored: a changed configuration takes effect at the next start');
        });
        await context.dependencies.runGateway(config, { log, stop: stopOnSignal() });
      } catch (error) {
        const hint = error instanceof GatewayError ? error.hint : undefined;
        log.error('gateway.start-failed', `the gateway cannot run: ${describeError(error)}`, { hint });
        throw error;
      }
    }),
  );
}
