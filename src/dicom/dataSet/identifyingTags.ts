/**
 * Finds the few elements that the index needs (study, series, SOP UIDs, patient ID, modality) while a data set streams
 * past, without keeping it: elements come in ascending order and all of these lie before (0020,000E), so the scanner reads
 * headers and skips values, sequences of undefined length included. Pure and tolerant: whatever it cannot follow ends the
 * scan with `problem`, never the reception.
 */
import { constants, inflateRawSync } from 'node:zlib';
import { uid } from '../uids.ts';

export type IdentifyingTags = {
  sopClassUid?: string;
  sopInstanceUid?: string;
  studyInstanceUid?: string;
  seriesInstanceUid?: string;
  modality?: string;
  patientId?: string;
  /** Why the scan ended before it should have. */
  problem?: string;
};

type Wanted = Exclude<keyof IdentifyingTags, 'problem'>;
const wanted = new Map<number, Wanted>([
  [0x00080016, 'sopClassUid'],
  [0x00080018, 'sopInstanceUid'],
  [0x00080060, 'modality'],
  [0x00100020, 'patientId'],
  [0x0020000d, 'studyInstanceUid'],
  [0x0020000e, 'seriesInstanceUid'],
]);
const lastWanted = 0x0020000e;
/** The longest value worth keeping: a UID has 64 characters, a patient ID (LO) as many. */
const maxValue = 256;
const maxDepth = 32;
const undefinedLength = 0xffffffff;

const item = 0xfffee000;
const itemEnd = 0xfffee00d;
const sequenceEnd = 0xfffee0dd;
const longForm = new Set(['OB', 'OW', 'OF', 'OD', 'OL', 'OV', 'SQ', 'UC', 'UN', 'UR', 'UT', 'SV', 'UV']);

/** Within what the next element header lies: the data set, an item, or between the items of a sequence. */
type Level = { kind: 'data-set' | 'item' | 'sequence'; implicit: boolean };
type Phase =
  | { name: 'header' }
  | { name: 'value'; tag: Wanted; left: number }
  | { name: 'skip'; left: number }
  | { name: 'done' };

export class IdentifyingTagScanner {
  readonly tags: IdentifyingTags = {};
  readonly #bigEndian: boolean;
  readonly #deflated: boolean;
  #levels: Level[];
  #phase: Phase = { name: 'header' };
  /** Bytes of a header or a wanted value that is split over chunks; at most 12 or `maxValue` of them. */
  #held: Buffer = Buffer.alloc(0);
  #previousTag = -1;

  constructor(transferSyntaxUid: string) {
    this.#bigEndian = transferSyntaxUid === uid.explicitVrBigEndian;
    this.#deflated = transferSyntaxUid === uid.deflatedExplicitVrLittleEndian;
    this.#levels = [{ kind: 'data-set', implicit: transferSyntaxUid === uid.implicitVrLittleEndian }];
  }

  get done(): boolean {
    return this.#phase.name === 'done';
  }

  push(chunk: Buffer): void {
    if (this.done) return;
    if (this.#deflated) return this.#pushDeflated(chunk);
    this.#scan(chunk);
  }

  /** No more bytes will come. Call before reading `tags`. */
  end(): IdentifyingTags {
    const cutShort = this.#phase.name === 'value' || (this.#phase.name === 'skip' && this.#phase.left > 0);
    if (cutShort || (this.#phase.name === 'header' && this.#held.length > 0)) {
      this.#fail('the data set ends in the middle of an element');
    }
    this.#phase = { name: 'done' };
    return this.tags;
  }

  /** Only the first piece of a deflated data set is looked at, and only up to a bound: a bomb must not inflate here. */
  #pushDeflated(chunk: Buffer): void {
    try {
      const head = chunk.subarray(0, 16 * 1024);
      this.#scan(inflateRawSync(head, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: 1024 * 1024 }));
      this.#phase = { name: 'done' };
    } catch {
      this.#fail('the deflated data set cannot be inflated');
    }
  }

  #scan(chunk: Buffer): void {
    let offset = 0;
    while (offset < chunk.length && this.#phase.name !== 'done') {
      if (this.#phase.name === 'skip') {
        const step = Math.min(this.#phase.left, chunk.length - offset);
        this.#phase.left -= step;
        offset += step;
        if (this.#phase.left === 0) this.#phase = { name: 'header' };
      } else if (this.#phase.name === 'value') {
        const step = Math.min(this.#phase.left - this.#held.length, chunk.length - offset);
        this.#held = Buffer.concat([this.#held, chunk.subarray(offset, offset + step)]);
        offset += step;
        if (this.#held.length === this.#phase.left) this.#keepValue(this.#phase.tag);
      } else {
        offset = this.#header(chunk, offset);
      }
    }
  }

  /** Reads one element header, if it is there whole; returns the new offset. */
  #header(chunk: Buffer, offset: number): number {
    const level = this.#levels[this.#levels.length - 1];
    if (level === undefined) return chunk.length;
    const heldBefore = this.#held.length;
    const bytes = Buffer.concat([this.#held, chunk.subarray(offset, offset + 12 - heldBefore)]);
    const size = this.#headerSize(bytes, level);
    if (size === undefined || bytes.length < size) {
      this.#held = bytes;
      return offset + bytes.length - heldBefore;
    }
    this.#held = Buffer.alloc(0);
    this.#beginElement(bytes, size, level);
    return offset + size - heldBefore;
  }

  #u16(bytes: Buffer, at: number): number {
    return this.#bigEndian ? bytes.readUInt16BE(at) : bytes.readUInt16LE(at);
  }

  #u32(bytes: Buffer, at: number): number {
    return this.#bigEndian ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at);
  }

  #tagOf(bytes: Buffer): number {
    return this.#u16(bytes, 0) * 0x10000 + this.#u16(bytes, 2);
  }

  #headerSize(bytes: Buffer, level: Level): number | undefined {
    if (bytes.length < 8) return undefined;
    const tag = this.#tagOf(bytes);
    if (level.implicit || tag === item || tag === itemEnd || tag === sequenceEnd) return 8;
    return longForm.has(bytes.toString('latin1', 4, 6)) ? 12 : 8;
  }

  #beginElement(bytes: Buffer, size: number, level: Level): void {
    const tag = this.#tagOf(bytes);
    if (tag === item || tag === itemEnd || tag === sequenceEnd) {
      return this.#beginDelimiter(tag, this.#u32(bytes, 4), level);
    }
    if (level.kind === 'sequence') return this.#fail('an element stands where an item of a sequence should');
    const vr = level.implicit ? undefined : bytes.toString('latin1', 4, 6);
    if (vr !== undefined && !/^[A-Z]{2}$/.test(vr)) return this.#fail('an element has no valid VR');
    const length = level.implicit ? this.#u32(bytes, 4) : size === 12 ? this.#u32(bytes, 8) : this.#u16(bytes, 6);
    if (level.kind === 'data-set') {
      if (tag > lastWanted) {
        this.#phase = { name: 'done' };
        return;
      }
      if (tag <= this.#previousTag) return this.#fail('elements are not in ascending order');
      this.#previousTag = tag;
      const property = wanted.get(tag);
      if (property !== undefined && length !== undefinedLength) return this.#beginWanted(property, length);
    }
    if (length === undefinedLength) return this.#descend('sequence', level.implicit || vr === 'UN');
    if (length > 0) this.#phase = { name: 'skip', left: length };
  }

  #beginWanted(tag: Wanted, length: number): void {
    if (length > maxValue) {
      this.#phase = { name: 'skip', left: length };
      return;
    }
    this.#phase = { name: 'value', tag, left: length };
    if (length === 0) this.#keepValue(tag);
  }

  #beginDelimiter(tag: number, length: number, level: Level): void {
    if (tag === item && level.kind === 'sequence') {
      if (length === undefinedLength) this.#descend('item', level.implicit);
      else if (length > 0) this.#phase = { name: 'skip', left: length };
    } else if ((tag === itemEnd && level.kind === 'item') || (tag === sequenceEnd && level.kind === 'sequence')) {
      this.#levels.pop();
    } else {
      this.#fail('a delimiter stands where none belongs');
    }
  }

  #descend(kind: Level['kind'], implicit: boolean): void {
    if (this.#levels.length >= maxDepth) return this.#fail(`sequences are nested deeper than ${maxDepth}`);
    this.#levels.push({ kind, implicit });
  }

  #keepValue(tag: Wanted): void {
    this.tags[tag] = this.#held
      .toString('latin1')
      .replace(/[\0 ]+$/, '')
      .trimStart();
    this.#held = Buffer.alloc(0);
    this.#phase = tag === 'seriesInstanceUid' ? { name: 'done' } : { name: 'header' };
  }

  #fail(problem: string): void {
    this.tags.problem ??= problem;
    this.#phase = { name: 'done' };
  }
}
