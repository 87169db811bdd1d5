/**
 * All checks of the project: format and lint, types, tests. All are run even when one fails; exit code 1 then.
 * Arguments go to vitest: `npm test -- test/web` runs one folder of tests.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const bin = (name: string) => `${root}node_modules/.bin/${name}`;
// The first on PATH is the pinned Node, for every tool that says `#!/usr/bin/env node`.
const env = { ...process.env, PATH: `${root}node_modules/.bin:${process.env.PATH ?? ''}` };

const steps: Array<[name: string, command: string, args: string[]]> = [
  ['lint', bin('biome'), ['check', '.']],
  ['types', bin('tsc'), ['--noEmit']],
  ['tests', bin('vitest'), ['run', ...process.argv.slice(2)]],
];

const failed = steps.filter(([name, command, args]) => {
  console.log(`--- ${name}`);
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', env });
  if (error) console.error(error.message);
  return status !== 0;
});

const names = failed.map(([name]) => name).join(', ');
console.log(failed.length === 0 ? '--- all passed' : `--- failed: ${names}`);
process.exitCode = failed.length === 0 ? 0 : 1;
