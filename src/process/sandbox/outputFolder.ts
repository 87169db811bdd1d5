/** The output folder: how large it has become, and emptying it, whatever a program has made in it. */
import { lstat, opendir, readdir } from 'node:fs/promises';
import { removeTree } from '../../base/removeTree.ts';

/** What an output folder may have beside its bytes: a listing and a manifest must stay readable. */
export const mostEntries = 10_000;
export const mostDepth = 16;

export type OutputSize = {
  bytes: number;
  entries: number;
  /** Counting was ended, as this was passed: the figures are only what was seen until then. */
  over: 'bytes' | 'entries' | 'depth' | 'unreadable' | undefined;
};

/**
 * Sizes are those that a reader would get (a sparse file counts in full), or the space on disk where that is more. It may be called
 * while the program writes; what it does not follow, and only counts wrong, are names that are exchanged meanwhile.
 */
export async function measureOutput(folder: string, limitBytes: number): Promise<OutputSize> {
  const size: OutputSize = { bytes: 0, entries: 0, over: undefined };
  await addFolder(Buffer.from(folder), 1, limitBytes, size).catch(() => {
    size.over ??= 'unreadable';
  });
  return size;
}

/** Names are bytes: one that is not UTF-8 would be lost as text, and its size with it. */
const below = (folder: Buffer, name: Buffer) => Buffer.concat([folder, Buffer.from('/'), name]);

async function addFolder(folder: Buffer, depth: number, limitBytes: number, size: OutputSize): Promise<void> {
  if (depth > mostDepth) {
    size.over = 'depth';
    return;
  }
  const entries = await opendir(folder, { bufferSize: 256, encoding: 'buffer' as BufferEncoding }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') size.over = 'unreadable';
      return undefined;
    },
  );
  if (entries === undefined) return;
  for await (const entry of entries) {
    const path = below(folder, entry.name as unknown as Buffer);
    size.entries++;
    if (entry.isDirectory()) await addFolder(path, depth + 1, limitBytes, size);
    else {
      const stat = await lstat(path).catch(() => undefined);
      if (stat?.isFile()) size.bytes += Math.max(stat.size, stat.blocks * 512);
    }
    if (size.over === undefined && size.bytes > limitBytes) size.over = 'bytes';
    if (size.over === undefined && size.entries > mostEntries) size.over = 'entries';
    if (size.over !== undefined) return;
  }
}

/** Removes what is in `folder`, also where permissions were taken away or paths are longer than the kernel takes. */
export async function emptyFolder(folder: string): Promise<void> {
  for (const name of await readdir(folder, { encoding: 'buffer' })) await removeTree(below(Buffer.from(folder), name));
}

/** Removes what the program kept for itself: names at the top that begin with a dot. */
export async function removeHidden(folder: string): Promise<void> {
  const dot = '.'.charCodeAt(0);
  for (const name of await readdir(folder, { encoding: 'buffer' })) {
    if (name[0] === dot) await removeTree(below(Buffer.from(folder), name));
  }
}
