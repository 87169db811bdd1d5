/** Reads headers of elements, items and delimiters (PS3.5 7.1, 7.5), each after what the last one told of. */
import type { ByteWindow } from './byteWindow.ts';
import { dataSetError } from './dataSetErrors.ts';
import { type ElementEncoding, tags } from './elementEncoding.ts';
import { vrForm } from './valueRepresentation.ts';

/** Between fragments there is much to skip: less is read ahead. */
const aheadOfDelimiters = 4096;

export class HeaderReader {
  readonly window: ByteWindow;
  /** Where the next header, or the value of the last one, begins. */
  offset = 0;
  /** Of the header that was read last. */
  tag = 0;
  vr = '';
  length = 0;

  constructor(window: ByteWindow) {
    this.window = window;
  }

  /** The header of an element, which has to end before `end`. */
  element(end: number, { explicitVr, littleEndian }: ElementEncoding): void {
    const at = this.offset;
    if (at + 8 > end) this.#cutShort(at, end);
    const whole = at + 12 <= end;
    const index = this.window.at(at, whole ? 12 : 8);
    const bytes = this.window.bytes;
    this.tag = tagAt(bytes, index, littleEndian);
    if (!explicitVr || this.tag >= tags.item) {
      this.length = longAt(bytes, index + 4, littleEndian);
      this.offset = at + 8;
      return;
    }
    const { vr, long } = vrForm(bytes.readUInt16BE(index + 4));
    this.vr = vr;
    if (!long) {
      this.length = littleEndian ? bytes.readUInt16LE(index + 6) : bytes.readUInt16BE(index + 6);
      this.offset = at + 8;
      return;
    }
    if (!whole) this.#cutShort(at, end);
    this.length = longAt(bytes, index + 8, littleEndian);
    this.offset = at + 12;
  }

  /** The header of an item or a delimiter, which have no VR. */
  delimiter(end: number, { littleEndian }: ElementEncoding): void {
    const at = this.offset;
    if (at + 8 > end) this.#cutShort(at, end);
    const index = this.window.at(at, 8, aheadOfDelimiters);
    const bytes = this.window.bytes;
    this.tag = tagAt(bytes, index, littleEndian);
    this.length = longAt(bytes, index + 4, littleEndian);
    this.offset = at + 8;
  }

  /** Steps over zeros that some writers fill up with, at the end of a data set, when they are too few for an element. */
  skipTrailingZeros(end: number): boolean {
    const left = end - this.offset;
    if (left >= 8) return false;
    if (!this.window.view(this.offset, left).every((byte) => byte === 0)) return false;
    this.offset = end;
    return true;
  }

  /** `what` the last header is of, for the error. */
  mustFit(what: string, end: number): void {
    if (this.length <= end - this.offset) return;
    const message = `${what} at offset ${this.offset} declares ${this.length} bytes, and ${end - this.offset} are there`;
    throw dataSetError(this.#shortage(end), message);
  }

  #cutShort(at: number, end: number): never {
    throw dataSetError(this.#shortage(end), `a header at offset ${at} is cut short at ${end}`);
  }

  #shortage = (end: number) => (end === this.window.size ? 'dataset.truncated' : 'dataset.malformed');
}

const tagAt = (bytes: Buffer, index: number, littleEndian: boolean): number =>
  littleEndian ? bytes.readUInt16LE(index) * 0x10000 + bytes.readUInt16LE(index + 2) : bytes.readUInt32BE(index);

const longAt = (bytes: Buffer, index: number, littleEndian: boolean): number =>
  littleEndian ? bytes.readUInt32LE(index) : bytes.readUInt32BE(index);
