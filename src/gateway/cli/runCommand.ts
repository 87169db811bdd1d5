import { resolve } from 'node:path';
import type { Command } from 'commander';
import { describeError, GatewayError } from '../../base/errors.ts';
import { createLog, type Log } from '../../base/log.ts';
import { type CommandContext, configurationFrom, runCommand } from './context.ts';
import { withConfiguration, withExamples, withJson } from './options.ts';
import { stopOnSignal } from './stopSignal.ts';

/** Until the gateway is up SIGHUP does nothing; it never ends the program. */
function hangUps(log: Log): (reload: () => void) => void {
  let hangUp = () => {
    log.info('gateway.sighup', 'SIGHUP while the gateway is starting: the configuration has just been read');
  };
  process.on('SIGHUP', () => hangUp());
  return (reload) => {
    hangUp = reload;
  };
}

export function registerRun(program: Command, context: CommandContext): void {
  const command = program.command('run').description('run the gateway until it is told to stop (SIGTERM, SIGINT)');
  withExamples(withJson(withConfiguration(command)), ['run --config /etc/medusa-gateway/gateway.yaml']);
  command.action((options: { config: string; json?: boolean }) =>
    runCommand(context, options, async () => {
      const config = configurationFrom(options.config);
      const log = createLog({ level: config.log.level, name: 'gateway' });
      try {
        await context.dependencies.runGateway(config, {
          log,
          configFile: resolve(options.config),
          stop: stopOnSignal(),
          onHangUp: hangUps(log),
        });
      } catch (error) {
        const hint = error instanceof GatewayError ? error.hint : undefined;
        log.error('gateway.start-failed', `the gateway cannot run: ${describeError(error)}`, { hint });
        throw error;
      }
    }),
  );
}
