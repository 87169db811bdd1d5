/**
 * The append-only record of what was delivered: every receipt of this site, on this machine's disk.
 *
 * - `append` resolves when the receipts are durable. Only then may a delivery be marked as done: the index can be rebuilt
 *   from this file, never this file from the index.
 * - Appends that wait share one write and one fdatasync.
 * - An append that fails (disk full) leaves the file and the chain as they were, and may be tried again.
 * - Nothing is ever rewritten. A full file is renamed to `ledger-<first seq>.jsonl` and a new one begun.
 * - One process owns the ledger; the spool's lock sees to that.
 */
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { syncDirectory } from '../base/durableFile.ts';
import { GatewayError, systemCode } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { type AppendDisk, AppendFile, realDisk } from './appendFile.ts';
import {
  CURRENT_LEDGER,
  corruptLedger,
  followRotated,
  type LedgerFile,
  readFileLines,
  rotatedFiles,
  rotatedPath,
  scanLedgerFile,
  tailDigest,
} from './ledgerFiles.ts';
import { CHAIN_START, type ChainEnd, parseReceiptLine, type Receipt, type ReceiptDraft } from './receipt.ts';
import { ledgerError, signGroup, type WaitingAppend } from './receiptGroup.ts';
import type { SigningKey } from './signingKey.ts';

export type LedgerOptions = {
  /** Made when missing; holds nothing else. */
  directory: string;
  site: string;
  key: SigningKey;
  log: Log;
  /** Bytes from which a new file is begun. */
  rotateBytes?: number;
  disk?: AppendDisk;
};

type Current = { file: AppendFile; firstSeq: number };

export class ReceiptLedger {
  readonly #options: Required<LedgerOptions>;
  #rotated: LedgerFile[];
  #end: ChainEnd;
  /** The growing file; undefined after a rotation, until the next append begins a new one. */
  #current: Current | undefined;
  readonly #queue: WaitingAppend[] = [];
  #committing: Promise<void> | undefined;
  #closed = false;

  private constructor(options: Required<LedgerOptions>, rotated: LedgerFile[], end: ChainEnd, current: Current) {
    this.#options = options;
    this.#rotated = rotated;
    this.#end = end;
    this.#current = current;
  }

  /**
   * Opens the ledger and recovers it: a torn tail is cut off and logged. Throws `ledger.corrupt` for damage that no
   * interrupted append explains, and `ledger.foreign` when the receipts there are another key's or another site's.
   */
  static async open(given: LedgerOptions): Promise<ReceiptLedger> {
    const options = { rotateBytes: 16 << 20, disk: realDisk, ...given };
    const { directory, log, disk } = options;
    mkdirSync(directory, { recursive: true, mode: 0o750 });
    const path = join(directory, CURRENT_LEDGER);
    const rotated = rotatedFiles(directory);
    const after = followRotated(rotated);
    const scan = existsSync(path)
      ? await scanLedgerFile(path, after)
      : { end: after ?? CHAIN_START, firstSeq: undefined, goodBytes: 0, tornBytes: 0 };
    const { end } = scan;
    if (scan.tornBytes > 0) {
      log.warn('ledger.torn-tail', 'cut off what an interrupted append left behind', {
        bytes: scan.tornBytes,
        sha256: tailDigest(path, scan.goodBytes, scan.tornBytes),
        lastSeq: end.seq,
      });
    }
    const file = await AppendFile.open(path, scan.goodBytes, disk);
    const ledger = new ReceiptLedger(options, rotated, end, { file, firstSeq: scan.firstSeq ?? end.seq + 1 });
    await ledger.#refuseForeign();
    return ledger;
  }

  /** The last durable receipt: its sequence number (0 when there is none) and the digest of its line. */
  get end(): ChainEnd {
    return this.#end;
  }

  /**
   * Signs the drafts as the next receipts and writes them; resolves when they are durable. All of one call are written or
   * none. Throws `ledger.full` and `ledger.write` (both retryable: nothing has changed), `ledger.closed`,
   * `ledger.append-too-large`, and `json.not-canonical` for a draft that cannot be signed.
   */
  append(drafts: ReceiptDraft[]): Promise<Receipt[]> {
    return new Promise((resolve, reject) => {
      if (this.#closed)
        return reject(ledgerError('the receipt ledger is closed', 'ledger.closed', this.#options.directory));
      this.#queue.push({ drafts, resolve, reject });
      this.#committing ??= this.#commitAll();
    });
  }

  /** The durable receipts from sequence number `fromSeq`, in order, with their lines. Appends may go on meanwhile. */
  async *read(fromSeq = 1): AsyncGenerator<{ receipt: Receipt; line: string }> {
    const last = this.#end.seq;
    for (let next = Math.max(fromSeq, this.#firstSeq); next <= last; ) {
      const before = next;
      // Found and opened within one turn: a rotation cannot come between.
      const { path, bytes: limit } = this.#fileWith(next);
      for await (const { bytes } of readFileLines(path, limit)) {
        const line = bytes.toString('utf8');
        const receipt = parseReceiptLine(line);
        if (receipt.seq < next) continue;
        if (receipt.seq > last) return;
        if (receipt.seq !== next) break;
        yield { receipt, line };
        next++;
      }
      if (next === before) throw corruptLedger(path, `receipt ${next} is missing`);
    }
  }

  /** Waits for appends under way; later ones are refused. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#committing;
    await this.#current?.file.close();
    this.#current = undefined;
  }

  get #firstSeq(): number {
    return this.#rotated[0]?.firstSeq ?? this.#current?.firstSeq ?? 1;
  }

  #fileWith(seq: number): { path: string; bytes: number } {
    const { directory } = this.#options;
    if (this.#current && seq >= this.#current.firstSeq) {
      return { path: join(directory, CURRENT_LEDGER), bytes: this.#current.file.size };
    }
    const file = this.#rotated.findLast((candidate) => candidate.firstSeq <= seq);
    if (!file) throw corruptLedger(directory, `no file holds receipt ${seq}`);
    return { path: file.path, bytes: Number.POSITIVE_INFINITY };
  }

  async #commitAll(): Promise<void> {
    // One turn later, so that the appends of this turn go together.
    await Promise.resolve();
    while (this.#queue.length > 0) await this.#commitGroup();
    this.#committing = undefined;
  }

  /** Never rejects: each waiting append is told. */
  async #commitGroup(): Promise<void> {
    const { directory } = this.#options;
    const group = signGroup(this.#queue, this.#end, this.#options);
    if (group.members.length === 0) return;
    try {
      const { file } = await this.#currentFile();
      await file.append(Buffer.from(group.text));
    } catch (cause) {
      const full = ['ENOSPC', 'EDQUOT'].includes(systemCode(cause) ?? '');
      const error = full
        ? ledgerError('no space for receipts', 'ledger.full', directory, cause)
        : ledgerError('receipts could not be written', 'ledger.write', directory, cause);
      for (const { waiting } of group.members) waiting.reject(error);
      return;
    }
    this.#end = group.end;
    for (const { waiting, receipts } of group.members) waiting.resolve(receipts);
  }

  async #currentFile(): Promise<Current> {
    const { directory, rotateBytes, disk } = this.#options;
    const path = join(directory, CURRENT_LEDGER);
    if (this.#current && this.#current.file.size >= rotateBytes) {
      const { file, firstSeq } = this.#current;
      const rotated = { path: rotatedPath(directory, firstSeq), firstSeq };
      renameSync(path, rotated.path);
      this.#rotated.push(rotated);
      this.#current = undefined;
      syncDirectory(directory);
      await file.close();
    }
    this.#current ??= { file: await AppendFile.open(path, 0, disk), firstSeq: this.#end.seq + 1 };
    return this.#current;
  }

  /** A chain has one key and one site: with another the proof of the earlier receipts would be lost among the later. */
  async #refuseForeign(): Promise<void> {
    const { site, key } = this.#options;
    for await (const { receipt } of this.read(this.#end.seq)) {
      if (receipt.site === site && receipt.gateway === key.keyId) return;
      await this.close();
      throw new GatewayError('the receipts on disk were signed by another key or for another site', {
        code: 'ledger.foreign',
        operation: 'open receipt ledger',
        subject: this.#options.directory,
        hint: `restore key ${receipt.gateway} and site ${receipt.site}, or give this gateway a site name of its own, for a new chain would write over the old one's keys`,
      });
    }
  }
}
