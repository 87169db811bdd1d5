/** The real functions behind the commands, each imported when it is first needed. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { GatewayError } from '../../base/errors.ts';
import type { CommandDependencies } from './dependencies.ts';

function notBuiltIn(what: string): never {
  throw new GatewayError(`${what} is not built into this version`, { code: 'cli.not-built-in', operation: what });
}

/** Runs the demo as a process of its own, as `npm run demo` does. */
function runDemo(args: readonly string[]): Promise<number> {
  const program = fileURLToPath(new URL('../../../demo/main.ts', import.meta.url));
  if (!existsSync(program)) {
    throw new GatewayError('the demo is not part of this installation', {
      code: 'demo.not-installed',
      operation: 'run the demo',
      subject: program,
      hint: 'it comes with the source tree: npm run demo',
    });
  }
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...args], { stdio: 'inherit' });
    child.on('error', reject);
    child.on('exit', (code) => resolve(code ?? 1));
  });
}

export const dependencies: CommandDependencies = {
  runGateway: async () => notBuiltIn('run'),
  runDemo: async (args) => runDemo(args),
  sendFiles: async () => notBuiltIn('send'),
  verifyStore: async () => notBuiltIn('verify'),
  probeStore: async () => notBuiltIn('the store check'),
  rebuildIndex: async () => notBuiltIn('spool rebuild'),
  listInstances: () => notBuiltIn('spool list'),
  exportInstance: async () => notBuiltIn('spool export'),
  checkSpool: async () => notBuiltIn('spool check'),
};
