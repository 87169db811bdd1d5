/**
 * Which studies came on which association, so that applications need not wait for the quiet time when a sender has released
 * its association. One that was cut off says nothing: the sender will come back with the rest.
 */
import { describeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { AssociationObserver } from '../dicom/services/associationObserver.ts';
import type { Spool } from '../spool/spool.ts';

type Association = Parameters<AssociationObserver['onAdmitted']>[0];

/** Of an association that brings more than that, the quiet time decides. */
const maxStudies = 1_000;

export function associationEnds(options: {
  spool: Pick<Spool, 'flushIndex' | 'tasks'>;
  /** Milliseconds from the end to when a study is due; undefined: ends do not count. */
  graceMs: number | undefined;
  now(): number;
  /** Something may be due earlier than before. */
  onHastened(): void;
  log: Log;
}): AssociationObserver {
  const { spool, graceMs, now, onHastened, log } = options;
  const open = new Map<Association, Set<string>>();
  const nothing = () => {};
  return {
    onAdmitted: nothing,
    onRejected: nothing,
    onHeld: nothing,
    onHandshakeFailed: nothing,
    onLimit: nothing,
    onInstance(association, { outcome }) {
      if (graceMs === undefined || (outcome?.kind !== 'stored' && outcome?.kind !== 'new-version')) return;
      if (outcome.study === undefined) return;
      const studies = open.get(association) ?? new Set();
      if (studies.size < maxStudies) studies.add(outcome.study);
      open.set(association, studies);
    },
    onClosed(association, { how }) {
      const brought = open.get(association);
      open.delete(association);
      if (brought === undefined || graceMs === undefined || how !== 'released') return;
      const others = [...open.values()];
      const studies = [...brought].filter((study) => !others.some((one) => one.has(study)));
      try {
        spool.flushIndex(); // the last of them have only just been acknowledged
        if (studies.length > 0 && spool.tasks.hasten({ studies, at: now() + graceMs }) > 0) onHastened();
      } catch (error) {
        const message = `the end of an association could not be noted: ${describeError(error)}; the quiet time decides`;
        log.warn('work.association-end', message);
      }
    },
  };
}
