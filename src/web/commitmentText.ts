/** Storage commitment as a row of cells, for the status page and the command line. Pure. */
import { formatCount } from './format.ts';
import type { CommitmentStatus } from './status.ts';

export const commitmentColumns = [
  'Asked by',
  'Pending',
  'To report',
  'Reported',
  'With failures',
  'Given up',
  'Refused',
];

export function commitmentCells(peer: CommitmentStatus): string[] {
  const { aeTitle, pending, reporting, reported, failed, dropped, refused } = peer;
  return [aeTitle, ...[pending, reporting, reported, failed, dropped, refused].map(formatCount)];
}
