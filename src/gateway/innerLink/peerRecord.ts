/** All figures of one peer. What an event means for them is decided here, with its time passed in; who it was, before. Pure. */
import { status, statusText } from '../../dicom/dimse/status.ts';
import type { Admission, LimitName } from '../../dicom/services/access.ts';
import type { Ending } from '../../dicom/services/associationLog.ts';
import { DayOfHistograms, type HourEntries } from './dayOfHistograms.ts';
import { evidenceOfAnswer, evidenceOfEnding, evidenceOfRejection } from './evidence.ts';
import { type Evidence, Minutes, type MinutesEntries } from './minutes.ts';
import { RecentSum } from './recentSum.ts';
import { rejectionName } from './rejectionName.ts';
import { SecondsBuckets, type SecondsEntries } from './secondsBuckets.ts';

/** They only grow, and survive restarts. */
export type PeerCounters = {
  associations: number;
  released: number;
  abortedByPeer: number;
  abortedByUs: number;
  /** Connections that closed without A-RELEASE or A-ABORT. */
  broken: number;
  /** Acknowledged with Success, duplicates included. */
  instances: number;
  duplicates: number;
  bytes: number;
  /** Instances by the status that they were answered with, such as `A700H`. */
  refused: Record<string, number>;
  /** Associations by the reason of their rejection. */
  rejected: Record<string, number>;
};

/** A record as it is written to a file. */
export type PeerEntries = {
  aeTitle: string;
  since: number;
  lastSeenAt?: number | undefined;
  lastSuccessAt?: number | undefined;
  counters: PeerCounters;
  minutes: MinutesEntries;
  bytesPerSecond: HourEntries;
  imagesPerSecond: HourEntries;
  acknowledgeMs: HourEntries;
  acknowledged: SecondsEntries;
};

type Answer = { status: number; limit?: LimitName; bytes: number; acknowledgeMs: number; duplicate: boolean };

const minuteMs = 60_000;
const count = (counts: Record<string, number>, name: string) => {
  counts[name] = (counts[name] ?? 0) + 1;
};

export class PeerRecord {
  readonly aeTitle: string;
  readonly since: number;
  readonly counters: PeerCounters;
  readonly minutes: Minutes;
  /** Of one association each. */
  readonly bytesPerSecond: DayOfHistograms;
  readonly imagesPerSecond: DayOfHistograms;
  readonly acknowledgeMs: DayOfHistograms;
  readonly acknowledged: SecondsBuckets;
  readonly recentBytes = new RecentSum(minuteMs);
  readonly recentImages = new RecentSum(minuteMs);
  openAssociations = 0;
  lastSeenAt: number | undefined;
  lastSuccessAt: number | undefined;

  constructor(aeTitle: string, now: number, saved?: PeerEntries) {
    this.aeTitle = aeTitle;
    this.since = saved?.since ?? now;
    this.lastSeenAt = saved?.lastSeenAt;
    this.lastSuccessAt = saved?.lastSuccessAt;
    const none = { associations: 0, released: 0, abortedByPeer: 0, abortedByUs: 0, broken: 0 };
    this.counters = saved?.counters ?? { ...none, instances: 0, duplicates: 0, bytes: 0, refused: {}, rejected: {} };
    this.minutes = new Minutes(saved?.minutes);
    this.bytesPerSecond = new DayOfHistograms(saved?.bytesPerSecond);
    this.imagesPerSecond = new DayOfHistograms(saved?.imagesPerSecond);
    this.acknowledgeMs = new DayOfHistograms(saved?.acknowledgeMs);
    this.acknowledged = new SecondsBuckets(saved?.acknowledged);
  }

  admitted(now: number): void {
    this.counters.associations++;
    this.openAssociations++;
    this.#seen(now, 'good');
  }

  rejected(verdict: Extract<Admission, { admitted: false }>, now: number): void {
    count(this.counters.rejected, rejectionName(verdict.rejection));
    this.#seen(now, evidenceOfRejection(verdict));
  }

  answered(answer: Answer, now: number): void {
    const { counters } = this;
    if (answer.status === status.success) {
      counters.instances++;
      counters.bytes += answer.bytes;
      if (answer.duplicate) counters.duplicates++;
      this.lastSuccessAt = now;
      this.acknowledgeMs.add(answer.acknowledgeMs, now);
      this.acknowledged.add(answer.acknowledgeMs / 1000);
      this.recentBytes.add(answer.bytes, now);
      this.recentImages.add(1, now);
    } else count(counters.refused, statusText(answer.status));
    this.#seen(now, evidenceOfAnswer(answer));
  }

  /** `stored`: what the association has brought, and the time that its C-STOREs took. */
  closed(ending: Ending, stored: { bytes: number; images: number; busyMs: number }, now: number): void {
    this.openAssociations--;
    if (ending.how === 'released') this.counters.released++;
    else if (ending.how === 'closed') this.counters.broken++;
    else if (ending.by === 'peer') this.counters.abortedByPeer++;
    else this.counters.abortedByUs++;
    if (stored.images > 0 && stored.busyMs > 0) {
      this.bytesPerSecond.add((stored.bytes * 1000) / stored.busyMs, now);
      this.imagesPerSecond.add((stored.images * 1000) / stored.busyMs, now);
    }
    const evidence = evidenceOfEnding(ending);
    if (evidence) this.minutes.note(evidence, now);
  }

  /** Evidence that is no word from the peer itself: a failed handshake, or that we did not listen. */
  linkWasBad(now: number): void {
    this.minutes.note('bad', now);
  }

  #seen(now: number, evidence: Evidence | undefined): void {
    this.lastSeenAt = now;
    if (evidence) this.minutes.note(evidence, now);
  }

  entries(): PeerEntries {
    return {
      ...{ aeTitle: this.aeTitle, since: this.since, lastSeenAt: this.lastSeenAt, lastSuccessAt: this.lastSuccessAt },
      counters: this.counters,
      minutes: this.minutes.entries(),
      bytesPerSecond: this.bytesPerSecond.entries(),
      imagesPerSecond: this.imagesPerSecond.entries(),
      acknowledgeMs: this.acknowledgeMs.entries(),
      acknowledged: this.acknowledged.entries(),
    };
  }
}
