/** The ledger's lines for somebody who does not own it: for `verify`, also while a gateway appends to it. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { CURRENT_LEDGER, readFileLines, rotatedFiles } from './ledgerFiles.ts';

/** All whole lines, oldest first. A last line without its newline is an append under way, and left out. */
export async function* ledgerLines(directory: string): AsyncGenerator<string> {
  const current = join(directory, CURRENT_LEDGER);
  const paths = [...rotatedFiles(directory).map((file) => file.path), ...(existsSync(current) ? [current] : [])];
  for (const path of paths) {
    for await (const { bytes, complete } of readFileLines(path)) {
      if (complete) yield bytes.toString('utf8');
    }
  }
}
