/** The files that a list of files and folders means. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describeError, GatewayError } from '../../base/errors.ts';

async function* walk(folder: string): AsyncGenerator<string> {
  const entries = await readdir(folder, { withFileTypes: true });
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* walk(path);
    // A link to a folder is not followed: it may lead back to where it lies.
    else if (entry.isFile() || (entry.isSymbolicLink() && (await isFile(path)))) yield path;
  }
}

const isFile = (path: string) =>
  stat(path).then(
    (found) => found.isFile(),
    () => false,
  );

/** Folders are read recursively, in order of name. Throws `scu.no-such-file` when a path does not exist. */
export async function* findFiles(paths: readonly string[]): AsyncGenerator<string> {
  for (const path of paths) {
    let isFolder: boolean;
    try {
      isFolder = (await stat(path)).isDirectory();
    } catch (error) {
      const details = { code: 'scu.no-such-file', operation: 'find files', subject: path, cause: error };
      throw new GatewayError(`${path}: ${describeError(error)}`, { ...details, hint: 'check the path' });
    }
    if (isFolder) yield* walk(path);
    else yield path;
  }
}
