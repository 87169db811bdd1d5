/**
 * Storage commitment as a whole (PS3.4 annex J): takes requests from the associations, keeps them until they are decided
 * and reported, whatever happens to this process meanwhile. Success is answered to a request when its file is durable.
 */
import { describeError, systemCode } from '../base/errors.ts';
import type { CommitmentRequest } from '../dicom/dataSet/commitmentDataSets.ts';
import { actionStatus, type CommitmentAnswer } from '../dicom/services/commitmentAction.ts';
import { printable } from '../dicom/services/printable.ts';
import type { CommitmentDesk, ReportChannel } from '../dicom/services/storageCommitment.ts';
import type { CommitmentOptions } from './options.ts';
import { type CommitmentFigures, fieldsOf, Register } from './register.ts';
import { Reporter } from './reporter.ts';
import { Resolver } from './resolver.ts';
import { digestOf, type Pending, pendingOf, type TransactionRecord } from './transaction.ts';

/** Bytes of requests, of all peers together, that may be under way at the same time: until they are answered. */
const maxIncomingBytes = 64 * 1024 * 1024;
const lookMs = 250;
const longTurnMs = 5;
const restAfterTurn = 2;

const success: CommitmentAnswer = { status: actionStatus.success };

export class Commitments implements CommitmentDesk {
  readonly #options: CommitmentOptions;
  readonly #register: Register;
  readonly #resolver: Resolver;
  readonly #reporter: Reporter;
  /** Requests that are being written, with the answer that they will get. */
  readonly #saving = new Map<Pending, Promise<CommitmentAnswer>>();
  #incomingBytes = 0;
  /** What waits for a turn of its own. */
  readonly #turns: Array<() => void> = [];
  #loaded: Pending[] = [];
  #timer: NodeJS.Timeout | undefined;

  private constructor(options: CommitmentOptions) {
    this.#options = options;
    this.#register = new Register(options);
    this.#reporter = new Reporter(options, this.#register);
    this.#resolver = new Resolver(options, this.#register, (pending) => this.#reporter.add(pending));
  }

  /** Reads what is pending. Requests may come from now on; nothing is reported before `start`. */
  static async open(options: CommitmentOptions): Promise<Commitments> {
    const commitments = new Commitments(options);
    commitments.#loaded = await commitments.#register.load();
    return commitments;
  }

  start(): void {
    for (const pending of this.#loaded) this.#takeUp(pending);
    if (this.#loaded.length > 0) {
      const message = 'commitment requests from before the start are taken up again';
      this.#options.log.info('commitment.resumed', message, { requests: this.#loaded.length });
    }
    this.#loaded = [];
    this.#timer = setInterval(() => {
      this.#resolver.look();
      this.#reporter.look();
    }, lookMs);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.allSettled(this.#saving.values());
    await this.#resolver.stop();
    await this.#reporter.stop();
  }

  figures(): Array<CommitmentFigures & { peer: string }> {
    return this.#register.figures();
  }

  /** What an operator should know of. */
  troubles(): { failing: Reporter['failing']; damaged: number } {
    return { failing: this.#reporter.failing, damaged: this.#register.damaged };
  }

  // CommitmentDesk

  terms(peer: string): { instancesPerRequest: number } | undefined {
    return this.#options.terms(peer) && { instancesPerRequest: this.#options.instancesPerRequest };
  }

  takeRoom(bytes: number): boolean {
    if (this.#incomingBytes + bytes > maxIncomingBytes) return false;
    this.#incomingBytes += bytes;
    return true;
  }

  giveRoom(bytes: number): void {
    this.#incomingBytes -= bytes;
  }

  inTurn(work: () => void): void {
    if (this.#turns.push(work) === 1) setImmediate(() => this.#nextTurn());
  }

  /** An instance that is stored needs several turns until it is acknowledged: long ones do not follow one another. */
  #nextTurn(): void {
    const { clock } = this.#options;
    const begun = clock.monotonic();
    this.#turns[0]?.();
    this.#turns.shift();
    if (this.#turns.length === 0) return;
    const took = clock.monotonic() - begun;
    if (took < longTurnMs) setImmediate(() => this.#nextTurn());
    else setTimeout(() => this.#nextTurn(), restAfterTurn * took);
  }

  async request(
    { transactionUid, references }: CommitmentRequest,
    { calledAeTitle, channel }: { calledAeTitle: string; channel: ReportChannel },
  ): Promise<CommitmentAnswer> {
    const { peer } = channel;
    const digest = digestOf(references);
    const known = this.#register.find({ peer, transactionUid });
    const problem = known ? undefined : this.#noRoomFor(peer);
    const isOther = known !== undefined && known.digest !== digest;
    if (isOther || problem) {
      const comment = 'Transaction UID is in use for other instances';
      const answer = problem ?? { status: actionStatus.duplicateTransactionUid, comment };
      this.refused(peer, answer, transactionUid);
      return answer;
    }
    if (known) {
      // The same once more, perhaps because our first answer was lost: it is pending already, and reported once.
      known.channel = channel;
      return this.#saving.get(known) ?? success;
    }
    const requestedAt = this.#options.clock.now();
    const made: TransactionRecord = {
      ...{ peer, calledAeTitle, transactionUid, requestedAt, references, digest },
      resolution: undefined,
      attempts: 0,
    };
    const pending = pendingOf(made);
    pending.channel = channel;
    this.#register.add(pending);
    const saving = this.#save(pending, made);
    this.#saving.set(pending, saving);
    return saving.finally(() => this.#saving.delete(pending));
  }

  opened(channel: ReportChannel): void {
    this.#reporter.opened(channel);
  }

  refused(peer: string, { status, comment = '' }: CommitmentAnswer, transactionUid?: string): void {
    this.#register.count(peer, 'refused');
    const code = `${status.toString(16).padStart(4, '0')}H`;
    const about = transactionUid === undefined ? {} : { transactionUid };
    const message = `a storage commitment request was answered ${code}: ${comment}`;
    this.#options.log.warn('commitment.refused', message, { peer: printable(peer), ...about });
  }

  #noRoomFor(peer: string): CommitmentAnswer | undefined {
    const { pendingPerPeer } = this.#options;
    const account = this.#options.terms(peer)?.account;
    if (account === undefined) return { status: actionStatus.notAuthorized };
    if (this.#register.countOf(account) < pendingPerPeer) return undefined;
    return { status: actionStatus.resourceLimitation, comment: `${pendingPerPeer} requests are pending` };
  }

  async #save(pending: Pending, record: TransactionRecord): Promise<CommitmentAnswer> {
    try {
      await this.#register.files.save(record);
    } catch (error) {
      // It may be there and only not be known to be durable: what was refused must not come back at the next start.
      await this.#register.files.remove(pending).catch(() => {});
      this.#register.forget(pending);
      this.#register.count(pending.peer, 'refused');
      const isFull = ['ENOSPC', 'EDQUOT'].includes(systemCode(error) ?? '');
      const message = `a storage commitment request could not be written: ${describeError(error)}; the sender may ask again`;
      this.#options.log.error('commitment.not-written', message, fieldsOf(pending));
      const comment = 'the request could not be kept';
      return { status: isFull ? actionStatus.resourceLimitation : actionStatus.processingFailure, comment };
    }
    this.#options.log.info('commitment.requested', 'storage commitment requested', fieldsOf(pending));
    // In a later turn: the answer goes first.
    setImmediate(() => this.#takeUp(pending));
    return success;
  }

  #takeUp(pending: Pending): void {
    if (pending.resolvedAt === undefined) this.#resolver.add(pending);
    else this.#reporter.add(pending);
  }
}
