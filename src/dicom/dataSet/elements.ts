/** What everybody does with elements: find, put, remove, read as text or numbers, make, walk through items. */
import { type CharacterSet, characterSetOf, defaultCharacterSet, encodeText, textValues } from './characterSets.ts';
import { dataSetError, tagText } from './dataSetErrors.ts';
import { bytesIn, type DataElement, type DataSet, element, type SequenceItem } from './dicomObject.ts';
import { creatorTagOf, isGroupLength, isPrivate } from './dictionary.ts';
import { effectiveVr } from './effectiveVr.ts';
import { type ElementEncoding, encodingInside } from './elementEncoding.ts';
import { numbersIn, writeNumbers } from './numbers.ts';
import { textOf } from './smallDataSet.ts';
import { isTextVr, paddingOf } from './valueRepresentation.ts';

export { element } from './dicomObject.ts';
export { effectiveVr } from './effectiveVr.ts';
export { encodingInside } from './elementEncoding.ts';

/** Puts an element in its place, instead of the one with its tag if there is one. */
export function putElement(dataSet: DataSet, made: DataElement): void {
  const { elements } = dataSet;
  const same = elements.findIndex(({ tag }) => tag === made.tag);
  if (same >= 0) {
    elements[same] = made;
    return;
  }
  const next = elements.findIndex(({ tag }) => tag > made.tag);
  elements.splice(next < 0 ? elements.length : next, 0, made);
}

/** Whether there was one. */
export function removeElement(dataSet: DataSet, tag: number): boolean {
  const index = dataSet.elements.findIndex((one) => one.tag === tag);
  if (index >= 0) dataSet.elements.splice(index, 1);
  return index >= 0;
}

/** Removes group lengths (gggg,0000), retired and wrong as soon as something changes, here and in all items. */
export function removeGroupLengths(dataSet: DataSet): void {
  if (dataSet.elements.some(({ tag }) => isGroupLength(tag))) {
    dataSet.elements = dataSet.elements.filter(({ tag }) => !isGroupLength(tag));
  }
  for (const { value } of dataSet.elements) {
    if (value.kind === 'sequence') for (const item of value.items) removeGroupLengths(item.dataSet);
  }
}

/** The first value as text, '' when it is empty, undefined when there is no such element or it holds no text. */
export function stringValue(dataSet: DataSet, tag: number, set?: CharacterSet): string | undefined {
  const found = element(dataSet, tag);
  if (found === undefined || !isTextVr(effectiveVr(found))) return undefined;
  return textValues(found, set)[0] ?? '';
}

/** The values as text, in the data set's own character set or `set`; [] when there are none. */
export function stringValues(dataSet: DataSet, tag: number, set = characterSetOf(dataSet)): string[] {
  const found = element(dataSet, tag);
  return found === undefined ? [] : textValues(found, set);
}

/** A UID, '' when there is none. */
export const uidValue = (dataSet: DataSet, tag: number): string => textOf(stringValue(dataSet, tag) ?? '');

/**
 * The values as numbers: of binary VRs, and of IS and DS; NaN for what is no number. Bytes beyond the last whole value are left
 * out. SV and UV lose what a double cannot hold.
 */
export function numberValues(one: DataElement | undefined, encoding: { littleEndian: boolean }): number[] {
  if (one === undefined || one.value.kind !== 'bytes') return [];
  const vr = effectiveVr(one);
  if (vr === 'IS' || vr === 'DS') return textValues(one).map((text) => (text === '' ? Number.NaN : Number(text)));
  // An UN value is in little endian, whatever is around it (PS3.5 6.2.2).
  return numbersIn(vr, bytesIn(one.value.bytes), one.vr === 'UN' || encoding.littleEndian);
}

/** The first value as a number; undefined when there is none or it is no number. */
export function numberValue(dataSet: DataSet, tag: number, encoding: { littleEndian: boolean }): number | undefined {
  const [first] = numberValues(element(dataSet, tag), encoding);
  return first === undefined || Number.isNaN(first) ? undefined : first;
}

export type ValueToMake = string | readonly string[] | readonly number[] | Buffer | readonly SequenceItem[];
export type MakeOptions = { littleEndian?: boolean; characterSet?: CharacterSet };

/**
 * An element with a value of an even length. Numbers are for binary VRs and for IS and DS; items for SQ. Throws GatewayError
 * `dataset.character-set` for text that the character set cannot hold.
 */
export function makeElement(tag: number, vr: string, value: ValueToMake, options: MakeOptions = {}): DataElement {
  const { littleEndian = true, characterSet = defaultCharacterSet } = options;
  if (vr === 'SQ') {
    return { tag, vr, value: { kind: 'sequence', items: value as SequenceItem[], undefinedLength: false } };
  }
  if (Buffer.isBuffer(value)) return { tag, vr, value: { kind: 'bytes', bytes: even(value, vr) } };
  const values = typeof value === 'string' ? [value] : (value as readonly (string | number)[]);
  if (!isTextVr(vr)) {
    return { tag, vr, value: { kind: 'bytes', bytes: even(writeNumbers(vr, values.map(Number), littleEndian), vr) } };
  }
  const bytes = encodeText(values.join('\\'), characterSet);
  if (bytes === undefined) {
    throw dataSetError(
      'dataset.character-set',
      `the character set of the data set cannot hold the text of ${tagText(tag)}`,
    );
  }
  return { tag, vr, value: { kind: 'bytes', bytes: even(bytes, vr) } };
}

export const emptyElement = (tag: number, vr: string): DataElement =>
  makeElement(tag, vr, vr === 'SQ' ? [] : Buffer.alloc(0));

/** An item with its length told. */
export const makeItem = (elements: DataElement[]): SequenceItem => ({ dataSet: { elements }, undefinedLength: false });

/** Ends a value as PS3.5 6.2 wants it: a space after text, a null byte after UIDs and bytes. */
function even(bytes: Buffer, vr: string): Buffer {
  return bytes.length % 2 === 0 ? bytes : Buffer.concat([bytes, Buffer.from([paddingOf(vr)])]);
}

/** Where an element stands. */
export type Place = {
  dataSet: DataSet;
  /** 0 in the data set itself. */
  depth: number;
  /** The sequences above, outermost first. */
  path: readonly number[];
  encoding: ElementEncoding;
  characterSet: CharacterSet;
};

/** Called for each element before its items; 'skip' leaves these out, undefined does not. It may change the data set that it is in. */
export type Visitor = (one: DataElement, place: Place) => 'skip' | undefined;

/** All elements, items included, in order. An element that the visitor puts in the place of another one is not visited again. */
export function walk(dataSet: DataSet, encoding: ElementEncoding, visit: Visitor): void {
  walkPlace({ dataSet, depth: 0, path: [], encoding, characterSet: characterSetOf(dataSet) }, visit);
}

function walkPlace(place: Place, visit: Visitor): void {
  for (const one of [...place.dataSet.elements]) {
    if (visit(one, place) === 'skip' || one.value.kind !== 'sequence') continue;
    const encoding = encodingInside(one, place.encoding);
    const path = [...place.path, one.tag];
    for (const { dataSet } of one.value.items) {
      const characterSet = characterSetOf(dataSet, place.characterSet);
      walkPlace({ dataSet, depth: place.depth + 1, path, encoding, characterSet }, visit);
    }
  }
}

/**
 * Who reserved the block of a private element, in the data set or item that it is in (PS3.5 7.8.1): '' when nobody did,
 * undefined when the element is not private.
 */
export function privateCreator(tag: number, dataSet: DataSet): string | undefined {
  if (!isPrivate(tag)) return undefined;
  const creator = creatorTagOf(tag);
  const found = creator === undefined ? undefined : element(dataSet, creator);
  if (found === undefined || found.value.kind !== 'bytes') return '';
  return bytesIn(found.value.bytes)
    .toString('latin1')
    .replace(/[\0 ]+$/, '')
    .trimStart();
}
