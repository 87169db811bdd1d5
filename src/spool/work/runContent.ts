/** Proves that what a run's record promises lies in its directory, and makes it durable. */
import type { Stats } from 'node:fs';
import { lstat, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { GatewayError } from '../../base/errors.ts';
import type { RunRecord } from './workTypes.ts';

/** Folders and files of safe characters; no empty part, no `.` or `..`. */
const safeName = /^(?!.*(^|\/)\.{1,2}(\/|$))[A-Za-z0-9._-]+(\/[A-Za-z0-9._-]+)*$/;
export const runFileName = 'run.json';

export function runError(message: string, subject: string): GatewayError {
  return new GatewayError(message, {
    code: 'work.bad-run',
    operation: 'keep results',
    subject,
    hint: 'the run is not used; its task can be tried again',
    retryable: false,
  });
}

/** The files that results have pieces in, with the least size that each must have. Throws `work.bad-run`. */
function filesOf(record: RunRecord, sizeOf: (instance: number) => number | undefined): Map<string, number> {
  const files = new Map<string, number>();
  for (const { name, size, pieces, from } of record.results) {
    let total = 0;
    for (const piece of pieces) {
      total += piece.length;
      const end = piece.offset + piece.length;
      if (![piece.offset, piece.length].every((n) => Number.isSafeInteger(n) && n >= 0)) {
        throw runError(`a piece of result ${name} has no valid range`, record.study);
      }
      if ('file' in piece) {
        if (!safeName.test(piece.file) || piece.file === runFileName) {
          throw runError(`result ${name} lies in a file whose name is not allowed`, record.study);
        }
        files.set(piece.file, Math.max(end, files.get(piece.file) ?? 0));
      } else if (!from.includes(piece.instance) || end > (sizeOf(piece.instance) ?? -1)) {
        throw runError(
          `result ${name} has a piece of instance ${piece.instance} that is not one of its own`,
          record.study,
        );
      }
    }
    if (total !== size) throw runError(`the pieces of result ${name} have ${total} bytes, not ${size}`, record.study);
  }
  return files;
}

/**
 * Checks that the files are there, plain ones and long enough, removes what no result needs, and syncs what stays. Returns
 * the bytes that stay. Throws `work.bad-run`, and what the disk says.
 */
export async function secureContent(
  directory: string,
  record: RunRecord,
  sizeOf: (instance: number) => number | undefined,
): Promise<number> {
  const needed = filesOf(record, sizeOf);
  const found = await walk(directory);
  let bytes = 0;
  for (const [name, size] of needed) {
    const stats = found.files.get(name);
    if (stats === undefined || stats.size < size)
      throw runError(`the file ${name} is missing or too short`, record.study);
    bytes += stats.size;
    await sync(join(directory, name));
  }
  for (const name of found.files.keys()) if (!needed.has(name)) await rm(join(directory, name));
  for (const name of found.others) await rm(join(directory, name), { recursive: true });
  for (const folder of found.folders.reverse()) {
    const isNeeded = [...needed.keys()].some((name) => name.startsWith(`${folder}/`));
    if (isNeeded) await sync(join(directory, folder));
    else await rm(join(directory, folder), { recursive: true, force: true });
  }
  return bytes;
}

type Found = { files: Map<string, Stats>; folders: string[]; others: string[] };

/** Everything below `directory`, by its path from there; folders before what is in them. Links are never followed. */
async function walk(directory: string): Promise<Found> {
  const found: Found = { files: new Map(), folders: [], others: [] };
  const pending = [''];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    for (const entry of await readdir(join(directory, at), { withFileTypes: true })) {
      const name = at === '' ? entry.name : `${at}/${entry.name}`;
      if (entry.isDirectory()) {
        found.folders.push(name);
        pending.push(name);
      } else if (entry.isFile()) found.files.set(name, await lstat(join(directory, name)));
      else found.others.push(name);
    }
  }
  return found;
}

export async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
