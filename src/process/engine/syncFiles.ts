/** Makes the files of a run durable: once for each file, off the event loop. */
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';

export async function syncFiles(directory: string): Promise<void> {
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    if (entry.isFile()) await sync(join(directory, entry.name));
  }
  await sync(directory);
}

async function sync(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
