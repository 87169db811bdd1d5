/** Files named on a command line; a folder stands for all files in and below it. */
import type { Dirent } from 'node:fs';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { GatewayError } from '../../base/errors.ts';

function filesBelow(folder: string): string[] {
  const byName = (a: Dirent, b: Dirent) => (a.name < b.name ? -1 : 1);
  return readdirSync(folder, { withFileTypes: true })
    .sort(byName)
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return filesBelow(path);
      return entry.isFile() ? [path] : [];
    });
}

/** Throws `send.no-file` for a name that does not exist. */
export function expandFiles(names: readonly string[]): string[] {
  return names.flatMap((name) => {
    const stat = statSync(name, { throwIfNoEntry: false });
    if (!stat) throw new GatewayError(`there is no file "${name}"`, { code: 'send.no-file', operation: 'find files' });
    return stat.isDirectory() ? filesBelow(name) : [name];
  });
}
