/** Reading and writing files, and walking directories, for the directory store. */
import { createHash } from 'node:crypto';
import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../../base/errors.ts';
import { directoryError } from './directoryErrors.ts';
import { checkAborted } from './storeErrors.ts';
import { RESERVED_COMPONENT } from './storeKeys.ts';

const READ_CHUNK_BYTES = 256 * 1024;

/** Bytes gathered before they are written: each call is a trip through Node's thread pool. */
const WRITE_BYTES = 1 << 20;

/** Writes all of the source, in few calls; `onChunk` sees each chunk before. */
export async function writeAll(
  handle: FileHandle,
  source: AsyncIterable<Uint8Array>,
  onChunk: (chunk: Uint8Array) => void,
): Promise<void> {
  let gathered: Uint8Array[] = [];
  let bytes = 0;
  const flush = async (): Promise<void> => {
    const chunks = gathered;
    gathered = [];
    bytes = 0;
    const { bytesWritten } = await handle.writev(chunks);
    const size = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    // A short write comes before an error, such as a disk that is full: the rest tells which.
    if (bytesWritten < size) await writeRest(handle, Buffer.concat(chunks), bytesWritten);
  };
  for await (const chunk of source) {
    onChunk(chunk);
    gathered.push(chunk);
    bytes += chunk.length;
    if (bytes >= WRITE_BYTES) await flush();
  }
  if (bytes > 0) await flush();
}

async function writeRest(handle: FileHandle, data: Buffer, from: number): Promise<void> {
  for (let done = from; done < data.length; ) done += (await handle.write(data, done)).bytesWritten;
}

export function isAbsent(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'EISDIR'].includes(systemCode(error) ?? '');
}

/** undefined when there is nothing of that name; throws EISDIR for a directory. */
export async function fileSize(path: string): Promise<number | undefined> {
  try {
    const found = await stat(path);
    if (!found.isDirectory()) return found.size;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  throw Object.assign(new Error('it is a directory'), { code: 'EISDIR' });
}

export async function* readFile(path: string, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  const handle = await open(path, 'r');
  try {
    for (;;) {
      checkAborted(signal, 'read object', path);
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(READ_CHUNK_BYTES), 0, READ_CHUNK_BYTES);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}

export async function hashFile(
  path: string,
  signal: AbortSignal | undefined,
): Promise<{ size: number; sha256: string }> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of readFile(path, signal)) {
    size += chunk.length;
    hash.update(chunk);
  }
  return { size, sha256: hash.digest('hex') };
}

/**
 * Files under `root/folder` whose path from root starts with `prefix`, in the byte order of their whole names, as S3
 * lists. Directories that vanish meanwhile are taken as empty.
 */
export async function* walk(
  root: string,
  folder: string,
  prefix: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<{ name: string; size: number }> {
  checkAborted(signal, 'list objects', prefix);
  const entries = await readdir(join(root, folder), { withFileTypes: true }).catch((error) => {
    if (isAbsent(error)) return [];
    throw directoryError(error, 'list objects', folder);
  });
  // A directory sorts as its name with the slash that follows: "a-b" comes before "a/b".
  const names = entries
    .filter((entry) => folder !== '' || entry.name !== RESERVED_COMPONENT)
    .map((entry) => (entry.isDirectory() ? `${folder}${entry.name}/` : `${folder}${entry.name}`))
    .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  for (const name of names) {
    if (name.endsWith('/')) {
      if (name.startsWith(prefix) || prefix.startsWith(name)) yield* walk(root, name, prefix, signal);
    } else if (name.startsWith(prefix)) {
      const size = await fileSize(join(root, name)).catch((error) => {
        throw directoryError(error, 'list objects', name);
      });
      if (size !== undefined) yield { name, size };
    }
  }
}
