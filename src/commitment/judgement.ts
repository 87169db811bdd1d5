/** Whether an instance is as safe as a peer was promised. Pure. */
import { failureReason, type SopReference } from '../dicom/dataSet/commitmentDataSets.ts';
import type { Holding } from '../spool/spoolTypes.ts';
import type { InstanceState } from '../spool/states.ts';

/** spooled: safe on our disk, or beyond. delivered: every store that it goes to has confirmed it, or what an application made of it. */
export type Meaning = 'spooled' | 'delivered';

export type Verdict = { kind: 'safe' } | { kind: 'wait' } | { kind: 'failed'; reason: number };

const safe: Verdict = { kind: 'safe' };
const wait: Verdict = { kind: 'wait' };
const failed = (reason: number): Verdict => ({ kind: 'failed', reason });
const processingFailure = failed(failureReason.processingFailure);

type Judge = (holding: Holding) => Verdict;
const ifIntact: Judge = ({ isIntact }) => (isIntact ? safe : processingFailure);
const ifConfirmed: Judge = ({ isConfirmed }) => (isConfirmed ? safe : processingFailure);

/**
 * `delivered` and `pruned` say that nothing is still to come, also where no store has anything of it: an application did not
 * want it. Only what is confirmed has a durable receipt (src/delivery/dispatcher.ts).
 */
const table: Readonly<Record<Meaning, Readonly<Record<InstanceState, Judge>>>> = {
  spooled: {
    received: ifIntact,
    ready: ifIntact,
    quarantined: ifIntact, // no store takes it, but it is here, and stays
    delivered: () => safe,
    pruned: ifConfirmed, // it is here no more
  },
  delivered: {
    received: () => processingFailure, // no route: it goes nowhere
    ready: (holding) => (holding.isIntact ? wait : processingFailure),
    quarantined: () => processingFailure,
    delivered: ifConfirmed,
    pruned: ifConfirmed,
  },
};

const rank: Record<Verdict['kind'], number> = { failed: 0, wait: 1, safe: 2 };

/**
 * `holdings`: the versions that are known of the instance. When it came several times with different bytes, each version
 * has to be safe: which of them the peer means cannot be told. `supports`: whether the SOP class is taken from this peer.
 */
export function judge(
  reference: SopReference,
  holdings: readonly Holding[],
  means: Meaning,
  supports: (sopClassUid: string) => boolean,
): Verdict {
  if (holdings.length === 0) {
    const isSupported = supports(reference.sopClassUid);
    return failed(isSupported ? failureReason.noSuchObjectInstance : failureReason.sopClassNotSupported);
  }
  // Of what only a receipt is left of, the class is not known any more.
  const conflicts = holdings.some(({ sopClassUid }) => sopClassUid !== '' && sopClassUid !== reference.sopClassUid);
  if (conflicts) return failed(failureReason.classInstanceConflict);
  return holdings
    .map((holding) => table[means][holding.state](holding))
    .reduce((worst, verdict) => (rank[verdict.kind] < rank[worst.kind] ? verdict : worst), safe);
}
