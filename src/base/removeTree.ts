/**
 * Removes a folder that a foreign program has written: it may have taken rights away, chosen names that are not UTF-8, or
 * nested deeper than a path may be long. Nothing may be writing there any more.
 */
import { randomUUID } from 'node:crypto';
import { chmodSync, lstatSync, readdirSync, renameSync, rmdirSync, unlinkSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { systemCode } from './errors.ts';

/** Folders below this depth are moved to the top first, so that no path becomes longer than the kernel takes. */
const mostDepth = 12;

/** Names are bytes: one that is not UTF-8 would be lost as text. */
const below = (folder: Buffer, name: Buffer | string) => Buffer.concat([folder, Buffer.from('/'), Buffer.from(name)]);

/** Removes `path` and all below; no link is followed. Nothing there is success. Throws what the disk says of what stays. */
export async function removeTree(path: string | Buffer): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch {
    removeTreeSync(path);
  }
}

export function removeTreeSync(path: string | Buffer): void {
  const top = Buffer.from(path);
  const stat = lstatSync(top, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isDirectory()) return unlinkSync(top);
  const waiting: Buffer[] = [];
  emptyFolder(top, 0, { top, waiting });
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    emptyFolder(next, 0, { top, waiting });
    rmdirSync(next);
  }
  rmdirSync(top);
}

type Moved = { top: Buffer; waiting: Buffer[] };

function emptyFolder(folder: Buffer, depth: number, moved: Moved): void {
  allow(folder);
  for (const name of readdirSync(folder, { encoding: 'buffer' })) {
    const path = below(folder, name);
    if (!lstatSync(path).isDirectory()) unlinkSync(path);
    else if (depth < mostDepth) {
      emptyFolder(path, depth + 1, moved);
      rmdirSync(path);
    } else {
      allow(path); // a folder can only be moved by whoever may write into it
      const higher = below(moved.top, randomUUID());
      renameSync(path, higher);
      moved.waiting.push(higher);
    }
  }
}

/** What belongs to another user can be removed all the same by root, or not at all: the next call says so. */
function allow(folder: Buffer): void {
  try {
    chmodSync(folder, 0o700);
  } catch (error) {
    if (systemCode(error) !== 'EPERM') throw error;
  }
}
