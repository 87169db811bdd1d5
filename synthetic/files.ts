import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { writeAllSync } from '../src/base/durableFile.ts';
import type { SyntheticInstance } from './instance.ts';

function writeChunks(path: string, chunks: Iterable<Uint8Array>): void {
  const fd = openSync(path, 'w');
  try {
    for (const chunk of chunks) writeAllSync(fd, chunk);
  } finally {
    closeSync(fd);
  }
}

/** Writes one Part 10 file, piece by piece. */
export function writePart10File(path: string, instance: SyntheticInstance): void {
  writeChunks(path, part10Chunks(instance));
}

function* part10Chunks(instance: SyntheticInstance): Generator<Uint8Array> {
  yield instance.part10Head();
  yield* instance.chunks();
}

/** Writes the bare data set, as it goes over the wire, piece by piece. */
export function writeDataSetFile(path: string, instance: SyntheticInstance): void {
  writeChunks(path, instance.chunks());
}

export type WrittenInstance = { path: string; instance: SyntheticInstance };

/** Writes each instance of a study as a Part 10 file `<SOP Instance UID>.dcm` into `directory`, which is made. */
export function writeStudy(directory: string, instances: Iterable<SyntheticInstance>): WrittenInstance[] {
  mkdirSync(directory, { recursive: true });
  const written: WrittenInstance[] = [];
  for (const instance of instances) {
    const path = join(directory, `${instance.sopInstanceUid}.dcm`);
    writePart10File(path, instance);
    written.push({ path, instance });
  }
  return written;
}
