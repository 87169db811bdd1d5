/** Entry point of the command line: arguments in, exit code out. */
import { runCli } from './cli/program.ts';
import { dependencies } from './cli/wiring.ts';
import { version } from './version.ts';

/** A reader that has seen enough (`| head`) closes the pipe: no reason to complain, or to go on writing. */
function onBrokenPipe(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
}
process.stdout.on('error', onBrokenPipe);
process.stderr.on('error', onBrokenPipe);

process.exitCode = await runCli(process.argv.slice(2), dependencies, {
  version,
  write: (text) => void process.stdout.write(text),
  writeError: (text) => void process.stderr.write(text),
});
