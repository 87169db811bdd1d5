/** An intake that writes each instance as a Part 10 file into a folder: what a receiver does at its simplest, for tests. */
import { closeSync, mkdirSync, openSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeAllSync } from '../../src/base/durableFile.ts';
import { encodeFileMeta } from '../../src/dicom/dataSet/fileMeta.ts';
import type { Intake } from '../../src/dicom/services/storage.ts';

/** Files are named by number, so no identifier of a peer becomes a path. */
export function directoryIntake(folder: string): Intake {
  mkdirSync(folder, { recursive: true });
  let count = 0;
  return {
    begin(header) {
      const path = join(folder, `${++count}.part`);
      const fd = openSync(path, 'w');
      writeAllSync(fd, encodeFileMeta(header));
      return {
        write: (bytes) => {
          writeAllSync(fd, bytes);
          return true;
        },
        onDrain: () => {},
        finish: async () => {
          closeSync(fd);
          renameSync(path, path.replace(/part$/, 'dcm'));
          return { kind: 'stored' };
        },
        discard: () => {
          closeSync(fd);
          rmSync(path, { force: true });
        },
      };
    },
  };
}
