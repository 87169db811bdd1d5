import type { Command } from 'commander';
import type { CommandContext } from './context.ts';
import { withExamples } from './options.ts';
import { registerAdd, registerRemove } from './peers/addPeer.ts';
import { registerLearn } from './peers/learn.ts';
import { registerList } from './peers/listPeers.ts';
import { registerTest } from './peers/testPeers.ts';

export function registerPeers(program: Command, context: CommandContext): void {
  const peers = program.command('peers').description('who may send: see, admit, try, remove');
  withExamples(peers, [
    'peers list --config gateway.yaml',
    'peers add --knock 1 --config gateway.yaml',
    'peers test CT1 --config gateway.yaml',
    'peers learn --for 10min --config gateway.yaml',
  ]);
  registerList(peers, context);
  registerAdd(peers, context);
  registerRemove(peers, context);
  registerTest(peers, context);
  registerLearn(peers, context);
}
