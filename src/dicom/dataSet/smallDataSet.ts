/**
 * Reads the small data sets of DIMSE-N services (PS3.5 section 7), which are held in memory whole: Implicit or Explicit VR
 * Little Endian. Only the elements that are asked for are kept; the rest, whatever it is, is stepped over. Pure. Bounded:
 * by the bytes given, by `maxItems` in all and by `maxDepth`; every length is compared with what is there.
 */
import { uid } from '../uids.ts';

/**
 * A data set, or an item of a sequence: the values and sequences that were asked for, by their tags. A value is a string in
 * which each byte is one character.
 */
export type ReadItem = { values: Map<number, string>; sequences: Map<number, ReadItem[]> };

export type ReadPlan = {
  /** Tags of elements whose values are kept; they may have at most `maxValueBytes`. */
  values: ReadonlySet<number>;
  /** Tags of sequences whose items are read in the same way. */
  sequences: ReadonlySet<number>;
  /** Items of those sequences, all together. */
  maxItems: number;
};

export type DataSetProblem = 'malformed' | 'missing' | 'invalid' | 'too-many';

/** The bytes are not a data set as it should be. The message names tags, never values. */
export class DataSetError extends Error {
  override readonly name = 'DataSetError';
  readonly problem: DataSetProblem;

  constructor(problem: DataSetProblem, message: string) {
    super(message);
    this.problem = problem;
  }
}

const item = 0xfffee000;
const itemEnd = 0xfffee00d;
const sequenceEnd = 0xfffee0dd;
const undefinedLength = 0xffffffff;
const maxDepth = 8;
/** A UID has 64 characters; padding and carelessness may add a little. */
const maxValueBytes = 256;
const longForm = new Set(['OB', 'OW', 'OF', 'OD', 'OL', 'OV', 'SQ', 'UC', 'UN', 'UR', 'UT', 'SV', 'UV']);

/** Shared by the many items in which there is no sequence. */
const noSequences: Map<number, ReadItem[]> = new Map();
const nothing: ReadItem = { values: new Map(), sequences: noSequences };
export const tagText = (tag: number) =>
  `(${(tag >>> 16).toString(16).padStart(4, '0')},${(tag & 0xffff).toString(16).padStart(4, '0')})`;

/** Throws `DataSetError` with problem `malformed` or `too-many`. */
export function readDataSet(bytes: Buffer, transferSyntaxUid: string, plan: ReadPlan): ReadItem {
  return new Reader(bytes, plan).readAll(transferSyntaxUid === uid.implicitVrLittleEndian);
}

type ElementHeader = { tag: number; vr: string | undefined; length: number };

/** Where an element may lie: up to `end`; `delimited`: a delimiter before that ends it. */
type Bounds = { end: number; delimited: boolean };

class Reader {
  readonly #bytes: Buffer;
  readonly #plan: ReadPlan;
  #offset = 0;
  #items = 0;

  constructor(bytes: Buffer, plan: ReadPlan) {
    this.#bytes = bytes;
    this.#plan = plan;
  }

  readAll(implicit: boolean): ReadItem {
    return this.#elements({ end: this.#bytes.length, delimited: false }, implicit, 0, true);
  }

  /** The elements up to the end of the data set or item. `keep` is false in what is only stepped over. */
  #elements({ end, delimited }: Bounds, implicit: boolean, depth: number, keep: boolean): ReadItem {
    const result: ReadItem = keep ? { values: new Map(), sequences: noSequences } : nothing;
    while (this.#offset < end) {
      const { tag, vr, length } = this.#header(end, implicit);
      if (tag === itemEnd && delimited) return result;
      if (tag === item || tag === itemEnd || tag === sequenceEnd) fail('a delimiter stands where none belongs');
      const wanted = keep && !(vr !== undefined && vr !== 'SQ' && vr !== 'UN') && this.#plan.sequences.has(tag);
      if (wanted || length === undefinedLength) {
        // What is inside an UN element is Implicit VR Little Endian, whatever is around it (PS3.5 6.2.2).
        const items = this.#sequence(end, length, implicit || vr === 'UN', depth + 1, wanted);
        if (wanted) {
          if (result.sequences === noSequences) result.sequences = new Map();
          setOnce(result.sequences, tag, items);
        }
        continue;
      }
      this.#mustFit(tag, length, end);
      if (keep && this.#plan.values.has(tag)) {
        if (length > maxValueBytes) fail(`element ${tagText(tag)} is longer than ${maxValueBytes} bytes`);
        setOnce(result.values, tag, this.#bytes.toString('latin1', this.#offset, this.#offset + length));
      }
      this.#offset += length;
    }
    if (delimited) fail('an item has no end');
    return result;
  }

  #sequence(end: number, length: number, implicit: boolean, depth: number, keep: boolean): ReadItem[] {
    if (depth > maxDepth) fail(`sequences are nested deeper than ${maxDepth}`);
    const delimited = length === undefinedLength;
    if (!delimited) this.#mustFit(undefined, length, end);
    const sequenceLimit = delimited ? end : this.#offset + length;
    const items: ReadItem[] = [];
    while (this.#offset < sequenceLimit) {
      const header = this.#header(sequenceLimit, true); // items and delimiters have no VR
      if (header.tag === sequenceEnd && delimited) return items;
      if (header.tag !== item) fail('an element stands where an item of a sequence should');
      if (keep && ++this.#items > this.#plan.maxItems) {
        throw new DataSetError('too-many', `more than ${this.#plan.maxItems} items`);
      }
      const read = this.#item(sequenceLimit, header.length, implicit, depth, keep);
      if (keep) items.push(read);
    }
    if (delimited) fail('a sequence has no end');
    return items;
  }

  #item(end: number, length: number, implicit: boolean, depth: number, keep: boolean): ReadItem {
    if (length === undefinedLength) return this.#elements({ end, delimited: true }, implicit, depth, keep);
    this.#mustFit(item, length, end);
    const itemLimit = this.#offset + length;
    if (keep) return this.#elements({ end: itemLimit, delimited: false }, implicit, depth, true);
    this.#offset = itemLimit;
    return nothing;
  }

  #header(end: number, implicit: boolean): ElementHeader {
    const at = this.#offset;
    if (at + 8 > end) fail('the data set ends in the middle of an element');
    const tag = this.#bytes.readUInt16LE(at) * 0x10000 + this.#bytes.readUInt16LE(at + 2);
    if (implicit || tag >>> 16 === 0xfffe) {
      this.#offset = at + 8;
      return { tag, vr: undefined, length: this.#bytes.readUInt32LE(at + 4) };
    }
    const vr = this.#bytes.toString('latin1', at + 4, at + 6);
    if (!isUpperCase(vr.charCodeAt(0)) || !isUpperCase(vr.charCodeAt(1)))
      fail(`element ${tagText(tag)} has no valid VR`);
    if (!longForm.has(vr)) {
      this.#offset = at + 8;
      return { tag, vr, length: this.#bytes.readUInt16LE(at + 6) };
    }
    if (at + 12 > end) fail('the data set ends in the middle of an element');
    this.#offset = at + 12;
    return { tag, vr, length: this.#bytes.readUInt32LE(at + 8) };
  }

  #mustFit(tag: number | undefined, length: number, end: number): void {
    if (this.#offset + length <= end) return;
    const what = tag === undefined ? 'a sequence' : tag === item ? 'an item' : `element ${tagText(tag)}`;
    fail(`${what} declares more bytes than are there`);
  }
}

const isUpperCase = (code: number) => code >= 0x41 && code <= 0x5a;

function setOnce<T>(map: Map<number, T>, tag: number, value: T): void {
  if (map.has(tag)) fail(`element ${tagText(tag)} comes twice`);
  map.set(tag, value);
}

function fail(message: string): never {
  throw new DataSetError('malformed', message);
}

/** A UID or code string as it is meant: without the padding that PS3.5 asks for and the spaces that peers add. */
export function textOf(value: string): string {
  let start = 0;
  let end = value.length;
  while (end > start && isPadding(value.charCodeAt(end - 1))) end--;
  while (start < end && value.charCodeAt(start) === 0x20) start++;
  return value.slice(start, end);
}

const isPadding = (code: number) => code === 0 || code === 0x20;
