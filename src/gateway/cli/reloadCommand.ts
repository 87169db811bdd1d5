import type { Command } from 'commander';
import { askGateway } from '../../web/client.ts';
import type { ReloadAnswer } from '../../web/peers.ts';
import { type CommandContext, exitCode, runCommand, socketFrom, writeJson } from './context.ts';
import { withExamples, withJson, withSocket } from './options.ts';
import { renderReload } from './peers/running.ts';

export function registerReload(program: Command, context: CommandContext): void {
  const command = program
    .command('reload')
    .description('have the running gateway read its configuration file again; with a problem in it nothing changes');
  withExamples(withJson(withSocket(command)), ['reload --config gateway.yaml', 'reload --config gateway.yaml --json']);
  command.action((options: { config?: string; socket?: string; json?: boolean }) =>
    runCommand(context, options, async () => {
      const answer = await askGateway<ReloadAnswer>(socketFrom(options), '/v1/reload', {});
      const ok = answer.reloaded && answer.tls.every(({ state }) => state !== 'failed');
      if (options.json) writeJson(context, { ok, ...answer });
      else if (ok) context.write(renderReload(answer));
      else context.writeError(renderReload(answer));
      context.finish(ok ? exitCode.ok : exitCode.failed);
    }),
  );
}
