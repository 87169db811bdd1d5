/**
 * Asks clamd about a stream of bytes by its INSTREAM command, over a Unix or TCP socket: chunks with their lengths in front, a
 * chunk of no bytes at the end, one line as the answer. Nothing of the stream is held but the chunk that is being sent.
 */
import { connect, type Socket } from 'node:net';
import { describeError } from '../../base/errors.ts';

export type ScannerSettings = {
  /** Path of clamd's Unix socket; in its place `host` and `port`. */
  address: { socket: string } | { host: string; port: number };
  /** Milliseconds that connecting may take, and that clamd may take nothing and say nothing. */
  timeout: number;
  /** What clamd is set up to look through whole (the least of its StreamMaxLength, MaxFileSize and MaxScanSize). */
  maxSize: number;
};

export type Verdict =
  | { kind: 'clean' }
  | { kind: 'found'; signature: string }
  /** Longer than clamd takes or looks through: nobody knows. */
  | { kind: 'too-large' }
  /** clamd answered with an error, or with what is no answer. */
  | { kind: 'error'; answer: string }
  /** It cannot be reached, or does not answer. `midway`: it was there when the stream began. */
  | { kind: 'away'; reason: string; midway: boolean };

/** An answer is one short line; whoever sends more is no clamd. */
const longestAnswer = 4096;
const signaturePattern = /^stream: ([\x21-\x7e]{1,256}) FOUND$/;

/** What a line of clamd's means. Pure. */
export function parseAnswer(line: string): Verdict {
  if (line === 'stream: OK') return { kind: 'clean' };
  const signature = signaturePattern.exec(line)?.[1];
  // AlertExceedsMax: clamd gave up looking.
  if (signature?.startsWith('Heuristics.Limits.Exceeded')) return { kind: 'too-large' };
  if (signature !== undefined) return { kind: 'found', signature };
  if (line.includes('size limit exceeded')) return { kind: 'too-large' };
  return { kind: 'error', answer: line.replace(/[^\x20-\x7e]/g, '?').slice(0, 120) };
}

/** `chunks` are read as the socket takes them. Never rejects for what the scanner does; does for what `chunks` throws. */
export async function scanStream(chunks: Iterable<Buffer>, settings: ScannerSettings): Promise<Verdict> {
  const conversation = new Conversation(settings);
  try {
    await conversation.connected;
    await conversation.write(Buffer.from('zINSTREAM\0'));
    let total = 0;
    for (const chunk of chunks) {
      if (chunk.length === 0) continue;
      total += chunk.length;
      if (total > settings.maxSize) return { kind: 'too-large' };
      const length = Buffer.alloc(4);
      length.writeUInt32BE(chunk.length);
      await conversation.write(length);
      await conversation.write(chunk);
      // It answers before the end when it has had enough, and closes: a write after that would destroy the answer unread.
      await new Promise((resolve) => setImmediate(resolve));
      if (conversation.hasAnswer) break;
    }
    if (!conversation.hasAnswer) await conversation.write(Buffer.alloc(4));
    return parseAnswer(await conversation.answer);
  } catch (error) {
    if (!(error instanceof ScannerAway)) throw error;
    // What it said before it closed is its word all the same: "size limit exceeded" comes so.
    const answer = conversation.received;
    if (answer !== undefined) return parseAnswer(answer);
    return { kind: 'away', reason: error.message, midway: conversation.wasConnected };
  } finally {
    conversation.end();
  }
}

class ScannerAway extends Error {}

/** One connection with clamd. All of its promises reject with ScannerAway. */
class Conversation {
  readonly #socket: Socket;
  readonly connected: Promise<void>;
  readonly answer: Promise<string>;
  #text = '';
  #failure: ScannerAway | undefined;
  #fail: (why: string) => void = () => {};
  wasConnected = false;

  constructor({ address, timeout }: ScannerSettings) {
    this.#socket = 'socket' in address ? connect(address.socket) : connect(address.port, address.host);
    this.#socket.setTimeout(timeout);
    const failed = new Promise<never>((_, reject) => {
      this.#fail = (why) => {
        this.#failure ??= new ScannerAway(why);
        reject(this.#failure);
      };
    });
    failed.catch(() => {});
    this.connected = Promise.race([
      new Promise<void>((resolve) =>
        this.#socket.once('connect', () => {
          this.wasConnected = true;
          resolve();
        }),
      ),
      failed,
    ]);
    const line = new Promise<string>((resolve) => {
      this.#socket.on('data', (bytes) => {
        this.#text += bytes.toString('latin1');
        const said = this.received;
        if (said !== undefined) resolve(said);
        else if (this.#text.length > longestAnswer) this.#fail('what answers is no clamd');
      });
    });
    this.answer = Promise.race([line, failed]);
    this.answer.catch(() => {});
    this.#socket.on('timeout', () => this.#fail(`no word from it for ${timeout} ms`));
    this.#socket.on('error', (error) => this.#fail(describeError(error)));
    this.#socket.on('close', () => this.#fail('it closed the connection'));
    this.#failed = failed;
  }

  readonly #failed: Promise<never>;

  /** The whole line that has come, without its end. */
  get received(): string | undefined {
    const end = this.#text.search(/[\0\n]/);
    return end < 0 ? undefined : this.#text.slice(0, end).trim();
  }

  get hasAnswer(): boolean {
    return this.received !== undefined;
  }

  /** Resolves when the socket has room again: `bytes` may be overwritten then. */
  async write(bytes: Buffer): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    await Promise.race([new Promise<void>((resolve) => this.#socket.write(bytes, () => resolve())), this.#failed]);
  }

  end(): void {
    this.#socket.destroy();
  }
}
