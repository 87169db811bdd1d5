/** Gathers small writes into chunks of memory, and lets what lies in a source, or is long, stand as a piece of its own. Pure. */
import type { Bytes, SourceRange } from './dicomObject.ts';

const firstChunk = 16 * 1024;
const furtherChunks = 64 * 1024;
/** Values from here on are not copied. */
const longValue = 16 * 1024;

export class PieceWriter {
  readonly #pieces: Bytes[] = [];
  #chunk: Buffer = Buffer.allocUnsafe(firstChunk);
  /** In `#chunk`: what belongs to no piece yet begins at `#start`, free room at `#at`. */
  #start = 0;
  #at = 0;
  /** Bytes of the pieces that are done. */
  #before = 0;

  /** Bytes written so far. */
  get written(): number {
    return this.#before + this.#at - this.#start;
  }

  finish(): Bytes[] {
    this.#cut();
    return this.#pieces;
  }

  tag(tag: number, littleEndian: boolean): void {
    this.#need(4);
    if (littleEndian) {
      this.#chunk.writeUInt16LE(tag >>> 16, this.#at);
      this.#chunk.writeUInt16LE(tag & 0xffff, this.#at + 2);
    } else {
      this.#chunk.writeUInt32BE(tag, this.#at);
    }
    this.#at += 4;
  }

  vr(vr: string): void {
    this.#need(2);
    this.#chunk[this.#at] = vr.charCodeAt(0);
    this.#chunk[this.#at + 1] = vr.charCodeAt(1);
    this.#at += 2;
  }

  u16(value: number, littleEndian: boolean): void {
    this.#need(2);
    if (littleEndian) this.#chunk.writeUInt16LE(value, this.#at);
    else this.#chunk.writeUInt16BE(value, this.#at);
    this.#at += 2;
  }

  /** Gives back what writes another value in the same place. */
  u32(value: number, littleEndian: boolean): (value: number) => void {
    this.#need(4);
    const chunk = this.#chunk;
    const at = this.#at;
    const write = (now: number) => {
      if (littleEndian) chunk.writeUInt32LE(now, at);
      else chunk.writeUInt32BE(now, at);
    };
    write(value);
    this.#at += 4;
    return write;
  }

  bytes(bytes: Bytes): void {
    if (bytes.length === 0) return;
    if (Buffer.isBuffer(bytes) && bytes.length < longValue) {
      this.#need(bytes.length);
      bytes.copy(this.#chunk, this.#at);
      this.#at += bytes.length;
      return;
    }
    this.#cut();
    this.#before += bytes.length;
    const last = this.#pieces.at(-1);
    if (!Buffer.isBuffer(bytes) && last !== undefined && isBefore(last, bytes)) {
      this.#pieces[this.#pieces.length - 1] = {
        source: bytes.source,
        offset: last.offset,
        length: last.length + bytes.length,
      };
      return;
    }
    this.#pieces.push(
      Buffer.isBuffer(bytes) ? bytes : { source: bytes.source, offset: bytes.offset, length: bytes.length },
    );
  }

  #cut(): void {
    if (this.#at === this.#start) return;
    this.#pieces.push(this.#chunk.subarray(this.#start, this.#at));
    this.#before += this.#at - this.#start;
    this.#start = this.#at;
  }

  #need(bytes: number): void {
    if (this.#at + bytes <= this.#chunk.length) return;
    this.#cut();
    this.#chunk = Buffer.allocUnsafe(Math.max(furtherChunks, bytes));
    this.#start = 0;
    this.#at = 0;
  }
}

const isBefore = (last: Bytes, next: SourceRange): last is SourceRange =>
  !Buffer.isBuffer(last) && last.source === next.source && last.offset + last.length === next.offset;
