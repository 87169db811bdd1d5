/** Programs of this machine that tests call when they are there. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

export function hasProgram(name: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${name}`], { stdio: 'ignore' }).status === 0;
}

/** A folder beside the project that holds real objects; tests that want it say so when they skip. */
export const corpusFolder = new URL('../../../shared/corpus/', import.meta.url).pathname;
export const hasCorpus = existsSync(corpusFolder);
