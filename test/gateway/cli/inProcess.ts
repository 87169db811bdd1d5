/** The command line as the program runs it, without the start of a process. */
import { runCli } from '../../../src/gateway/cli/program.ts';
import { dependencies } from '../../../src/gateway/cli/wiring.ts';

export async function runInProcess(args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const ended = { code: 0, out: '', err: '' };
  const write = (text: string) => {
    ended.out += text;
  };
  const writeError = (text: string) => {
    ended.err += text;
  };
  ended.code = await runCli(args, dependencies, { version: '0', write, writeError });
  return ended;
}
