/**
 * Finds the few elements that the index needs (study, series, SOP UIDs, patient ID, modality) while a data set streams
 * past, without keeping it: elements come in ascending order and all of these lie before (0020,000E), so the scanner reads
 * headers and skips values, sequences of undefined length included. Pure and tolerant: whatever it cannot follow ends the
 * scan with `problem`, never the reception. It can be asked for further elements of the data set itself; what is wrong
 * behind (0020,000E) only ends the look for those.
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
  /** Of further elements that were asked for, and are there: the first 256 bytes of the value as latin1, by tag. */
  asked?: Map<number, string>;
  /** Why the scan ended before it should have. */
  problem?: string;
};

type Wanted = Exclude<keyof IdentifyingTags, 'problem' | 'asked'>;
const wanted = new Map<number, Wanted>([
  [0x00080016, 'sopClassUid'],
  [0x00080018, 'sopInstanceUid'],
  [0x00080060, 'modality'],
  [0x00100020, 'patientId'],
  [0x0020000d, 'studyInstanceUid'],
  [0x0020000e, 'seriesInstanceUid'],
]);
const lastWanted = 0x0020000e;
const wantedTags = Object.fromEntries([...wanted].map(([tag, name]) => [name, tag])) as Record<Wanted, number>;
const none: ReadonlySet<number> = new Set();
/** The longest value worth keeping: a UID has 64 characters, a patient ID (LO) as many. */
const maxValue = 256;
const maxDepth = 32;
/**
 * Of a deflated data set only the head is kept and inflated, first a little of it, then more. Deflate yields at most
 * 1032 bytes for one, so the first two bounds always fit the output bound; a bomb can only spoil the last.
 */
const deflatedBounds = [1024, 4096, 16 * 1024] as const;
const maxDeflatedHead = 16 * 1024;
const maxInflated = 4.5 * 1024 * 1024;
const undefinedLength = 0xffffffff;

const item = 0xfffee000;
const itemEnd = 0xfffee00d;
const sequenceEnd = 0xfffee0dd;
const longForm = new Set(['OB', 'OW', 'OF', 'OD', 'OL', 'OV', 'SQ', 'UC', 'UN', 'UR', 'UT', 'SV', 'UV']);

/** Within what the next element header lies: the data set, an item, or between the items of a sequence. */
type Level = { kind: 'data-set' | 'item' | 'sequence'; implicit: boolean; bigEndian: boolean };

const u16 = (bytes: Buffer, at: number, { bigEndian }: Level) =>
  bigEndian ? bytes.readUInt16BE(at) : bytes.readUInt16LE(at);
const u32 = (bytes: Buffer, at: number, { bigEndian }: Level) =>
  bigEndian ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at);
const tagOf = (bytes: Buffer, level: Level) => u16(bytes, 0, level) * 0x10000 + u16(bytes, 2, level);

type Phase =
  | { name: 'header' }
  | { name: 'value'; tag: Wanted | number; left: number; skip: number }
  | { name: 'skip'; left: number }
  | { name: 'done' };

export class IdentifyingTagScanner {
  readonly tags: IdentifyingTags = {};
  readonly #deflated: boolean;
  readonly #asked: ReadonlySet<number>;
  /** The scan ends behind this tag. */
  readonly #last: number;
  #levels: Level[];
  #phase: Phase = { name: 'header' };
  /** Bytes of a header or a wanted value that is split over chunks; at most 12 or `maxValue` of them. */
  #held: Buffer = Buffer.alloc(0);
  #previousTag = -1;
  /** The head of a deflated data set, as it gathers; at most `maxDeflatedHead` bytes. */
  #deflatedHead: Buffer = Buffer.alloc(0);

  /** `asked`: tags of further elements whose values are wanted. */
  constructor(transferSyntaxUid: string, asked: ReadonlySet<number> = none) {
    this.#asked = asked;
    this.#last = Math.max(lastWanted, ...asked);
    this.#deflated = transferSyntaxUid === uid.deflatedExplicitVrLittleEndian;
    const implicit = transferSyntaxUid === uid.implicitVrLittleEndian;
    this.#levels = [{ kind: 'data-set', implicit, bigEndian: transferSyntaxUid === uid.explicitVrBigEndian }];
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
    if (this.#deflated && !this.done) this.#scanDeflated(this.#deflatedHead);
    const cutShort = this.#phase.name === 'value' || (this.#phase.name === 'skip' && this.#phase.left > 0);
    if (cutShort || (this.#phase.name === 'header' && this.#held.length > 0)) {
      this.#fail('the data set ends in the middle of an element');
    }
    if (!this.done && this.#levels.length > 1) this.#fail('a sequence has no end');
    this.#phase = { name: 'done' };
    return this.tags;
  }

  #pushDeflated(chunk: Buffer): void {
    const wanted = maxDeflatedHead - this.#deflatedHead.length;
    this.#deflatedHead = Buffer.concat([this.#deflatedHead, chunk.subarray(0, wanted)]);
    if (this.#deflatedHead.length === maxDeflatedHead) this.#scanDeflated(this.#deflatedHead);
  }

  #scanDeflated(head: Buffer): void {
    for (const bound of deflatedBounds) {
      let inflated: Buffer;
      try {
        const options = { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: maxInflated };
        inflated = inflateRawSync(head.subarray(0, bound), options);
      } catch {
        return this.#fail('the deflated data set cannot be inflated');
      }
      const inner = new IdentifyingTagScanner(uid.explicitVrLittleEndian, this.#asked);
      inner.push(inflated);
      const isWhole = head.length <= bound && head.length < maxDeflatedHead;
      const found = inner.done || (bound === maxDeflatedHead && inner.#hasIdentity);
      Object.assign(this.tags, isWhole ? inner.end() : inner.tags);
      if (found || isWhole) {
        this.#phase = { name: 'done' };
        return;
      }
    }
    this.#fail('the identifying elements lie too far inside the deflated data set');
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
        if (this.#held.length === this.#phase.left) this.#keepValue(this.#phase.tag, this.#phase.skip);
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

  #headerSize(bytes: Buffer, level: Level): number | undefined {
    if (bytes.length < 8) return undefined;
    const tag = tagOf(bytes, level);
    if (level.implicit || tag === item || tag === itemEnd || tag === sequenceEnd) return 8;
    return longForm.has(bytes.toString('latin1', 4, 6)) ? 12 : 8;
  }

  #beginElement(bytes: Buffer, size: number, level: Level): void {
    const tag = tagOf(bytes, level);
    if (tag === item || tag === itemEnd || tag === sequenceEnd) {
      return this.#beginDelimiter(tag, u32(bytes, 4, level), level);
    }
    if (level.kind === 'sequence') return this.#fail('an element stands where an item of a sequence should');
    const vr = level.implicit ? undefined : bytes.toString('latin1', 4, 6);
    if (vr !== undefined && !/^[A-Z]{2}$/.test(vr)) return this.#fail('an element has no valid VR');
    const length = level.implicit ? u32(bytes, 4, level) : size === 12 ? u32(bytes, 8, level) : u16(bytes, 6, level);
    if (level.kind === 'data-set') {
      if (tag > this.#last) {
        this.#phase = { name: 'done' };
        return;
      }
      if (tag <= this.#previousTag) return this.#fail('elements are not in ascending order');
      this.#previousTag = tag;
      const property = wanted.get(tag);
      if (property !== undefined && length !== undefinedLength) return this.#beginWanted(property, length);
      if (this.#asked.has(tag) && length !== undefinedLength) return this.#beginAsked(tag, length);
    }
    if (length === undefinedLength) {
      // An UN element of undefined length is Implicit VR Little Endian inside, whatever is around it (PS3.5 6.2.2).
      const inside = vr === 'UN' ? { implicit: true, bigEndian: false } : level;
      return this.#descend('sequence', inside);
    }
    if (length > 0) this.#phase = { name: 'skip', left: length };
  }

  #beginWanted(tag: Wanted, length: number): void {
    if (length > maxValue) {
      this.#phase = { name: 'skip', left: length };
      return;
    }
    this.#phase = { name: 'value', tag, left: length, skip: 0 };
    if (length === 0) this.#keepValue(tag, 0);
  }

  #beginAsked(tag: number, length: number): void {
    const left = Math.min(length, maxValue);
    this.#phase = { name: 'value', tag, left, skip: length - left };
    if (length === 0) this.#keepValue(tag, 0);
  }

  #beginDelimiter(tag: number, length: number, level: Level): void {
    if (tag === item && level.kind === 'sequence') {
      if (length === undefinedLength) this.#descend('item', level);
      else if (length > 0) this.#phase = { name: 'skip', left: length };
    } else if ((tag === itemEnd && level.kind === 'item') || (tag === sequenceEnd && level.kind === 'sequence')) {
      this.#levels.pop();
    } else {
      this.#fail('a delimiter stands where none belongs');
    }
  }

  #descend(kind: Level['kind'], { implicit, bigEndian }: Omit<Level, 'kind'>): void {
    if (this.#levels.length >= maxDepth) return this.#fail(`sequences are nested deeper than ${maxDepth}`);
    this.#levels.push({ kind, implicit, bigEndian });
  }

  #keepValue(tag: Wanted | number, skip: number): void {
    const text = this.#held.toString('latin1');
    this.#held = Buffer.alloc(0);
    const number = typeof tag === 'number' ? tag : wantedTags[tag];
    if (this.#asked.has(number)) this.tags.asked = (this.tags.asked ?? new Map()).set(number, text);
    if (typeof tag !== 'number') this.tags[tag] = text.replace(/[\0 ]+$/, '').trimStart();
    if (number >= this.#last) this.#phase = { name: 'done' };
    else this.#phase = skip > 0 ? { name: 'skip', left: skip } : { name: 'header' };
  }

  /** All that identifies has been passed, and what follows is only looked at for what was asked. */
  get #hasIdentity(): boolean {
    if (this.#last === lastWanted) return false;
    return (
      this.#previousTag >= lastWanted && !(this.#phase.name === 'value' && this.#phase.tag === 'seriesInstanceUid')
    );
  }

  #fail(problem: string): void {
    if (!this.#hasIdentity) this.tags.problem ??= problem;
    this.#phase = { name: 'done' };
  }
}
