import type { Command } from 'commander';
import { formatSize } from '../../web/format.ts';
import { type CommandContext, exitCode, runCommand, UsageError, writeJson } from './context.ts';
import type { CommitmentOutcome, SendOptions, SendReport } from './dependencies.ts';
import { addressArgument, aeTitleArgument, wholeNumber, withExamples, withJson } from './options.ts';
import { stopOnSignal } from './stopSignal.ts';

type Options = {
  called: string;
  calling: string;
  associations: number;
  window: number;
  tls?: boolean;
  ca?: string;
  cert?: string;
  key?: string;
  commit?: boolean;
  listen?: { host: string; port: number };
  wait?: number;
  json?: boolean;
};

const defaultWaitSeconds = 60;

function commitOf({ commit, listen, wait }: Options): Pick<SendOptions, 'commit'> {
  if (!commit) {
    if (listen ?? wait) throw new UsageError('--listen and --wait need --commit');
    return {};
  }
  return { commit: { ...(listen ? { listen } : {}), waitMs: (wait ?? defaultWaitSeconds) * 1000 } };
}

function tlsOf({ tls, ca, cert, key }: Options): Pick<SendOptions, 'tls'> {
  if (!tls) {
    if (ca ?? cert ?? key) throw new UsageError('--ca, --cert and --key need --tls');
    return {};
  }
  if ((cert === undefined) !== (key === undefined)) throw new UsageError('--cert and --key belong together');
  return {
    tls: {
      ...(ca === undefined ? {} : { caFile: ca }),
      ...(cert === undefined ? {} : { certificateFile: cert }),
      ...(key === undefined ? {} : { keyFile: key }),
    },
  };
}

function renderCommitment({ asked, committed, failed, problems }: CommitmentOutcome): string {
  const failures = failed.slice(0, 50).map(({ sopInstanceUid, reason }) => `  ${sopInstanceUid}: ${reason}\n`);
  const more = failed.length > 50 ? `  and ${failed.length - 50} more\n` : '';
  return `${committed} of ${asked} committed\n${failures.join('')}${more}${problems.map((line) => `  ${line}\n`).join('')}`;
}

function render(report: SendReport): string {
  const { acknowledged, sent, bytes, seconds, failed, commitment } = report;
  const rate = seconds > 0 ? `, ${formatSize(bytes / seconds)}/s` : '';
  const failures = failed.slice(0, 50).map(({ file, reason }) => `  ${file}: ${reason}\n`);
  const more = failed.length > 50 ? `  and ${failed.length - 50} more\n` : '';
  return `${acknowledged} of ${sent} acknowledged, ${formatSize(bytes)} in ${seconds.toFixed(1)} s${rate}\n${failures.join('')}${more}${commitment ? renderCommitment(commitment) : ''}`;
}

export function registerSend(program: Command, context: CommandContext): void {
  const command = program
    .command('send')
    .description('send DICOM files by C-STORE, to this gateway or to any other receiver')
    .argument('<host>', 'address of the receiver')
    .argument('<port>', 'its port', wholeNumber(1, 65535))
    .argument('<files...>', 'Part 10 files, or folders of them')
    .option('--called <aet>', 'AE title of the receiver', aeTitleArgument, 'MEDUSA')
    .option('--calling <aet>', 'our AE title', aeTitleArgument, 'MEDUSA_SEND')
    .option('--associations <n>', 'associations at the same time', wholeNumber(1, 256), 1)
    .option('--window <n>', 'unanswered requests on an association, if granted', wholeNumber(1, 256), 1)
    .option('--tls', 'DICOM over TLS')
    .option('--ca <file>', "PEM file with the authority of the receiver's certificate")
    .option('--cert <file>', 'PEM file with the certificate that we show')
    .option('--key <file>', 'PEM file with its private key')
    .option('--commit', 'then ask for storage commitment, and wait for the report')
    .option('--listen <[host:]port>', 'where the report comes to; else on the same association', addressArgument)
    .option('--wait <seconds>', `how long to wait for it (default: ${defaultWaitSeconds})`, wholeNumber(1, 86_400));
  withExamples(withJson(command), [
    'send 127.0.0.1 11112 study/ --called MEDUSA --calling CT1',
    'send pacs.example.org 2762 a.dcm b.dcm --called PACS --tls --ca ca.pem --cert ct1.pem --key ct1.key',
    'send 127.0.0.1 11112 study/ --called MEDUSA --calling CT1 --commit --listen 11113',
  ]);
  command.action((host: string, port: number, names: string[], options: Options) =>
    runCommand(context, options, async () => {
      const report = await context.dependencies.sendFiles({
        host,
        port,
        paths: names,
        calledAeTitle: options.called,
        callingAeTitle: options.calling,
        associations: options.associations,
        window: options.window,
        signal: stopOnSignal(),
        ...tlsOf(options),
        ...commitOf(options),
      });
      const { commitment } = report;
      const isCommitted = commitment === undefined || commitment.committed === commitment.asked;
      const ok = report.failed.length === 0 && report.acknowledged === report.sent && isCommitted;
      if (options.json) writeJson(context, { ok, ...report });
      else context.write(render(report));
      context.finish(ok ? exitCode.ok : exitCode.failed);
    }),
  );
}
