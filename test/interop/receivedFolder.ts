/** Part 10 files under a folder, as what they are worth here: SOP instance, transfer syntax, digest of the data set. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseFileMeta } from '../../src/dicom/dataSet/fileMeta.ts';
import { IdentifyingTagScanner } from '../../src/dicom/dataSet/identifyingTags.ts';

export type Received = {
  /** As the command of its C-STORE said. */
  sopInstanceUid: string;
  /** As its data set says; a few real objects contradict themselves. */
  ownSopInstanceUid: string;
  transferSyntaxUid: string;
  digest: string;
  path: string;
};

export const digestOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

export class ReceivedFolder {
  readonly #folder: string;
  readonly #known = new Map<string, Received>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Everything that is there now. Files do not change once they are there, so each is read once. */
  all(): Received[] {
    for (const entry of readdirSync(this.#folder, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name);
      if (!entry.isFile() || !entry.name.endsWith('.dcm') || this.#known.has(path)) continue;
      const bytes = readFileSync(path);
      const meta = parseFileMeta(bytes);
      if (meta === undefined) continue;
      const dataSet = bytes.subarray(meta.dataSetOffset);
      const scanner = new IdentifyingTagScanner(meta.transferSyntaxUid ?? '');
      scanner.push(dataSet);
      const ownSopInstanceUid = scanner.end().sopInstanceUid ?? '';
      const digest = digestOf(dataSet);
      const { sopInstanceUid = '', transferSyntaxUid = '' } = meta;
      this.#known.set(path, { sopInstanceUid, ownSopInstanceUid, transferSyntaxUid, digest, path });
    }
    return [...this.#known.values()];
  }

  /** Waits until `condition` holds of what is there, at most `limitMs`; false when it does not come about. */
  async until(condition: (all: Received[]) => boolean, limitMs: number): Promise<boolean> {
    const end = performance.now() + limitMs;
    for (;;) {
      if (condition(this.all())) return true;
      if (performance.now() > end) return false;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
