/** A desk for storage commitment that answers when the script says so, and counts the room that is taken and given back. */
import type { CommitmentAnswer } from '../../src/dicom/services/commitmentAction.ts';
import type { CommitmentDesk, ReportChannel } from '../../src/dicom/services/storageCommitment.ts';
import { hold } from './target.ts';

export class RecordingDesk implements CommitmentDesk {
  full = false;
  /** Bytes of requests that are not answered. */
  room = 0;
  reportsOpen = 0;
  reports = 0;
  channel: ReportChannel | undefined;
  readonly #waiting: Array<(answer: CommitmentAnswer) => void> = [];

  terms(): { instancesPerRequest: number } {
    return { instancesPerRequest: 6 };
  }

  takeRoom(bytes: number): boolean {
    if (this.full) return false;
    this.room += bytes;
    return true;
  }

  giveRoom(bytes: number): void {
    this.room -= bytes;
    hold(this.room >= 0, 'no more room is given back than was taken');
  }

  inTurn(work: () => void): void {
    work();
  }

  request(): Promise<CommitmentAnswer> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  opened(channel: ReportChannel): void {
    this.channel = channel;
  }

  refused(_peer: string, { comment = '' }: CommitmentAnswer): void {
    hold(/^[\x20-\x7e]{0,150}$/.test(comment), 'what is wrong with a request can be logged');
  }

  answer(status: number): void {
    this.#waiting.shift()?.({ status });
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  report(): void {
    if (this.channel === undefined) return;
    this.reports++;
    this.reportsOpen++;
    const done = () => void this.reportsOpen--;
    const report = {
      transactionUid: '1.2.3',
      committed: [{ sopClassUid: '1.2', sopInstanceUid: '1.2.4' }],
      failed: [],
    };
    this.channel.report(report).then(done, done);
  }
}
