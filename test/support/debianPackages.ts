/** Which programs from Debian a test needs, and whether they are here. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

export type Needed = { program: string; package: string };

function isInPath(program: string): boolean {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/bin', '/usr/local/bin'];
  return folders.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Why a suite must be skipped, in words for its title; undefined when everything is here. */
export function missingPackages(needed: Needed[]): string | undefined {
  const missing = new Set(needed.filter(({ program }) => !isInPath(program)).map((one) => one.package));
  if (missing.size === 0) return undefined;
  return `skipped: not installed: ${[...missing].join(' ')} (see scripts/debian-packages.txt)`;
}
