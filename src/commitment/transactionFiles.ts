/**
 * Transactions on disk: one file each, in a folder of their own. They do not depend on the spool's index, which can be
 * rebuilt: nothing but these files knows what a peer has been promised. A file that cannot be read any more is set aside.
 */
import { mkdirSync } from 'node:fs';
import { readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from '../base/durableFile.ts';
import { systemCode } from '../base/errors.ts';
import { decodeTransaction, encodeTransaction, keyOf, type TransactionRecord } from './transaction.ts';

const suffix = '.json';

export type TransactionFileEvents = {
  /** A file was set aside, and is at `path` now. */
  onDamaged(path: string): void;
  /** A file can be neither read nor set aside, and stays where it is. */
  onUnreadable(path: string, error: unknown): void;
};

const removeIfPossible = (path: string) => rm(path, { force: true }).catch(() => {});

type Identity = { peer: string; transactionUid: string };

export class TransactionFiles {
  readonly #directory: string;
  readonly #events: TransactionFileEvents;

  /** `directory` is made when it is missing. */
  constructor(directory: string, events: TransactionFileEvents) {
    mkdirSync(directory, { recursive: true, mode: 0o750 });
    this.#directory = directory;
    this.#events = events;
  }

  /** Every transaction that can be read: one that cannot stops no other. What an interrupted write left behind is removed. */
  async *all(): AsyncGenerator<TransactionRecord> {
    for (const name of (await readdir(this.#directory)).sort()) {
      const path = join(this.#directory, name);
      if (name.endsWith('.new')) await removeIfPossible(path);
      if (!name.endsWith(suffix)) continue;
      try {
        const record = await this.#readOrSetAside(name);
        if (record !== undefined) yield record;
      } catch (error) {
        this.#events.onUnreadable(path, error);
      }
    }
  }

  /** undefined when it is gone, or was damaged and has been set aside. Rejects when the disk cannot be read. */
  read(identity: Identity): Promise<TransactionRecord | undefined> {
    return this.#readOrSetAside(this.#name(identity));
  }

  /** Resolves when it is durable. Calls for one transaction may not overlap. */
  async save(record: TransactionRecord): Promise<void> {
    const path = join(this.#directory, this.#name(record));
    try {
      await replaceFile(path, encodeTransaction(record));
    } catch (error) {
      await removeIfPossible(`${path}.new`); // half a file on a full disk: the next one needs its room
      throw error;
    }
  }

  /** Not made durable: a transaction that comes back after a power cut is reported again, which does no harm. */
  remove(identity: Identity): Promise<void> {
    return rm(join(this.#directory, this.#name(identity)), { force: true });
  }

  async #readOrSetAside(name: string): Promise<TransactionRecord | undefined> {
    const path = join(this.#directory, name);
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined;
      throw error;
    }
    const record = decodeTransaction(text);
    if (record !== undefined && this.#name(record) === name) return record;
    const aside = `${path.slice(0, -suffix.length)}.damaged`;
    await rename(path, aside);
    this.#events.onDamaged(aside);
    return undefined;
  }

  #name(identity: Identity): string {
    return `${keyOf(identity)}${suffix}`;
  }
}
