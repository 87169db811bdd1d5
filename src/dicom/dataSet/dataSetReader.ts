/**
 * Reads the elements of a data set (PS3.5 section 7) in any of its encodings: iteratively within a data set, recursively into
 * items, within limits of depth, elements, items and bytes. Every step moves forward and every length is compared with what is
 * there, so any input ends, in a data set or in a GatewayError.
 */
import { GatewayError } from '../../base/errors.ts';
import type { ByteWindow } from './byteWindow.ts';
import { dataSetError, tagText } from './dataSetErrors.ts';
import type { Bytes, DataElement, DataSet, ElementValue, SequenceItem } from './dicomObject.ts';
import { implicitVr, isPrivate, vrOf } from './dictionary.ts';
import {
  type ElementEncoding,
  encodingInside,
  encodingInsideUnknown,
  FragmentRange,
  isPixelData,
  tags,
  undefinedLength,
} from './elementEncoding.ts';
import { HeaderReader } from './headerReader.ts';
import type { ParseLimits } from './parseLimits.ts';

/** Where elements may lie: up to `end`; `delimited`: a delimiter before that ends them. */
type Bounds = { end: number; delimited: boolean };
/** What an item has from the data set around it: whether Pixel Representation says signed. */
type Surroundings = { signed: boolean };

/** Groups of commands and of file meta information (PS3.5 7.1): written again, they would pass for that. */
const isForeign = (tag: number) => tag < 0x00010000 || tag >>> 16 === 0x0002;

const mayHaveFragments = (vr: string) => vr === 'OB' || vr === 'OW';

/** Errors that say no more than that bytes are something else; limits hold for guesses, too. */
const isNoSequence = new Set(['dataset.malformed', 'dataset.truncated', 'dataset.duplicate-element']);

export class DataSetReader {
  readonly #at: HeaderReader;
  readonly #limits: ParseLimits;
  #elements = 0;
  #items = 0;

  constructor(window: ByteWindow, limits: ParseLimits) {
    this.#at = new HeaderReader(window);
    this.#limits = limits;
  }

  /** The data set from `offset` to the end of the source. */
  read(offset: number, encoding: ElementEncoding): DataSet {
    this.#at.offset = offset;
    return this.#dataSet({ end: this.#at.window.size, delimited: false }, encoding, 0, { signed: false });
  }

  #dataSet(bounds: Bounds, encoding: ElementEncoding, depth: number, around: Surroundings): DataSet {
    const elements: DataElement[] = [];
    const surroundings = { signed: around.signed };
    let previous = -1;
    let ascending = true;
    while (this.#at.offset < bounds.end) {
      const at = this.#at.offset;
      if (depth === 0 && this.#at.skipTrailingZeros(bounds.end)) break;
      this.#at.element(bounds.end, encoding);
      const tag = this.#at.tag;
      if (tag === tags.itemEnd && bounds.delimited) {
        if (!ascending) refuseDuplicates(elements, at);
        return { elements };
      }
      if (isForeign(tag)) fail(`${tagText(tag)} stands at offset ${at}; its group has no place in a data set`);
      if (tag >= tags.item) fail(`${tagText(tag)} stands at offset ${at}, where an element should`);
      if (++this.#elements > this.#limits.maxElements) {
        throw dataSetError('dataset.too-many', `the data set has more than ${this.#limits.maxElements} elements`);
      }
      if (tag === previous) throw twice(tag, at);
      if (tag < previous) ascending = false;
      previous = tag;
      elements.push(this.#element(bounds.end, encoding, depth, surroundings));
    }
    if (bounds.delimited) fail(`an item that ends at offset ${bounds.end} has no delimiter`);
    if (!ascending) refuseDuplicates(elements, this.#at.offset);
    return { elements };
  }

  #element(end: number, encoding: ElementEncoding, depth: number, surroundings: Surroundings): DataElement {
    const tag = this.#at.tag;
    const length = this.#at.length;
    let vr = encoding.explicitVr ? this.#at.vr : implicitVr(tag, surroundings.signed);
    if (length === undefinedLength) {
      if (tag === tags.pixelData || (encoding.explicitVr && mayHaveFragments(vr))) {
        return { tag, vr, value: this.#fragments(end, encoding) };
      }
      if (!encoding.explicitVr && vr === 'UN') vr = 'SQ';
      if (vr !== 'SQ' && vr !== 'UN')
        fail(`${tagText(tag)} is ${printable(vr)} and has no length (before offset ${this.#at.offset})`);
      return { tag, vr, value: this.#sequence(end, true, encodingInside({ vr }, encoding), depth, surroundings) };
    }
    this.#at.mustFit(tagText(tag), end);
    if (vr === 'SQ') {
      return { tag, vr, value: this.#sequence(this.#at.offset + length, false, encoding, depth, surroundings) };
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
    const offset = this.#at.offset;
    this.#at.offset += length;
    if (length > this.#limits.maxValueInMemory || (isPixelData(tag) && length > 0)) {
      return { source: this.#at.window.source, offset, length };
    }
    return this.#at.window.view(offset, length);
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
    while (this.#at.offset < end) {
      const at = this.#at.offset;
      this.#at.delimiter(end, encoding);
      if (this.#at.tag === tags.sequenceEnd && delimited) return { kind: 'sequence', items, undefinedLength: true };
      if (this.#at.tag !== tags.item) fail(`${tagText(this.#at.tag)} stands at offset ${at}, where an item should`);
      this.#countItem();
      const isOpen = this.#at.length === undefinedLength;
      if (!isOpen) this.#at.mustFit('an item', end);
      const bounds = { end: isOpen ? end : this.#at.offset + this.#at.length, delimited: isOpen };
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
    const start = this.#at.offset;
    try {
      return this.#sequence(start + length, false, encodingInsideUnknown, depth, surroundings);
    } catch (error) {
      if (!(error instanceof GatewayError) || !isNoSequence.has(error.code)) throw error;
      this.#at.offset = start;
      return undefined;
    }
  }

  /** PS3.5 A.4: the Basic Offset Table, then the fragments, of which the headers alone are read. */
  #fragments(end: number, encoding: ElementEncoding): ElementValue {
    const fragments: Bytes[] = [];
    const { source } = this.#at.window;
    while (this.#at.offset < end) {
      const at = this.#at.offset;
      this.#at.delimiter(end, encoding);
      if (this.#at.tag === tags.sequenceEnd) return { kind: 'fragments', fragments };
      if (this.#at.tag !== tags.item) fail(`${tagText(this.#at.tag)} stands at offset ${at}, where a fragment should`);
      this.#countItem();
      this.#at.mustFit('a fragment', end);
      fragments.push(new FragmentRange(source, this.#at.offset, this.#at.length));
      this.#at.offset += this.#at.length;
    }
    return fail(`the fragments of an element that ends at offset ${end} have no delimiter`);
  }

  #countItem(): void {
    if (++this.#items <= this.#limits.maxItems) return;
    throw dataSetError('dataset.too-many', `the data set has more than ${this.#limits.maxItems} items and fragments`);
  }
}

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
