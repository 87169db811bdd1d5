/** The command line as a whole: which commands there are, and how a run of it ends. */
import { Command, CommanderError } from 'commander';
import { registerApp } from './appCommand.ts';
import { registerCheck } from './checkCommand.ts';
import { type CommandContext, type ExitCode, exitCode } from './context.ts';
import { registerDemo } from './demoCommand.ts';
import type { CommandDependencies } from './dependencies.ts';
import { registerIdentity } from './identityCommand.ts';
import { withExamples } from './options.ts';
import { registerPeers } from './peersCommand.ts';
import { registerQueue } from './queueCommand.ts';
import { registerReload } from './reloadCommand.ts';
import { registerRun } from './runCommand.ts';
import { registerSend } from './sendCommand.ts';
import { registerSpool } from './spoolCommands.ts';
import { registerStatus } from './statusCommand.ts';
import { registerVerify } from './verifyCommand.ts';
import { registerVersion } from './versionCommand.ts';

const register = [
  registerRun,
  registerDemo,
  registerCheck,
  registerStatus,
  registerPeers,
  registerReload,
  registerSend,
  registerQueue,
  registerApp,
  registerVerify,
  registerSpool,
  registerIdentity,
  registerVersion,
];

function buildProgram(context: CommandContext): Command {
  const program = new Command('medusa-gateway');
  program
    .description(
      'Takes DICOM studies in over C-STORE, keeps them safe on disk and delivers them to object stores, with proof.',
    )
    .version(context.version, '-V, --version', 'print the version')
    .exitOverride()
    .showHelpAfterError('(add --help for how it is used)')
    .configureOutput({ writeOut: context.write, writeErr: context.writeError });
  for (const command of register) command(program, context);
  return withExamples(program, [
    'demo                                    see the main job done on this machine',
    'check --config gateway.yaml             what is wrong before it goes wrong',
    'run --config gateway.yaml               run the gateway',
    'status --config gateway.yaml            ask a running one how it is',
  ]);
}

type Streams = Pick<CommandContext, 'write' | 'writeError' | 'version'>;

/** Runs one command line. Resolves with the exit code: 0 ok, 1 failed, 2 used wrongly. */
export async function runCli(
  args: readonly string[],
  dependencies: CommandDependencies,
  streams: Streams,
): Promise<ExitCode> {
  let code: ExitCode = exitCode.ok;
  const context: CommandContext = {
    ...streams,
    dependencies,
    finish: (ended) => {
      code = ended;
    },
  };
  try {
    await buildProgram(context).parseAsync([...args], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? exitCode.ok : exitCode.usage; // help and version end the parsing, too
  }
  return code;
}
