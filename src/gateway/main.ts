/** Entry point of the command line: arguments in, exit code out. */
import { readFileSync } from 'node:fs';
import { runCli } from './cli/program.ts';
import { dependencies } from './cli/wiring.ts';

function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** A reader that has seen enough (`| head`) closes the pipe: no reason to complain, or to go on writing. */
function onBrokenPipe(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
}
process.stdout.on('error', onBrokenPipe);
process.stderr.on('error', onBrokenPipe);

const version = packageVersion();
process.exitCode = await runCli(process.argv.slice(2), dependencies, {
  version,
  write: (text) => void process.stdout.write(text),
  writeError: (text) => void process.stderr.write(text),
});
