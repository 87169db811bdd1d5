/**
 * Gives decided transactions to their peers: on an association of the peer's that is open, or on one that we open. Each
 * peer has its own queue, in which one report is on its way at a time, and few are in all. A peer that cannot be reached is
 * tried again with back-off; a report that it refuses waits by itself and holds no other up.
 */
import { backoffDelay } from '../base/backoff.ts';
import { describeError, GatewayError } from '../base/errors.ts';
import type { CommitmentReport } from '../dicom/dataSet/commitmentDataSets.ts';
import { statusText } from '../dicom/dimse/status.ts';
import { sendCommitmentReport } from '../dicom/scu/storageCommitment.ts';
import { explainStatus, isStored } from '../dicom/scu/words.ts';
import type { ReportChannel } from '../dicom/services/storageCommitment.ts';
import type { CommitmentOptions, CommitmentTerms } from './options.ts';
import { fieldsOf, type Register } from './register.ts';
import { type Pending, reportOf } from './transaction.ts';

const reportsAtATime = 4;

type Entry = { pending: Pending /** Monotonic. */; notBefore: number };

type Lane = {
  peer: string;
  entries: Set<Entry>;
  channels: Set<ReportChannel>;
  busy: boolean;
  /** Attempts in a row that got no association, and the monotonic time before which none is tried. */
  failures: number;
  notBefore: number;
  lastFailure: string;
  roleSaid: boolean;
};

type Way = { by: 'channel'; channel: ReportChannel } | { by: 'target'; terms: CommitmentTerms };

/** `unreachable`: no association came about, which is nothing against this report. */
type Outcome = { kind: 'taken' } | { kind: 'refused'; why: string } | { kind: 'unreachable'; why: string };

export class Reporter {
  readonly #options: CommitmentOptions;
  readonly #register: Register;
  readonly #lanes = new Map<string, Lane>();
  /** Channels on which a report was not answered. */
  readonly #mute = new WeakSet<ReportChannel>();
  readonly #underWay = new Set<Promise<void>>();
  readonly #stop = new AbortController();

  constructor(options: CommitmentOptions, register: Register) {
    this.#options = options;
    this.#register = register;
  }

  /** Takes a transaction that is decided. */
  add(pending: Pending): void {
    const lane = this.#laneOf(pending.peer);
    lane.entries.add({ pending, notBefore: 0 });
    // After a restart the back-off goes on from where it was, but the first attempt is made at once.
    lane.failures = Math.max(lane.failures, pending.attempts);
    this.#pump(lane);
  }

  /** The peer has opened an association on which reports may go. */
  opened(channel: ReportChannel): void {
    const lane = this.#laneOf(channel.peer);
    lane.channels.add(channel);
    this.#pump(lane);
  }

  /** Looks at what is due. */
  look(): void {
    for (const lane of this.#lanes.values()) {
      for (const channel of lane.channels) if (!channel.open) lane.channels.delete(channel);
      if (!lane.busy) this.#giveUp(lane);
      if (lane.entries.size === 0 && lane.channels.size === 0 && !lane.busy) this.#lanes.delete(lane.peer);
      else this.#pump(lane);
    }
  }

  /** Peers to which reports cannot be given, and why. */
  get failing(): Array<{ peer: string; reports: number; reason: string }> {
    return [...this.#lanes.values()]
      .filter(({ lastFailure, entries }) => lastFailure !== '' && entries.size > 0)
      .map(({ peer, entries, lastFailure }) => ({ peer, reports: entries.size, reason: lastFailure }));
  }

  /** Reports that are on their way are cut off: they are given again after the next start. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.allSettled(this.#underWay);
  }

  #laneOf(peer: string): Lane {
    const lane = this.#lanes.get(peer) ?? {
      ...{ peer, entries: new Set<Entry>(), channels: new Set<ReportChannel>(), busy: false },
      ...{ failures: 0, notBefore: 0, lastFailure: '', roleSaid: false },
    };
    this.#lanes.set(peer, lane);
    return lane;
  }

  #pump(lane: Lane): void {
    if (this.#stop.signal.aborted || lane.busy || this.#underWay.size >= reportsAtATime) return;
    const now = this.#options.clock.monotonic();
    for (const entry of lane.entries) {
      const way = entry.notBefore <= now ? this.#wayFor(entry.pending, lane, now) : undefined;
      if (way === undefined) continue;
      lane.busy = true;
      const work = this.#attempt(entry, lane, way);
      this.#underWay.add(work);
      void work.finally(() => {
        this.#underWay.delete(work);
        lane.busy = false;
        this.look();
      });
      return;
    }
  }

  #wayFor({ peer, channel: own }: Pending, lane: Lane, now: number): Way | undefined {
    const terms = this.#options.terms(peer);
    if (terms === undefined) return undefined;
    const usable = (channel: ReportChannel) => channel.open && !this.#mute.has(channel);
    if ((terms.sameAssociation || terms.target === undefined) && own && usable(own)) {
      return { by: 'channel', channel: own };
    }
    if (terms.target !== undefined) return lane.notBefore <= now ? { by: 'target', terms } : undefined;
    const channel = [...lane.channels].find(usable);
    return channel && { by: 'channel', channel };
  }

  /** Never rejects. */
  async #attempt(entry: Entry, lane: Lane, way: Way): Promise<void> {
    const { pending } = entry;
    try {
      const record = await this.#register.read(pending);
      if (record === undefined) return void lane.entries.delete(entry);
      const report = reportOf(record);
      const outcome =
        way.by === 'channel'
          ? await this.#overChannel(way.channel, report)
          : await this.#toTarget(lane, way, pending, report);
      if (this.#stop.signal.aborted && outcome.kind !== 'taken') return;
      if (outcome.kind === 'taken') return await this.#taken(entry, lane, report, way.by);
      this.#failed(entry, lane, way, outcome);
      await this.#register.files.save({ ...record, attempts: pending.attempts });
    } catch (error) {
      entry.notBefore = this.#options.clock.monotonic() + this.#delay(++pending.attempts);
      const message = `a commitment report could not be prepared: ${describeError(error)}; it is tried again`;
      this.#options.log.error('commitment.report-fault', message, fieldsOf(pending));
    }
  }

  async #overChannel(channel: ReportChannel, report: CommitmentReport): Promise<Outcome> {
    const { clock, answerMs } = this.#options;
    const answered = new AbortController();
    const signal = AbortSignal.any([answered.signal, this.#stop.signal]);
    const late = clock.sleep(answerMs, signal).then(() => Promise.reject(new Error(`no answer within ${answerMs} ms`)));
    try {
      return outcomeOf(await Promise.race([channel.report(report), late]));
    } catch (error) {
      this.#mute.add(channel);
      return { kind: 'refused', why: `on the peer's association: ${describeError(error)}` };
    } finally {
      late.catch(() => {});
      answered.abort();
    }
  }

  async #toTarget(
    lane: Lane,
    { terms }: Extract<Way, { by: 'target' }>,
    pending: Pending,
    report: CommitmentReport,
  ): Promise<Outcome> {
    let isOpen = false;
    try {
      const target = terms.target?.(pending);
      if (target === undefined) return { kind: 'unreachable', why: 'no receiver of reports is configured' };
      const timeouts = { responseMs: this.#options.answerMs, ...target.timeouts };
      const { status, roleGranted } = await sendCommitmentReport(
        { ...target, timeouts, signal: this.#stop.signal },
        report,
        () => {
          isOpen = true;
        },
      );
      if (!roleGranted) this.#sayRole(lane);
      return outcomeOf(status);
    } catch (error) {
      const hint = error instanceof GatewayError && error.hint ? `; ${error.hint}` : '';
      return { kind: isOpen ? 'refused' : 'unreachable', why: `${describeError(error)}${hint}` };
    }
  }

  #sayRole(lane: Lane): void {
    if (lane.roleSaid) return;
    lane.roleSaid = true;
    const message = 'the peer did not grant us the role of SCP, and was sent the report all the same';
    this.#options.log.info('commitment.role-not-granted', message, { peer: lane.peer });
  }

  async #taken(entry: Entry, lane: Lane, report: CommitmentReport, by: Way['by']): Promise<void> {
    const { pending } = entry;
    const failed = report.failed.length;
    lane.entries.delete(entry);
    if (by === 'target') Object.assign(lane, { failures: 0, notBefore: 0 });
    lane.lastFailure = '';
    this.#register.count(pending.peer, 'reported');
    if (failed > 0) this.#register.count(pending.peer, 'failed');
    await this.#register.remove(pending);
    const fields = { ...fieldsOf(pending), failed, attempts: pending.attempts + 1 };
    this.#options.log.info('commitment.reported', 'storage commitment reported', fields);
  }

  #delay(attempts: number): number {
    return backoffDelay(this.#options.reportRetry, attempts);
  }

  #failed(entry: Entry, lane: Lane, way: Way, outcome: Exclude<Outcome, { kind: 'taken' }>): void {
    const { clock, log } = this.#options;
    const { pending } = entry;
    pending.attempts++;
    const now = clock.monotonic();
    lane.lastFailure = outcome.why;
    const fields = { ...fieldsOf(pending), attempts: pending.attempts };
    if (outcome.kind === 'unreachable') {
      lane.failures++;
      lane.notBefore = now + this.#delay(lane.failures);
      const message = `no association for storage commitment reports: ${outcome.why}; it is tried again`;
      return log.warn('commitment.unreachable', message, fields);
    }
    // An association that was used up leaves the other way open at once.
    if (way.by === 'target' || !this.#mute.has(way.channel)) entry.notBefore = now + this.#delay(pending.attempts);
    const message = `a storage commitment report was not taken: ${outcome.why}; it is tried again`;
    log.warn('commitment.report-refused', message, fields);
  }

  #giveUp(lane: Lane): void {
    const { clock, reportRetry, log } = this.#options;
    for (const entry of lane.entries) {
      const { pending } = entry;
      if (clock.now() - (pending.resolvedAt ?? clock.now()) <= reportRetry.giveUpAfterMs) continue;
      lane.entries.delete(entry);
      this.#register.count(pending.peer, 'dropped');
      void this.#register.remove(pending);
      const why = lane.lastFailure || 'the peer opened no association for it';
      const message = `a storage commitment report was given up: ${why}; the sender does not know what became of its request`;
      log.error('commitment.report-dropped', message, { ...fieldsOf(pending), attempts: pending.attempts });
    }
  }
}

function outcomeOf(status: number): Outcome {
  if (isStored(status)) return { kind: 'taken' }; // a warning is no refusal
  return { kind: 'refused', why: status === 0xffff ? `answered ${statusText(status)}` : explainStatus(status).why };
}
