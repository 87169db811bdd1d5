import { type Command, InvalidArgumentError } from 'commander';
import { isUid } from '../../dicom/uids.ts';
import { formatCount, formatSize, formatTime } from '../../web/format.ts';
import { type CommandContext, configurationFrom, exitCode, runCommand, writeJson } from './context.ts';
import { wholeNumber, withConfiguration, withExamples, withJson } from './options.ts';

type Common = { config: string; json?: boolean };

function uidArgument(text: string): string {
  if (!isUid(text)) throw new InvalidArgumentError('a UID has digits and dots, at most 64 characters');
  return text;
}

function registerRebuild(spool: Command, context: CommandContext): void {
  const command = spool
    .command('rebuild')
    .description('make the index anew from the segments and the record of deliveries; the gateway has to be stopped');
  withExamples(withJson(withConfiguration(command)), ['spool rebuild --config gateway.yaml']);
  command.action((options: Common) =>
    runCommand(context, options, async () => {
      const report = await context.dependencies.rebuildIndex(configurationFrom(options.config));
      if (options.json) return writeJson(context, { ok: true, ...report });
      const { segments, instances, studies, deliveries, seconds } = report;
      context.write(
        `Index rebuilt in ${seconds.toFixed(1)} s: ${formatCount(instances)} instances of ${formatCount(studies)} studies in ${formatCount(segments)} segments, ${formatCount(deliveries)} deliveries.\n`,
      );
    }),
  );
}

function registerList(spool: Command, context: CommandContext): void {
  const command = spool
    .command('list')
    .description('the instances in the spool; with --json one JSON object a line')
    .option('--study <uid>', 'only those of this Study Instance UID', uidArgument);
  withExamples(withJson(withConfiguration(command)), [
    'spool list --config gateway.yaml',
    'spool list --config gateway.yaml --study 1.2.3.4 --json',
  ]);
  command.action((options: Common & { study?: string }) =>
    runCommand(context, options, async () => {
      const filter = options.study === undefined ? {} : { studyInstanceUid: options.study };
      for await (const instance of context.dependencies.listInstances(configurationFrom(options.config), filter)) {
        if (options.json) writeJson(context, instance);
        else {
          const { sopInstanceUid, version, state, bytes, peer, receivedAt } = instance;
          context.write(
            `${formatTime(receivedAt)}  ${state.padEnd(11)}  ${formatSize(bytes).padStart(9)}  ${peer.padEnd(16)}  ${sopInstanceUid}${version > 1 ? ` (version ${version})` : ''}\n`,
          );
        }
      }
    }),
  );
}

function registerExport(spool: Command, context: CommandContext): void {
  const command = spool
    .command('export')
    .description('write an instance as a Part 10 file that every DICOM tool opens')
    .argument('<instance-uid>', 'SOP Instance UID', uidArgument)
    .requiredOption('-o, --output <file>', 'file to write; it must not exist')
    .option('--version-number <n>', 'this version, of an instance that came with different content', wholeNumber(1));
  withExamples(withJson(withConfiguration(command)), ['spool export 1.2.3.4.5 --output a.dcm --config gateway.yaml']);
  command.action((sopInstanceUid: string, options: Common & { output: string; versionNumber?: number }) =>
    runCommand(context, options, async () => {
      const { output, versionNumber } = options;
      const version = versionNumber === undefined ? {} : { version: versionNumber };
      const what = { sopInstanceUid, output, ...version };
      const written = await context.dependencies.exportInstance(configurationFrom(options.config), what);
      if (options.json) writeJson(context, { ok: true, output, ...written });
      else context.write(`${output}: ${formatSize(written.bytes)}, SHA-256 ${written.sha256}\n`);
    }),
  );
}

function registerCheck(spool: Command, context: CommandContext): void {
  const command = spool.command('check').description('read every record of the spool and compare it with its checksum');
  withExamples(withJson(withConfiguration(command)), ['spool check --config gateway.yaml']);
  command.action((options: Common) =>
    runCommand(context, options, async () => {
      const report = await context.dependencies.checkSpool(configurationFrom(options.config));
      const ok = report.damaged.length === 0;
      if (options.json) writeJson(context, { ok, ...report });
      else {
        const { segments, records, bytes, damaged } = report;
        context.write(
          `${formatCount(records)} records, ${formatSize(bytes)} in ${formatCount(segments)} segments: ${ok ? 'all sound' : `${damaged.length} damaged`}\n`,
        );
        for (const { segment, offset, sopInstanceUid, reason } of damaged) {
          context.write(
            `  ${segment} at ${offset}: ${reason}${sopInstanceUid === undefined ? '' : `, instance ${sopInstanceUid}`}\n`,
          );
        }
      }
      context.finish(ok ? exitCode.ok : exitCode.failed);
    }),
  );
}

export function registerSpool(program: Command, context: CommandContext): void {
  const spool = program.command('spool').description('look at the spool and mend it');
  withExamples(spool, ['spool check --config gateway.yaml', 'spool list --config gateway.yaml']);
  registerRebuild(spool, context);
  registerList(spool, context);
  registerExport(spool, context);
  registerCheck(spool, context);
}
