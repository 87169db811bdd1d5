import { closeSync, fchmodSync, fchownSync, fstatSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Makes a directory's entries durable: a created or renamed file survives a power cut only after this. */
export function syncDirectory(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Writes `data` whole at `fd`'s `position`: short writes are continued. */
export function writeAllSync(fd: number, data: Uint8Array, position?: number): void {
  let done = 0;
  while (done < data.length) {
    done += writeSync(fd, data, done, data.length - done, position === undefined ? null : position + done);
  }
}

/** Permissions and owner of a file, whatever the umask and whoever writes. */
export type Ownership = { mode: number; uid: number; gid: number };

function own(fd: number, { mode, uid, gid }: Ownership): void {
  const now = fstatSync(fd);
  if (now.uid !== uid || now.gid !== gid) fchownSync(fd, uid, gid);
  fchmodSync(fd, mode);
}

/**
 * Replaces `path` by `data` so that after a power cut either the old or the new content is there, never a mixture:
 * temporary file, fsync, rename, fsync of the directory.
 */
export function writeFileDurably(path: string, data: string | Uint8Array, mode: number | Ownership = 0o640): void {
  const temporary = `${path}.new`;
  const fd = openSync(temporary, 'w', typeof mode === 'number' ? mode : 0o600);
  try {
    if (typeof mode !== 'number') own(fd, mode);
    writeAllSync(fd, typeof data === 'string' ? Buffer.from(data) : data);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(temporary, path);
  syncDirectory(dirname(path));
}

/** The same without making anybody wait for the disk. Two of them on one path must not overlap. */
export async function replaceFile(path: string, data: string | Uint8Array, mode = 0o640): Promise<void> {
  const temporary = `${path}.new`;
  const file = await open(temporary, 'w', mode);
  try {
    await file.writeFile(data);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  const directory = await open(dirname(path), 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
