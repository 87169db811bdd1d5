/**
 * The DICOM JSON Model of an object (PS3.18 Annex F). Text is UTF-8 whatever the object's character set was; (0008,0005) keeps
 * saying what that was (F.2.2, note 3). Pixel data and what is long are left out, not emptied, and named.
 */
import { type CharacterSet, characterSetOf, textValues } from './characterSets.ts';
import { bytesIn, type DataElement, type DataSet, type DicomObject } from './dicomObject.ts';
import { isGroupLength } from './dictionary.ts';
import { effectiveVr } from './effectiveVr.ts';
import { isPixelData } from './elementEncoding.ts';
import { nameGroups, numberFromText } from './jsonValues.ts';
import { numbersIn } from './numbers.ts';
import { toExplicitLittleEndian } from './transcode.ts';
import { isKnownVr, isTextVr, wordSize } from './valueRepresentation.ts';

export type JsonLimits = {
  /** Bytes of a value of bytes that stand in the JSON, as base64. */
  maxInlineBytes: number;
  /** Bytes of a text or a list of numbers that stand in the JSON. */
  maxValueBytes: number;
};
export const defaultJsonLimits: JsonLimits = { maxInlineBytes: 1024, maxValueBytes: 64 * 1024 };

export type JsonAttribute = { vr: string; Value?: JsonValue[]; InlineBinary?: string };
export type JsonDataSet = { [tag: string]: JsonAttribute };
export type JsonValue = string | number | null | { [group: string]: string } | JsonDataSet;

/** `omitted`: tags whose values were left out, `7FE00010`; of those in items the path, `00081140.0.00091010`. */
export type DicomJson = { dataSet: JsonDataSet; omitted: string[] };

export function toDicomJson(object: DicomObject, limits: Partial<JsonLimits> = {}): DicomJson {
  // Base64 is of the value in little endian, as the transfer syntax of bulk data is.
  const { dataSet } = object.encoding.littleEndian ? object : toExplicitLittleEndian(object);
  const omitted: string[] = [];
  const maker = new Maker({ ...defaultJsonLimits, ...limits }, omitted);
  return { dataSet: maker.dataSet(dataSet, characterSetOf(dataSet), ''), omitted };
}

export const tagKey = (tag: number): string => tag.toString(16).toUpperCase().padStart(8, '0');

class Maker {
  readonly #limits: JsonLimits;
  readonly #omitted: string[];

  constructor(limits: JsonLimits, omitted: string[]) {
    this.#limits = limits;
    this.#omitted = omitted;
  }

  /** The names of an object's attributes are in ascending order, and group lengths are left out (F.2.2). */
  dataSet({ elements }: DataSet, set: CharacterSet, path: string): JsonDataSet {
    const made: Array<[key: string, attribute: JsonAttribute]> = [];
    for (const one of elements) {
      if (isGroupLength(one.tag)) continue;
      const key = tagKey(one.tag);
      const attribute = this.#attribute(one, set, path + key);
      if (attribute === undefined) this.#omitted.push(path + key);
      else made.push([key, attribute]);
    }
    return Object.fromEntries(made.sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** undefined: left out. */
  #attribute(one: DataElement, set: CharacterSet, path: string): JsonAttribute | undefined {
    const { tag, value } = one;
    if (value.kind === 'fragments') return undefined;
    if (value.kind === 'sequence') {
      const items = value.items.map(({ dataSet }, index) =>
        this.dataSet(dataSet, characterSetOf(dataSet, set), `${path}.${index}.`),
      );
      return items.length === 0 ? { vr: 'SQ' } : { vr: 'SQ', Value: items };
    }
    const found = effectiveVr(one);
    const vr = isKnownVr(found) && found !== 'SQ' ? found : 'UN';
    const { length } = value.bytes;
    if (length === 0) return { vr };
    if (isPixelData(tag)) return undefined;
    if (isBinary(vr)) {
      if (length > this.#limits.maxInlineBytes) return undefined;
      return { vr, InlineBinary: bytesIn(value.bytes).toString('base64') };
    }
    if (length > this.#limits.maxValueBytes) return undefined;
    const values = isTextVr(vr) ? textOf(one, vr, set) : numbersOf(vr, bytesIn(value.bytes));
    return values.length === 0 ? { vr } : { vr, Value: values };
  }
}

const binary = new Set(['OB', 'OD', 'OF', 'OL', 'OV', 'OW', 'UN']);
const isBinary = (vr: string) => binary.has(vr);

/** An empty value among others is null (F.2.5); nothing but empty values is no Value at all. */
function textOf(one: DataElement, vr: string, set: CharacterSet): JsonValue[] {
  const values = textValues(one, set);
  if (values.every((value) => value === '')) return [];
  return values.map((value) => {
    if (value === '') return null;
    if (vr === 'PN') return nameGroups(value);
    return vr === 'IS' || vr === 'DS' ? numberFromText(value) : value;
  });
}

function numbersOf(vr: string, bytes: Buffer): JsonValue[] {
  if (vr === 'AT') return numbersIn(vr, bytes, true).map(tagKey);
  if (vr === 'SV' || vr === 'UV') return longNumbers(vr, bytes);
  // JSON has no word for what is not finite.
  return numbersIn(vr, bytes, true).map((value) => (Number.isFinite(value) ? value : null));
}

/** As text where a double would lose digits (F.2.3, note). */
function longNumbers(vr: 'SV' | 'UV', bytes: Buffer): JsonValue[] {
  const size = wordSize(vr);
  return Array.from({ length: Math.floor(bytes.length / size) }, (_, index) => {
    const value = vr === 'SV' ? bytes.readBigInt64LE(index * size) : bytes.readBigUInt64LE(index * size);
    return BigInt.asIntN(54, value) === value ? Number(value) : value.toString();
  });
}
