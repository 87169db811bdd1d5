/** Files that leave beside DICOM objects. */
import type { GateFinding, Leaving } from '../engine/gate.ts';
import type { Needles } from './needles.ts';
import { searchBytes } from './textSearch.ts';

const chunkSize = 8 * 1024 * 1024;
const overlap = 4096;

export function checkFile({ name, source }: Leaving, needles: Needles): GateFinding[] {
  const findings: GateFinding[] = [];
  const hit = (where: string) =>
    findings.push({ code: 'gate.original-value', reason: `an original value in ${where}` });
  if (searchBytes(Buffer.from(name), needles, 'name') !== undefined) hit('the name of a file');
  for (let at = 0; at < source.size; at += chunkSize - overlap) {
    const length = Math.min(chunkSize, source.size - at);
    if (searchBytes(source.read(at, length), needles, 'file') !== undefined) {
      hit('a file');
      break;
    }
    if (at + length === source.size) break;
  }
  return findings;
}
