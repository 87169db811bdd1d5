/** Whether the program of a manifest is there and can be run. Looks at files, runs nothing. */
import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import { basename, isAbsolute, join, relative, resolve, sep } from 'node:path';
import type { Finding } from '../../base/yaml/problem.ts';

/** Where the sandbox has its programs. */
const programFolders = ['/usr/bin', '/bin', '/usr/local/bin'];
const interpreters = /^(python|perl|ruby|node|Rscript|julia|octave|java|lua|php|bash|dash|sh|awk)([\d.]*)$/;
const path = ['dataPart', 'command'];

function isWithin(folder: string, file: string): boolean {
  const way = relative(folder, file);
  return way === '' || !(way === '..' || way.startsWith(`..${sep}`) || isAbsolute(way));
}

function isFile(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.isFile() === true;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** A program beside the manifest: `./analyse`, `bin/analyse`. */
function ownProgram(program: string, folder: string): Finding[] {
  const file = join(folder, program);
  const at = [...path, 0];
  if (!isFile(file)) {
    return [{ path: at, message: `there is no file "${program}" beside the manifest`, hint: `put it in ${folder}` }];
  }
  if (!isWithin(realpathSync(folder), realpathSync(file))) {
    return [{ path: at, message: `"${program}" leads out of the folder`, hint: 'put the file itself there, no link' }];
  }
  if (isExecutable(file)) return [];
  const hint = `chmod +x ${file}, or name its interpreter: [python3, ${basename(program)}]`;
  return [{ path: at, message: `"${program}" is not executable`, hint }];
}

/** A program of the system: `/usr/bin/python3`, `python3`. */
function systemProgram(program: string, rest: readonly string[], folder: string, stateDirectory?: string): Finding[] {
  const at = [...path, 0];
  const candidates = isAbsolute(program) ? [program] : programFolders.map((one) => join(one, program));
  const file = candidates.find((one) => isFile(one) && isExecutable(one));
  if (isAbsolute(program) && stateDirectory !== undefined && isWithin(resolve(stateDirectory), resolve(program))) {
    return [{ path: at, message: 'lies in the state directory of the gateway', hint: 'put it beside the manifest' }];
  }
  if (isAbsolute(program) && isWithin(folder, program)) {
    const hint = `write it as "./${relative(folder, program)}", so that the folder can be moved`;
    return [{ path: at, message: 'names this folder by an absolute path', hint }];
  }
  if (file === undefined) {
    const message = isAbsolute(program)
      ? `there is no program "${program}"`
      : `there is no program "${program}" in /usr/bin`;
    return [{ path: at, message, hint: 'install it, or put your program beside the manifest and write ./NAME' }];
  }
  if (!interpreters.test(basename(program))) return [];
  const script = rest.findIndex((argument) => !argument.startsWith('-'));
  const name = rest[script];
  if (name === undefined) {
    return [{ path, message: `${program} is given nothing to run`, hint: `write [${program}, analyse.py]` }];
  }
  if (isFile(join(folder, name))) return [];
  const message = `there is no file "${name}" beside the manifest`;
  return [{ path: [...path, script + 1], message, hint: `put it in ${folder}` }];
}

export type CommandPlaces = {
  /** Folder of the manifest, absolute. */
  folder: string;
  /** Of the gateway, when it is known. */
  stateDirectory?: string;
};

export function commandFindings(command: readonly string[], { folder, stateDirectory }: CommandPlaces): Finding[] {
  const [program = '', ...rest] = command;
  const climbing = command.findIndex((word) => word.split(/[/=]/).includes('..'));
  if (climbing >= 0) {
    return [
      { path: [...path, climbing], message: 'leads out of the folder', hint: 'put the file beside the manifest' },
    ];
  }
  const state = stateDirectory;
  const secret = rest.findIndex(
    (word) => state !== undefined && isAbsolute(word) && isWithin(resolve(state), resolve(word)),
  );
  if (secret >= 0) {
    const hint = 'the command is told where its input is: see docs/data-part-contract.md';
    return [{ path: [...path, secret + 1], message: 'lies in the state directory of the gateway', hint }];
  }
  const own = program.includes('/') && !isAbsolute(program);
  return own ? ownProgram(program, folder) : systemProgram(program, rest, folder, stateDirectory);
}
