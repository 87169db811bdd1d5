/**
 * Reads the elements of a data set (PS3.5 section 7) in any of its encodings: iteratively within a data set, recursively into
 * items, within limits of depth, elements, items and bytes. Every step moves forward and every length is compared with what is
 * there, so any input ends, in a data set or in a GatewayError.
 */
import type { ByteWindow } from './byteWindow.ts';
import { dataSetError, tagText } from './dataSetErrors.ts';
import type { Bytes, DataElement, DataSet, ElementValue, SequenceItem, SourceRange } from './dicomObject.ts';
import { implicitVr, isPrivate, vrOf } from './dictionary.ts';
import type { ParseLimits } from './parseLimits.ts';
import { type VrForm, vrForm } from './valueRepresentation.ts';

/** How the bytes at hand are encoded: what is inside an UN element differs from what is around it (PS3.5 6.2.2). */
export type ElementEncoding = { explicitVr: boolean; littleEndian: boolean };
const insideUnknown: ElementEncoding = { explicitVr: false, littleEndian: true };

/** A fragment as it lies in a Part 10 object: its item header is in the eight bytes before it. */
export class FragmentRange implements SourceRange {
  readonly source: SourceRange['source'];
  readonly offset: number;
  readonly length: number;

  constructor(source: SourceRange['source'], offset: number, length: number) {
    this.source = source;
    this.offset = offset;
    this.length = length;
  }
}

export const tags = {
  pixelRepresentation: 0x00280103,
  floatPixelData: 0x7fe00008,
  doubleFloatPixelData: 0x7fe00009,
  pixelData: 0x7fe00010,
  item: 0xfffee000,
  itemEnd: 0xfffee00d,
  sequenceEnd: 0xfffee0dd,
} as const;
export const undefinedLength = 0xffffffff;

/** Where elements may lie: up to `end`; `delimited`: a delimiter before that ends them. */
type Bounds = { end: number; delimited: boolean };
/** What an item has from the data set around it: whether Pixel Representation says signed. */
type Surroundings = { signed: boolean };

const isPixelData = (tag: number) =>
  tag === tags.pixelData || tag === tags.floatPixelData || tag === tags.doubleFloatPixelData;
const mayHaveFragments = (vr: string) => vr === 'OB' || vr === 'OW';
const headersAhead = 4096;
const noVr: VrForm = { vr: '', long: false };

export class DataSetReader {
  readonly #window: ByteWindow;
  readonly #limits: ParseLimits;
  #offset = 0;
  #elements = 0;
  #items = 0;
  // Of the header that was read last.
  #tag = 0;
  #form: VrForm = noVr;
  #length = 0;

  constructor(window: ByteWindow, limits: ParseLimits) {
    this.#window = window;
    this.#limits = limits;
  }

  /** The data set from `offset` to the end of the source. */
  read(offset: number, encoding: ElementEncoding): DataSet {
    this.#offset = offset;
    return this.#dataSet({ end: this.#window.size, delimited: false }, encoding, 0, { signed: false });
  }

  #dataSet(bounds: Bounds, encoding: ElementEncoding, depth: number, around: Surroundings): DataSet {
    const elements: DataElement[] = [];
    const surroundings = { signed: around.signed };
    let previous = -1;
    let ascending = true;
    while (this.#offset < bounds.end) {
      const at = this.#offset;
      if (depth === 0 && this.#isTrailingPadding(bounds.end)) break;
      this.#header(bounds.end, encoding);
      const tag = this.#tag;
      if (tag === tags.itemEnd && bounds.delimited) {
        if (!ascending) refuseDuplicates(elements, at);
        return { elements };
      }
      if (tag >= 0xfffee000) fail(`${tagText(tag)} stands at offset ${at}, where an element should`);
      if (++this.#elements > this.#limits.maxElements) {
        throw dataSetError('dataset.too-many', `the data set has more than ${this.#limits.maxElements} elements`);
      }
      if (tag === previous) throw twice(tag, at);
      if (tag < previous) ascending = false;
      previous = tag;
      elements.push(this.#element(bounds.end, encoding, depth, surroundings));
    }
    if (bounds.delimited) fail(`an item that ends at offset ${bounds.end} has no delimiter`);
    if (!ascending) refuseDuplicates(elements, this.#offset);
    return { elements };
  }

  #element(end: number, encoding: ElementEncoding, depth: number, surroundings: Surroundings): DataElement {
    const tag = this.#tag;
    const length = this.#length;
    let vr = encoding.explicitVr ? this.#form.vr : implicitVr(tag, surroundings.signed);
    if (length === undefinedLength) {
      if (tag === tags.pixelData || (encoding.explicitVr && mayHaveFragments(vr))) {
        return { tag, vr, value: this.#fragments(end, encoding) };
      }
      if (!encoding.explicitVr && vr === 'UN') vr = 'SQ';
      if (vr !== 'SQ' && vr !== 'UN')
        fail(`${tagText(tag)} is ${printable(vr)} and has no length (before offset ${this.#offset})`);
      return { tag, vr, value: this.#sequence(end, true, vr === 'UN' ? insideUnknown : encoding, depth, surroundings) };
    }
    if (length > end - this.#offset) this.#doesNotFit(tagText(tag), end);
    if (vr === 'SQ') {
      return { tag, vr, value: this.#sequence(this.#offset + length, false, encoding, depth, surroundings) };
    }
    if (vr === 'UN' && length > 0 && !isPrivate(tag) && vrOf(tag) === 'SQ') {
      const value = this.#sequenceInUnknown(length, depth, surroundings);
      if (value !== undefined) return { tag, vr, value };
    }
    const bytes = this.#value(tag, length);
    if (tag === tags.pixelRepresentation && length >= 2 && Buffer.isBuffer(bytes)) {
      surroundings.signed = (bytes[encoding.littleEndian ? 0 : 1] ?? 0) === 1;
    }
    return { tag, vr, value: { kind: 'bytes', bytes } };
  }

  #value(tag: number, length: number): Bytes {
    const offset = this.#offset;
    this.#offset += length;
    if (length > this.#limits.maxValueInMemory || (isPixelData(tag) && length > 0)) {
      return { source: this.#window.source, offset, length };
    }
    return this.#window.view(offset, length);
  }

  #sequence(
    end: number,
    delimited: boolean,
    encoding: ElementEncoding,
    depth: number,
    surroundings: Surroundings,
  ): ElementValue {
    if (depth >= this.#limits.maxDepth) {
      throw dataSetError('dataset.too-deep', `sequences are nested deeper than ${this.#limits.maxDepth}`);
    }
    const items: SequenceItem[] = [];
    while (this.#offset < end) {
      const at = this.#offset;
      this.#delimiter(end, encoding);
      if (this.#tag === tags.sequenceEnd && delimited) return { kind: 'sequence', items, undefinedLength: true };
      if (this.#tag !== tags.item) fail(`${tagText(this.#tag)} stands at offset ${at}, where an item should`);
      this.#countItem();
      const isOpen = this.#length === undefinedLength;
      if (!isOpen && this.#length > end - this.#offset) this.#doesNotFit('an item', end);
      const bounds = { end: isOpen ? end : this.#offset + this.#length, delimited: isOpen };
      items.push({ dataSet: this.#dataSet(bounds, encoding, depth + 1, surroundings), undefinedLength: isOpen });
    }
    if (delimited) fail(`a sequence that ends at offset ${end} has no delimiter`);
    return { kind: 'sequence', items, undefinedLength: false };
  }

  /**
   * A sequence of the standard that somebody made UN (PS3.5 6.2.2, note 3 to the conversion of unknown VRs): read as one, so
   * that whoever looks for its elements finds them. undefined, with nothing moved, when the bytes are no such thing.
   */
  #sequenceInUnknown(length: number, depth: number, surroundings: Surroundings): ElementValue | undefined {
    const before = { offset: this.#offset, elements: this.#elements, items: this.#items };
    try {
      return this.#sequence(this.#offset + length, false, insideUnknown, depth, surroundings);
    } catch (error) {
      const { code } = error as { code?: string };
      if (code !== 'dataset.malformed' && code !== 'dataset.truncated' && code !== 'dataset.duplicate-element')
        throw error;
      this.#offset = before.offset;
      return undefined;
    }
  }

  /** PS3.5 A.4: the Basic Offset Table, then the fragments, of which the headers alone are read. */
  #fragments(end: number, encoding: ElementEncoding): ElementValue {
    const fragments: Bytes[] = [];
    const { source } = this.#window;
    while (this.#offset < end) {
      const at = this.#offset;
      this.#delimiter(end, encoding);
      if (this.#tag === tags.sequenceEnd) return { kind: 'fragments', fragments };
      if (this.#tag !== tags.item) fail(`${tagText(this.#tag)} stands at offset ${at}, where a fragment should`);
      this.#countItem();
      if (this.#length > end - this.#offset) this.#doesNotFit('a fragment', end);
      fragments.push(new FragmentRange(source, this.#offset, this.#length));
      this.#offset += this.#length;
    }
    return fail(`the fragments of an element that ends at offset ${end} have no delimiter`);
  }

  #countItem(): void {
    if (++this.#items <= this.#limits.maxItems) return;
    throw dataSetError('dataset.too-many', `the data set has more than ${this.#limits.maxItems} items and fragments`);
  }

  #header(end: number, { explicitVr, littleEndian }: ElementEncoding): void {
    const at = this.#offset;
    if (at + 8 > end) this.#cutShort(at, end);
    const whole = at + 12 <= end;
    const index = this.#window.at(at, whole ? 12 : 8);
    const bytes = this.#window.bytes;
    this.#tag = tagAt(bytes, index, littleEndian);
    if (!explicitVr || this.#tag >= 0xfffee000) {
      this.#length = littleEndian ? bytes.readUInt32LE(index + 4) : bytes.readUInt32BE(index + 4);
      this.#offset = at + 8;
      return;
    }
    this.#form = vrForm(bytes.readUInt16BE(index + 4));
    if (!this.#form.long) {
      this.#length = littleEndian ? bytes.readUInt16LE(index + 6) : bytes.readUInt16BE(index + 6);
      this.#offset = at + 8;
      return;
    }
    if (!whole) this.#cutShort(at, end);
    this.#length = littleEndian ? bytes.readUInt32LE(index + 8) : bytes.readUInt32BE(index + 8);
    this.#offset = at + 12;
  }

  /** Items and delimiters have no VR. Between fragments there is much to skip: little is read ahead. */
  #delimiter(end: number, { littleEndian }: ElementEncoding): void {
    const at = this.#offset;
    if (at + 8 > end) this.#cutShort(at, end);
    const index = this.#window.at(at, 8, headersAhead);
    const bytes = this.#window.bytes;
    this.#tag = tagAt(bytes, index, littleEndian);
    this.#length = littleEndian ? bytes.readUInt32LE(index + 4) : bytes.readUInt32BE(index + 4);
    this.#offset = at + 8;
  }

  /** Some writers fill up with zeros: no element has the tag (0000,0000) here. */
  #isTrailingPadding(end: number): boolean {
    const left = end - this.#offset;
    if (left >= 8) return false;
    const index = this.#window.at(this.#offset, left);
    const padding = this.#window.bytes.subarray(index, index + left);
    if (!padding.every((byte) => byte === 0)) return false;
    this.#offset = end;
    return true;
  }

  #cutShort(at: number, end: number): never {
    const code = end === this.#window.size ? 'dataset.truncated' : 'dataset.malformed';
    throw dataSetError(code, `an element header at offset ${at} is cut short at ${end}`);
  }

  #doesNotFit(what: string, end: number): never {
    const code = end === this.#window.size ? 'dataset.truncated' : 'dataset.malformed';
    const message = `${what} at offset ${this.#offset} declares ${this.#length} bytes, and ${end - this.#offset} are there`;
    throw dataSetError(code, message);
  }
}

const tagAt = (bytes: Buffer, index: number, littleEndian: boolean): number =>
  littleEndian ? bytes.readUInt16LE(index) * 0x10000 + bytes.readUInt16LE(index + 2) : bytes.readUInt32BE(index);

function refuseDuplicates(elements: DataElement[], at: number): void {
  const seen = new Set<number>();
  for (const { tag } of elements) {
    if (seen.has(tag)) throw twice(tag, at);
    seen.add(tag);
  }
}

const twice = (tag: number, at: number) =>
  dataSetError('dataset.duplicate-element', `${tagText(tag)} stands twice in one data set (before offset ${at})`);

const printable = (vr: string) => (/^[\x21-\x7e]{2}$/.test(vr) ? vr : 'of an invalid VR');

function fail(message: string): never {
  throw dataSetError('dataset.malformed', message);
}
