/** How an association ended, and what it did: kept until the end, and said in one line. */
import { status } from '../dimse/status.ts';
import type { AssociationCounters, AssociationLog, Ending } from './associationLog.ts';
import type { StorageResult } from './intake.ts';

export function countInstance(counters: AssociationCounters, { bytes, status: code, outcome }: StorageResult): void {
  counters.bytes += bytes;
  if (code !== status.success) counters.refused++;
  else if (outcome?.kind === 'duplicate') counters.duplicates++;
  else counters.instances++;
}

export class AssociationEnd {
  readonly #log: AssociationLog;
  readonly #counters: AssociationCounters;
  readonly #monotonic: () => number;
  readonly #startedAt: number;
  #ending: Ending | undefined;
  #said = false;

  constructor(log: AssociationLog, counters: AssociationCounters, monotonic: () => number) {
    this.#log = log;
    this.#counters = counters;
    this.#monotonic = monotonic;
    this.#startedAt = monotonic();
  }

  get ending(): Ending {
    return this.#ending ?? { how: 'closed', by: 'transport' };
  }

  /** What came first is the reason; what follows from it is not. */
  note(ending: Ending): void {
    this.#ending ??= ending;
  }

  /** One line, once. */
  say(admitted: boolean): void {
    if (this.#said) return;
    this.#said = true;
    const seconds = Math.round(this.#monotonic() - this.#startedAt) / 1000;
    this.#log.ended(this.ending, this.#counters, seconds, admitted);
  }
}
