/** What has to hold before a run: the folders are what they should be, and cannot show the program more than it may see. */
import { chmodSync, chownSync, lstatSync, readdirSync, realpathSync } from 'node:fs';
import { join, sep } from 'node:path';
import type { SandboxRun } from './sandboxTypes.ts';

/** True when one of the two lies in the other, or they are the same. */
export function overlap(one: string, other: string): boolean {
  const withSlash = (path: string) => (path.endsWith(sep) ? path : path + sep);
  return withSlash(one).startsWith(withSlash(other)) || withSlash(other).startsWith(withSlash(one));
}

export type Prepared = { application: string; input: string; output: string; inputNames: Set<string> };

/** Real paths, and the names of the input files. Throws an Error that says what is wrong. */
export function prepareFolders(
  run: SandboxRun,
  hidden: string[],
  user: { uid: number; gid: number } | undefined,
): Prepared {
  const application = realpathSync(run.application.directory);
  const input = realpathSync(run.inputDirectory);
  const output = realpathSync(run.outputDirectory);
  for (const folder of hidden) {
    if (overlap(application, realpathIfThere(folder))) {
      throw new Error(
        `the folder of the application lies in or around ${folder}, which programs must not see; move it`,
      );
    }
  }
  if (overlap(application, input) || overlap(application, output) || overlap(input, output)) {
    throw new Error('the folders of application, input and output must not lie in one another');
  }
  if (readdirSync(output).length > 0) throw new Error('the output folder is not empty');
  const inputNames = new Set(readdirSync(input));
  for (const name of inputNames) {
    const stat = lstatSync(join(input, name));
    if (!stat.isFile() || stat.nlink !== 1)
      throw new Error('the input folder holds something that is not a file of its own');
    if (user !== undefined) chownSync(join(input, name), user.uid, user.gid);
  }
  if (user !== undefined) for (const folder of [input, output]) chownSync(folder, user.uid, user.gid);
  chmodSync(output, 0o700);
  inputNames.delete('study.json');
  return { application, input, output, inputNames };
}

function realpathIfThere(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
