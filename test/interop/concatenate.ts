import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** One file with the content of several: socat wants certificate and key in one. */
export function concatenateFiles(directory: string, paths: string[]): string {
  const path = join(directory, 'credentials.pem');
  writeFileSync(path, paths.map((one) => readFileSync(one, 'utf8')).join('\n'), { mode: 0o600 });
  return path;
}
