import type { Command } from 'commander';
import { didYouMean } from '../../base/yaml/closest.ts';
import { formatSize } from '../../web/format.ts';
import type { Configuration } from '../config/configuration.ts';
import { type CommandContext, configurationFrom, exitCode, runCommand, UsageError, writeJson } from './context.ts';
import type { VerifyReport } from './dependencies.ts';
import { withConfiguration, withExamples, withJson } from './options.ts';
import { stopOnSignal } from './stopSignal.ts';

function storesNamed(config: Configuration, name: string | undefined): Configuration['stores'] {
  if (name === undefined) return config.stores;
  const stores = config.stores.filter((store) => store.name === name);
  if (stores.length > 0) return stores;
  const names = config.stores.map((store) => store.name);
  throw new UsageError(`there is no store "${name}"; ${didYouMean(name, names, 'stores')}`);
}

const isProven = ({ missing, faults }: VerifyReport) => missing.length === 0 && faults.length === 0;

function render(report: VerifyReport): string {
  const { store, receipts, verified, bytes, missing, faults } = report;
  const verdict = isProven(report) ? 'all is there' : 'NOT all is there';
  const lines = [`${store}: ${verdict}; ${verified} of ${receipts} receipts proven, ${formatSize(bytes)} read again`];
  lines.push(...faults.map((fault) => `  receipts: ${fault}`));
  lines.push(...missing.map(({ key, reason }) => `  ${key}: ${reason}`));
  return `${lines.join('\n')}\n`;
}

export function registerVerify(program: Command, context: CommandContext): void {
  const command = program
    .command('verify')
    .description('read the stores again and prove by the receipts that all is there, or name what is missing');
  withConfiguration(command).option('--store <name>', 'only this store');
  withExamples(withJson(command), ['verify --config gateway.yaml', 'verify --config gateway.yaml --store ceph --json']);
  command.action((options: { config: string; store?: string; json?: boolean }) =>
    runCommand(context, options, async () => {
      const config = configurationFrom(options.config);
      const signal = stopOnSignal();
      const reports: VerifyReport[] = [];
      for (const store of storesNamed(config, options.store)) {
        const report = await context.dependencies.verifyStore(config, store, signal);
        reports.push(report);
        if (!options.json) context.write(render(report));
      }
      const ok = reports.every(isProven);
      if (options.json) writeJson(context, { ok, stores: reports });
      else if (reports.length === 0) context.write('No stores are configured.\n');
      context.finish(ok ? exitCode.ok : exitCode.failed);
    }),
  );
}
