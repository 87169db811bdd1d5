/**
 * Writes a DicomObject as a Part 10 object: our own file meta information and the data set, as pieces. What is in memory is
 * written out, what lies in a source stays there, and neighbouring ranges become one: an object whose pixel data nobody touched
 * has three pieces. Lengths are computed anew; a data set that nobody changed comes out as it went in.
 */
import { deflateRawSync } from 'node:zlib';
import { dataSetError, tagText } from './dataSetErrors.ts';
import {
  type Bytes,
  bytesIn,
  type DataElement,
  type DataSet,
  type DicomObject,
  type EncodedObject,
} from './dicomObject.ts';
import { type ElementEncoding, encodingInside, FragmentRange, tags, undefinedLength } from './elementEncoding.ts';
import { encodeFileMeta } from './fileMeta.ts';
import { PieceWriter } from './pieceWriter.ts';
import { hasLongForm } from './valueRepresentation.ts';

const longestShortForm = 0xffff;

/** The file meta information is made of `object.meta`; (0008,0016) and (0008,0018) are the caller's to keep in step with it. */
export function encodePart10(object: DicomObject): EncodedObject {
  const dataSet = encodeDataSet(object.dataSet, object.encoding);
  const pieces = [encodeFileMeta(object.meta), ...(object.encoding.deflated ? [deflate(dataSet)] : dataSet)];
  return { pieces, size: pieces.reduce((sum, piece) => sum + piece.length, 0) };
}

/** The data set alone, not deflated. */
export function encodeDataSet(dataSet: DataSet, encoding: ElementEncoding): Bytes[] {
  const writer = new DataSetEncoder();
  writer.dataSet(dataSet, encoding);
  return writer.pieces;
}

/** PS3.5 A.5: a single null byte makes the length even. */
function deflate(dataSet: Bytes[]): Buffer {
  const deflated = deflateRawSync(Buffer.concat(dataSet.map(bytesIn)));
  return deflated.length % 2 === 0 ? deflated : Buffer.concat([deflated, Buffer.alloc(1)]);
}

class DataSetEncoder {
  readonly #writer = new PieceWriter();

  get pieces(): Bytes[] {
    return this.#writer.finish();
  }

  dataSet(dataSet: DataSet, encoding: ElementEncoding): void {
    for (const element of dataSet.elements) this.#element(element, encoding);
  }

  #element(element: DataElement, encoding: ElementEncoding): void {
    const { tag, vr, value } = element;
    switch (value.kind) {
      case 'bytes': {
        const { length } = value.bytes;
        this.#header(tag, vr, length, encoding);
        this.#writer.bytes(value.bytes);
        return;
      }
      case 'sequence': {
        const inner = encodingInside(element, encoding);
        const patch = this.#header(tag, vr, value.undefinedLength ? undefinedLength : 0, encoding);
        const start = this.#writer.written;
        for (const item of value.items) {
          const patchItem = this.#delimiter(tags.item, item.undefinedLength ? undefinedLength : 0, inner);
          const itemStart = this.#writer.written;
          this.dataSet(item.dataSet, inner);
          if (item.undefinedLength) this.#delimiter(tags.itemEnd, 0, inner);
          else patchItem(this.#writer.written - itemStart);
        }
        if (value.undefinedLength) this.#delimiter(tags.sequenceEnd, 0, inner);
        else patch(this.#writer.written - start);
        return;
      }
      case 'fragments': {
        this.#header(tag, vr, undefinedLength, encoding);
        for (const fragment of value.fragments) this.#fragment(fragment, encoding);
        this.#delimiter(tags.sequenceEnd, 0, encoding);
      }
    }
  }

  #fragment(fragment: Bytes, encoding: ElementEncoding): void {
    if (fragment instanceof FragmentRange && encoding.littleEndian) {
      // With its header it is the neighbour of the fragment before it.
      this.#writer.bytes({ source: fragment.source, offset: fragment.offset - 8, length: fragment.length + 8 });
      return;
    }
    const isOddAndOurs = Buffer.isBuffer(fragment) && fragment.length % 2 === 1;
    this.#delimiter(tags.item, fragment.length + (isOddAndOurs ? 1 : 0), encoding);
    this.#writer.bytes(fragment);
    if (isOddAndOurs) this.#writer.bytes(Buffer.alloc(1));
  }

  /** Gives back what sets the length, once it is known. */
  #header(tag: number, vr: string, length: number, encoding: ElementEncoding): (length: number) => void {
    if (!encoding.explicitVr) return this.#delimiter(tag, length, encoding);
    const { littleEndian } = encoding;
    if (!hasLongForm(vr) && length <= longestShortForm) {
      this.#writer.tag(tag, littleEndian);
      this.#writer.vr(vr);
      this.#writer.u16(length, littleEndian);
      return none;
    }
    this.#writer.tag(tag, littleEndian);
    // PS3.5 6.2.2: what is too long for the short form is written as UN.
    this.#writer.vr(hasLongForm(vr) ? vr : 'UN');
    this.#writer.u16(0, littleEndian);
    return this.#length(tag, length, littleEndian);
  }

  #delimiter(tag: number, length: number, { littleEndian }: ElementEncoding): (length: number) => void {
    this.#writer.tag(tag, littleEndian);
    return this.#length(tag, length, littleEndian);
  }

  #length(tag: number, length: number, littleEndian: boolean): (length: number) => void {
    const patch = this.#writer.u32(length, littleEndian);
    return (actual) => {
      if (actual >= undefinedLength) throw dataSetError('dataset.too-large', `${tagText(tag)} has more than 4 GiB`);
      patch(actual);
    };
  }
}

const none = () => {};
