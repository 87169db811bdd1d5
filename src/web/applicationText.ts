/** A split application as a row of cells, for the status page and the command line. Pure. */
import { formatCount, formatDuration, formatShare, formatSize } from './format.ts';
import type { ApplicationStatus } from './status.ts';

export const applicationColumns = [
  'Application',
  'Waiting',
  'Running',
  'Finished',
  'Not wanted',
  'Quarantine',
  'In',
  'Out',
  'Share',
  'Promised',
  'CPU',
  'Peak memory',
  'Time',
];

export function applicationCells(one: ApplicationStatus): string[] {
  const { gathering, due, running, finished, skipped, quarantined } = one.tasks;
  const waiting = gathering + due - running;
  return [
    `${one.application}@${one.version}`,
    ...[waiting, running, finished, skipped, quarantined].map(formatCount),
    formatSize(one.bytesIn),
    formatSize(one.bytesOut),
    one.ratio === undefined ? '' : formatShare(one.ratio),
    one.promisedRatio === undefined ? '' : formatShare(one.promisedRatio),
    `${one.cpuSeconds.toFixed(1)} s`,
    formatSize(one.peakMemoryBytes),
    formatDuration(one.wallMs),
  ];
}

/** What somebody should know beside the figures. */
export function applicationNote({ waitsFor, lastFailure }: ApplicationStatus): string | undefined {
  if (waitsFor !== undefined) return `waits: ${waitsFor.message}. ${waitsFor.hint}`;
  return lastFailure === undefined ? undefined : `last failure, study ${lastFailure.study}: ${lastFailure.message}`;
}
