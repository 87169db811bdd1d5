/**
 * The files of the receipt ledger: `ledger.jsonl`, which grows at its end, and before it `ledger-<first seq>.jsonl`, which
 * never change any more. One receipt a line, each line ended by a newline: a last line without one was never durable.
 */
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, read, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { GatewayError } from '../base/errors.ts';
import { CHAIN_START, type ChainEnd, lineDigest, parseReceiptLine } from './receipt.ts';

export const CURRENT_LEDGER = 'ledger.jsonl';

/** Most bytes that one append writes: what a power cut can have damaged lies within so much of the end. */
export const MAX_APPEND_BYTES = 1 << 20;

/** A receipt is below 2 KB; a longer "line" is no receipt and must not fill the memory. */
const MAX_LINE_BYTES = 1 << 20;
const CHUNK_BYTES = 1 << 16;
const NEWLINE = 0x0a;
const readAsync = promisify(read);

export type LedgerFile = { path: string; firstSeq: number };

export function rotatedPath(directory: string, firstSeq: number): string {
  return join(directory, `ledger-${String(firstSeq).padStart(12, '0')}.jsonl`);
}

/** The files that never change any more, oldest first. */
export function rotatedFiles(directory: string): LedgerFile[] {
  const files: LedgerFile[] = [];
  for (const name of readdirSync(directory)) {
    const match = /^ledger-([0-9]{12})\.jsonl$/.exec(name);
    if (match) files.push({ path: join(directory, name), firstSeq: Number(match[1]) });
  }
  return files.sort((a, b) => a.firstSeq - b.firstSeq);
}

/** `complete` is false for a last line without newline; `end` is the offset after the line and its newline. */
export type FileLine = { bytes: Buffer; offset: number; end: number; complete: boolean };

/**
 * The lines of a file up to `limit` bytes, in bounded memory. The file is opened within the turn that asks for the first
 * line. Throws `ledger.corrupt` for a line beyond all measure.
 */
export async function* readFileLines(path: string, limit = Number.POSITIVE_INFINITY): AsyncGenerator<FileLine> {
  const fd = openSync(path, 'r');
  try {
    let rest: Buffer = Buffer.alloc(0);
    let offset = 0;
    for await (const chunk of readChunks(fd, limit)) {
      let data = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      for (let at = data.indexOf(NEWLINE); at >= 0; at = data.indexOf(NEWLINE)) {
        yield { bytes: data.subarray(0, at), offset, end: offset + at + 1, complete: true };
        offset += at + 1;
        data = data.subarray(at + 1);
      }
      if (data.length > MAX_LINE_BYTES) throw corruptLedger(path, `no line ends after byte ${offset}`);
      rest = data;
    }
    if (rest.length > 0) yield { bytes: rest, offset, end: offset + rest.length, complete: false };
  } finally {
    closeSync(fd);
  }
}

async function* readChunks(fd: number, limit: number): AsyncGenerator<Buffer> {
  for (let position = 0; position < limit; ) {
    const length = Math.min(CHUNK_BYTES, limit - position);
    const { bytesRead, buffer } = await readAsync(fd, Buffer.allocUnsafe(length), 0, length, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/** What a scan of a ledger file found: the chain up to `goodBytes`, and behind it a torn tail of `tornBytes` (or 0). */
export type LedgerScan = { end: ChainEnd; firstSeq: number | undefined; goodBytes: number; tornBytes: number };

/**
 * Follows the chain through a file that continues `after`. A tail that an interrupted append left is measured, not cut:
 * a last line without newline, or blocks of the last append that never reached the disk (they read as NUL). Anything
 * else that is no continuation of the chain was durable once and has been damaged since: `ledger.corrupt`.
 */
export async function scanLedgerFile(path: string, after: ChainEnd | undefined): Promise<LedgerScan> {
  let end = after;
  let firstSeq: number | undefined;
  let goodBytes = 0;
  let size = 0;
  let unwritten = false;
  for await (const line of readFileLines(path)) {
    size = line.end;
    if (unwritten) continue;
    if (!line.complete) break;
    if (line.bytes.includes(0)) {
      unwritten = true;
      continue;
    }
    end = followLine(path, line, end);
    firstSeq ??= end.seq;
    goodBytes = line.end;
  }
  const tornBytes = size - goodBytes;
  if (tornBytes > MAX_APPEND_BYTES) throw corruptLedger(path, `${tornBytes} bytes from ${goodBytes} are no receipts`);
  return { end: end ?? CHAIN_START, firstSeq, goodBytes, tornBytes };
}

function followLine(path: string, line: FileLine, after: ChainEnd | undefined): ChainEnd {
  const text = line.bytes.toString('utf8');
  let seq: number;
  let previous: string;
  try {
    ({ seq, previous } = parseReceiptLine(text));
  } catch (cause) {
    throw corruptLedger(path, `the line at byte ${line.offset} is no receipt`, cause);
  }
  if (after && (seq !== after.seq + 1 || previous !== after.digest)) {
    throw corruptLedger(path, `receipt ${seq} at byte ${line.offset} does not follow receipt ${after.seq}`);
  }
  return { seq, digest: lineDigest(text) };
}

export function corruptLedger(path: string, problem: string, cause?: unknown): GatewayError {
  return new GatewayError(`the receipt ledger is damaged: ${problem}`, {
    code: 'ledger.corrupt',
    operation: 'read receipt ledger',
    subject: path,
    hint: 'keep a copy of the file as evidence, and restore it from a backup or from the receipts in the store',
    cause,
  });
}

/** The link of the first line of a file that never changes any more, and the chain's end after its last. */
function endsOfFile(path: string): { firstSeq: number; previous: string; end: ChainEnd } {
  const fd = openSync(path, 'r');
  try {
    const { size } = fstatSync(fd);
    const head = readAt(fd, 0, Math.min(size, CHUNK_BYTES));
    const tail = readAt(fd, Math.max(0, size - CHUNK_BYTES), Math.min(size, CHUNK_BYTES));
    if (tail.at(-1) !== NEWLINE) throw corruptLedger(path, 'its last line is not finished');
    const first = parseReceiptLine(head.subarray(0, head.indexOf(NEWLINE)).toString('utf8'));
    const lastLine = tail.subarray(tail.lastIndexOf(NEWLINE, -2) + 1, -1).toString('utf8');
    const end = { seq: parseReceiptLine(lastLine).seq, digest: lineDigest(lastLine) };
    return { firstSeq: first.seq, previous: first.previous, end };
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'ledger.corrupt') throw error;
    throw corruptLedger(path, 'its first or last line is no receipt', error);
  } finally {
    closeSync(fd);
  }
}

/** Checks that each rotated file follows the one before; the chain's end after the last, undefined when there is none. */
export function followRotated(files: LedgerFile[]): ChainEnd | undefined {
  let end: ChainEnd | undefined;
  for (const { path, firstSeq } of files) {
    const ends = endsOfFile(path);
    if (ends.firstSeq !== firstSeq) throw corruptLedger(path, `its first receipt is ${ends.firstSeq}`);
    if (end && (firstSeq !== end.seq + 1 || ends.previous !== end.digest)) {
      throw corruptLedger(path, `it does not follow receipt ${end.seq}`);
    }
    end = ends.end;
  }
  return end;
}

/** SHA-256 of `length` bytes from `offset`: says in the log what was cut off, without its content. */
export function tailDigest(path: string, offset: number, length: number): string {
  const fd = openSync(path, 'r');
  try {
    return createHash('sha256')
      .update(readAt(fd, offset, length))
      .digest('hex');
  } finally {
    closeSync(fd);
  }
}

function readAt(fd: number, position: number, length: number): Buffer {
  const buffer = Buffer.alloc(length);
  return buffer.subarray(0, readSync(fd, buffer, 0, length, position));
}
