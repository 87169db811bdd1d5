import type { Command } from 'commander';
import { askGateway } from '../../web/client.ts';
import type { Configuration } from '../config/configuration.ts';
import { socketPath } from '../config/meaning.ts';
import { checkApplications } from './check/applicationCheck.ts';
import { checkConfiguration } from './check/configurationCheck.ts';
import { checkDisk } from './check/diskCheck.ts';
import { checkPorts } from './check/portCheck.ts';
import { type CheckResult, renderResult } from './check/result.ts';
import { checkStores } from './check/storeCheck.ts';
import { checkTls } from './check/tlsCheck.ts';
import { type CommandContext, configurationFrom, exitCode, runCommand, writeJson } from './context.ts';
import { withConfiguration, withExamples, withJson } from './options.ts';

async function isRunning(config: Configuration): Promise<boolean> {
  try {
    await askGateway(socketPath(config.stateDirectory), '/healthz');
    return true;
  } catch {
    return false;
  }
}

async function checkAll(config: Configuration, file: string, context: CommandContext): Promise<CheckResult[]> {
  const [ports, stores] = await Promise.all([
    isRunning(config).then((running) => checkPorts(config, running)),
    checkStores(config.stores, context.dependencies.probeStore),
  ]);
  return [
    ...checkConfiguration(config, file),
    ...checkApplications(config, file),
    ...checkTls(config, Date.now()),
    ...checkDisk(config),
    ...ports,
    ...stores,
  ];
}

export function registerCheck(program: Command, context: CommandContext): void {
  const command = program
    .command('check')
    .description(
      'look at configuration, certificates, disk, ports and stores; leaves nothing behind, may be run at any time',
    );
  withExamples(withJson(withConfiguration(command)), [
    'check --config gateway.yaml',
    'check --config gateway.yaml --json',
  ]);
  command.action((options: { config: string; json?: boolean }) =>
    runCommand(context, options, async () => {
      const checks = await checkAll(configurationFrom(options.config), options.config, context);
      const count = (level: CheckResult['level']) => checks.filter((check) => check.level === level).length;
      const ok = count('fail') === 0;
      if (options.json) writeJson(context, { ok, checks });
      else {
        context.write(checks.map(renderResult).join(''));
        context.write(`${count('ok')} ok, ${count('warn')} to look at, ${count('fail')} failed\n`);
      }
      context.finish(ok ? exitCode.ok : exitCode.failed);
    }),
  );
}
