/** Commitments on a real folder, with a spool that says what a test wants and a receiver of reports that is real. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import { createMemoryLog } from '../../src/base/log.ts';
import { Commitments } from '../../src/commitment/commitments.ts';
import type { CommitmentOptions, CommitmentTerms } from '../../src/commitment/options.ts';
import type { CommitmentReport, SopReference } from '../../src/dicom/dataSet/commitmentDataSets.ts';
import { type ReportReceiver, startReportReceiver } from '../../src/dicom/scu/reportReceiver.ts';
import type { CommitmentAnswer } from '../../src/dicom/services/commitmentAction.ts';
import type { ReportChannel } from '../../src/dicom/services/storageCommitment.ts';
import { isStorageSopClass } from '../../src/dicom/uids.ts';
import type { Holding } from '../../src/spool/spoolTypes.ts';

export const ct = '1.2.840.10008.5.1.4.1.1.2';
export const reference = (end: string, sopClassUid = ct): SopReference => ({
  sopClassUid,
  sopInstanceUid: `1.2.3.${end}`,
});
export const held = (state: Holding['state'], change: Partial<Holding> = {}): Holding => ({
  sopClassUid: ct,
  state,
  isIntact: true,
  isConfirmed: state === 'delivered' || state === 'pruned',
  ...change,
});

/** An association that answers reports as the test says. */
export class TestChannel implements ReportChannel {
  readonly peer: string;
  open = true;
  reports: CommitmentReport[] = [];
  answer: () => Promise<number> = async () => 0;
  constructor(peer = 'CT1') {
    this.peer = peer;
  }
  report(report: CommitmentReport): Promise<number> {
    this.reports.push(report);
    return this.answer();
  }
}

export class Fixture {
  readonly directory = mkdtempSync(join(tmpdir(), 'medusa-commitment-'));
  readonly holdings = new Map<string, Holding[]>();
  readonly lookups: string[] = [];
  readonly reports: Array<{ report: CommitmentReport; peer: string }> = [];
  readonly memory = createMemoryLog();
  /** Status with which the receiver answers. */
  answer = 0;
  indexWorks = true;
  clock: Clock = systemClock;
  change: Partial<CommitmentOptions> = {};
  termsChange: Partial<CommitmentTerms> = {};
  /** By calling AE title; those that are not in it have no terms. */
  peers = new Set(['CT1', 'CT2']);
  port = 0;
  commitments!: Commitments;
  #receiver: ReportReceiver | undefined;

  async listen(port = 0): Promise<void> {
    this.#receiver = await startReportReceiver({
      host: '127.0.0.1',
      port,
      log: this.memory.log,
      onReport: (report, { peer }) => {
        this.reports.push({ report, peer });
        return this.answer;
      },
    });
    this.port = this.#receiver.port;
  }

  async stopListening(): Promise<void> {
    await this.#receiver?.stop();
    this.#receiver = undefined;
  }

  async start(): Promise<Commitments> {
    this.commitments = await Commitments.open({
      directory: join(this.directory, 'commitments'),
      terms: (peer) => (this.peers.has(peer) ? this.#terms(peer) : undefined),
      spool: {
        flushIndex: () => this.indexWorks,
        holdings: (uid) => {
          this.lookups.push(uid);
          return this.holdings.get(uid) ?? [];
        },
      },
      giveUpAfterMs: 60_000,
      reportRetry: { initialMs: 50, capMs: 200, giveUpAfterMs: 60_000 },
      answerMs: 5_000,
      pendingPerPeer: 10,
      instancesPerRequest: 1000,
      clock: this.clock,
      log: this.memory.log,
      ...this.change,
    });
    this.commitments.start();
    return this.commitments;
  }

  #terms(account: string): CommitmentTerms {
    return {
      account,
      means: 'spooled',
      sameAssociation: false,
      supports: isStorageSopClass,
      target: ({ peer, calledAeTitle }) => ({
        host: '127.0.0.1',
        port: this.port,
        callingAeTitle: calledAeTitle,
        calledAeTitle: peer,
      }),
      ...this.termsChange,
    };
  }

  ask(
    transactionUid: string,
    references: SopReference[],
    channel: ReportChannel = new TestChannel(),
  ): Promise<CommitmentAnswer> {
    return this.commitments.request({ transactionUid, references }, { calledAeTitle: 'MEDUSA', channel });
  }

  files(): string[] {
    return readdirSync(join(this.directory, 'commitments'));
  }

  events(): string[] {
    return this.memory.lines.map(({ event }) => event);
  }

  async until(condition: () => boolean, what = 'condition', timeoutMs = 30_000): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    while (!condition()) {
      if (Date.now() > deadline) throw new Error(`not in time: ${what}; ${JSON.stringify(this.memory.lines)}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async remove(): Promise<void> {
    await this.commitments?.stop();
    await this.stopListening();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
