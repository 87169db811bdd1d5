import { type Command, InvalidArgumentError } from 'commander';
import { parseDuration } from '../../../base/yaml/units.ts';
import { askGateway } from '../../../web/client.ts';
import { formatTime } from '../../../web/format.ts';
import type { LearnAnswer, LearnRequest } from '../../../web/peers.ts';
import { shellQuote } from '../../peers/admitCommand.ts';
import { longestLearnMs } from '../../peers/learnMode.ts';
import { type CommandContext, runCommand, socketFrom, UsageError, writeJson } from '../context.ts';
import { withExamples, withJson, withSocket } from '../options.ts';

function learnTime(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined || ms < 1000 || ms > longestLearnMs) {
    throw new InvalidArgumentError('a time from 1s to 24h, such as 10min');
  }
  return ms;
}

type Options = { config?: string; socket?: string; json?: boolean; for?: number; off?: boolean };

function requestOf(options: Options): LearnRequest {
  if (options.off && options.for !== undefined) throw new UsageError('say either --for or --off');
  return options.off ? { off: true } : { forMs: options.for ?? 600_000 };
}

const onText = (
  until: number,
  config: string | undefined,
) => `Learn mode is on until ${formatTime(until)} UTC, then it ends by itself.
TLS senders with unknown certificates now get as far as their request. They are recorded and rejected, and nothing is
stored for them. Have the sender call (a C-ECHO will do), then see who it was:
  medusa-gateway peers list --config ${config === undefined ? 'FILE' : shellQuote(config)}
`;

export function registerLearn(peers: Command, context: CommandContext): void {
  const command = peers
    .command('learn')
    .description('for a while, see who knocks with a certificate that is not known yet; lets nobody in')
    .option('--for <time>', 'how long (default: 10min)', learnTime)
    .option('--off', 'end it now');
  withExamples(withJson(withSocket(command)), [
    'peers learn --for 10min --config gateway.yaml',
    'peers learn --off --config gateway.yaml',
  ]);
  command.action((options: Options) =>
    runCommand(context, options, async () => {
      const request = requestOf(options);
      const answer = await askGateway<LearnAnswer>(socketFrom(options), '/v1/peers/learn', request);
      if (options.json) writeJson(context, { ok: true, ...answer });
      else
        context.write(
          answer.learningUntil === undefined ? 'Learn mode is off.\n' : onText(answer.learningUntil, options.config),
        );
    }),
  );
}
