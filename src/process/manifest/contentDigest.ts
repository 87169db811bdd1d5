/** The digest of an application: what tells whether two folders of one name and version are the same. Reads files. */
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { GatewayError } from '../../base/errors.ts';

/** A folder beyond this is no application but somebody's data, and would be read at every start. */
const maxFiles = 5000;
const maxBytes = 2 ** 30;

/** What programs leave behind where they run. */
const ignored = /^(__pycache__|\.git|\.DS_Store|.*\.pyc|.*~)$/;

function* filesBelow(folder: string, prefix = ''): Generator<string> {
  const entries = readdirSync(join(folder, prefix), { withFileTypes: true });
  for (const entry of entries.sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)))) {
    if (ignored.test(entry.name)) continue;
    const path = prefix === '' ? entry.name : `${prefix}/${entry.name}`;
    if (entry.isDirectory()) yield* filesBelow(folder, path);
    else yield path;
  }
}

/**
 * SHA-256 over all files of the folder: path, whether it is executable, and content. Links count by where they lead.
 * Errors: `manifest.folder-too-large`.
 */
export function contentDigest(folder: string): string {
  const hash = createHash('sha256');
  let files = 0;
  let bytes = 0;
  for (const path of filesBelow(folder)) {
    const file = join(folder, path);
    const stat = lstatSync(file);
    files += 1;
    bytes += stat.size;
    if (files > maxFiles || bytes > maxBytes) {
      throw new GatewayError(`the folder holds more than ${maxFiles} files or ${maxBytes} bytes`, {
        code: 'manifest.folder-too-large',
        operation: 'read application',
        subject: folder,
        hint: 'keep only what the application needs beside its manifest',
      });
    }
    const content = stat.isSymbolicLink() ? readlinkSync(file) : stat.isFile() ? readFileSync(file) : '';
    const kind = stat.isSymbolicLink() ? 'link' : (stat.mode & 0o111) !== 0 ? 'program' : 'file';
    hash.update(`${kind} ${Buffer.byteLength(content)} ${path}\0`).update(content);
  }
  return hash.digest('hex');
}
