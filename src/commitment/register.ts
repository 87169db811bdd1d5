/** The pending transactions: in memory by their keys, on disk in their files; with the counts that are shown of them. */
import { describeError } from '../base/errors.ts';
import type { CommitmentOptions } from './options.ts';
import { keyOf, type Pending, pendingOf, type TransactionRecord } from './transaction.ts';
import { TransactionFiles } from './transactionFiles.ts';

/** Counted for one entry of the configuration; but for the first two, since the start. */
export type CommitmentFigures = {
  /** Not decided yet. */
  pending: number;
  /** Decided, and not reported yet. */
  reporting: number;
  /** Reports that were taken; of these, with failures in them. */
  reported: number;
  failed: number;
  /** Reports that nobody took until they were given up. */
  dropped: number;
  /** Requests that were answered with anything but Success. */
  refused: number;
};

/** Under this name go transactions of peers that are no longer in the configuration. */
const unknownAccount = '(not configured)';

const noFigures = (): CommitmentFigures => ({
  pending: 0,
  reporting: 0,
  reported: 0,
  failed: 0,
  dropped: 0,
  refused: 0,
});

export class Register {
  readonly files: TransactionFiles;
  readonly #options: CommitmentOptions;
  readonly #pending = new Map<string, Pending>();
  readonly #counters = new Map<string, CommitmentFigures>();
  /** Files that were set aside, or could not be read, since the start. */
  damaged = 0;

  constructor(options: CommitmentOptions) {
    this.#options = options;
    const { directory, log } = options;
    this.files = new TransactionFiles(directory, {
      onDamaged: (path) => {
        this.damaged++;
        const hint = 'the sender will miss its report, and can ask again; look at the disk';
        const message = `the file of a commitment request is damaged and was set aside; ${hint}`;
        log.error('commitment.damaged', message, { path });
      },
      onUnreadable: (path, error) => {
        this.damaged++;
        const message = `the file of a commitment request cannot be read: ${describeError(error)}; it is left for the next start`;
        log.error('commitment.unreadable', message, { path });
      },
    });
  }

  /** Reads what was pending at the last stop. */
  async load(): Promise<Pending[]> {
    const found: Pending[] = [];
    for await (const record of this.files.all()) {
      const pending = pendingOf(record);
      this.#pending.set(keyOf(pending), pending);
      found.push(pending);
    }
    return found;
  }

  find(identity: { peer: string; transactionUid: string }): Pending | undefined {
    return this.#pending.get(keyOf(identity));
  }

  add(pending: Pending): void {
    this.#pending.set(keyOf(pending), pending);
  }

  /** Out of memory only: it never became durable, or its file is gone. */
  forget(pending: Pending): void {
    if (this.#pending.get(keyOf(pending)) === pending) this.#pending.delete(keyOf(pending));
  }

  /** It is done with. A file that cannot be removed is met again at the next start, and reported again. */
  async remove(pending: Pending): Promise<void> {
    this.forget(pending);
    try {
      await this.files.remove(pending);
    } catch (error) {
      const message = `the file of a finished commitment request could not be removed: ${describeError(error)}`;
      this.#options.log.warn('commitment.not-removed', message, fieldsOf(pending));
    }
  }

  /** Rejects with a reason to try again later; undefined: the file is gone, and the transaction forgotten. */
  async read(pending: Pending): Promise<TransactionRecord | undefined> {
    const record = await this.files.read(pending);
    if (record === undefined) this.forget(pending);
    return record;
  }

  account(peer: string): string {
    return this.#options.terms(peer)?.account ?? unknownAccount;
  }

  /** Transactions of one entry of the configuration. */
  countOf(account: string): number {
    let count = 0;
    for (const { peer } of this.#pending.values()) if (this.account(peer) === account) count++;
    return count;
  }

  count(peer: string, what: 'reported' | 'failed' | 'dropped' | 'refused'): void {
    this.#figuresOf(this.#counters, this.account(peer))[what]++;
  }

  figures(): Array<CommitmentFigures & { peer: string }> {
    const all = new Map([...this.#counters].map(([account, figures]) => [account, { ...figures }]));
    for (const { peer, resolvedAt } of this.#pending.values()) {
      this.#figuresOf(all, this.account(peer))[resolvedAt === undefined ? 'pending' : 'reporting']++;
    }
    return [...all].map(([peer, figures]) => ({ peer, ...figures }));
  }

  #figuresOf(where: Map<string, CommitmentFigures>, account: string): CommitmentFigures {
    const figures = where.get(account) ?? noFigures();
    where.set(account, figures);
    return figures;
  }
}

/** How a transaction stands in the log. */
export const fieldsOf = ({ peer, transactionUid, instances }: Pending) => ({ peer, transactionUid, instances });
