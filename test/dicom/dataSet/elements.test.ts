import { describe, expect, it } from 'vitest';
import { characterSet } from '../../../src/dicom/dataSet/characterSets.ts';
import { bytesIn, type DataElement, type DataSet } from '../../../src/dicom/dataSet/dicomObject.ts';
import { creatorTagOf, implicitVr, isPrivateCreator, keywordOf, vrOf } from '../../../src/dicom/dataSet/dictionary.ts';
import {
  element,
  emptyElement,
  makeElement,
  makeItem,
  numberValue,
  numberValues,
  privateCreator,
  putElement,
  removeElement,
  removeGroupLengths,
  stringValue,
  stringValues,
  uidValue,
  walk,
} from '../../../src/dicom/dataSet/elements.ts';

const little = { explicitVr: true, littleEndian: true };
const hexOf = ({ value }: DataElement) => (value.kind === 'bytes' ? bytesIn(value.bytes).toString('hex') : '');

describe('the dictionary', () => {
  it.each<[number, string, string | undefined]>([
    [0x00100010, 'PN', 'PatientName'],
    [0x00081140, 'SQ', 'ReferencedImageSequence'],
    [0x7fe00010, 'OW', 'PixelData'],
    [0x7fe00008, 'OF', 'FloatPixelData'],
    [0x00280106, 'US', 'SmallestImagePixelValue'],
    [0x00283006, 'OW', 'LUTData'],
    [0x60003000, 'OW', 'OverlayData'],
    [0x601e0022, 'LO', 'OverlayDescription'],
    [0x50020030, 'SH', 'AxisUnits'],
    [0x00203142, 'CS', 'SourceImageIDs'],
    [0x00080000, 'UL', 'GenericGroupLength'],
    [0x00090000, 'UL', 'GenericGroupLength'],
    [0x00090010, 'LO', 'PrivateCreator'],
    [0x00091001, 'UN', undefined],
    [0x00081234, 'UN', undefined],
    [0x60013000, 'UN', undefined],
  ])('knows %i', (tag, vr, keyword) => {
    expect(vrOf(tag)).toBe(vr);
    expect(keywordOf(tag)).toBe(keyword);
  });

  it('has signed values where Pixel Representation says so', () => {
    expect(implicitVr(0x00280106, true)).toBe('SS');
    expect(implicitVr(0x00280010, true)).toBe('US');
  });

  it('finds who reserves a private element', () => {
    expect(creatorTagOf(0x00091001)).toBe(0x00090010);
    expect(creatorTagOf(0x0009ff01)).toBe(0x000900ff);
    expect(creatorTagOf(0x00090001)).toBeUndefined();
    expect(creatorTagOf(0x00081001)).toBeUndefined();
    expect(isPrivateCreator(0x000900ff)).toBe(true);
    expect(isPrivateCreator(0x00090100)).toBe(false);
  });
});

describe('elements', () => {
  it('are put in order, replaced and removed', () => {
    const dataSet: DataSet = { elements: [] };
    for (const tag of [0x00200010, 0x00080060, 0x7fe00010, 0x00100010]) putElement(dataSet, emptyElement(tag, 'UN'));
    expect(dataSet.elements.map(({ tag }) => tag)).toEqual([0x00080060, 0x00100010, 0x00200010, 0x7fe00010]);
    putElement(dataSet, makeElement(0x00100010, 'PN', 'A^B'));
    expect(dataSet.elements).toHaveLength(4);
    expect(stringValue(dataSet, 0x00100010)).toBe('A^B');
    expect(removeElement(dataSet, 0x00100010)).toBe(true);
    expect(removeElement(dataSet, 0x00100010)).toBe(false);
    expect(element(dataSet, 0x00100010)).toBeUndefined();
  });

  it.each<[string, Parameters<typeof makeElement>[2], string]>([
    ['LO', 'abc', '61626320'],
    ['UI', '1.2', '312e3200'],
    ['CS', ['A', 'B'], '415c4220'],
    ['DS', [1.5, 2], '312e355c3220'],
    ['US', [1, 65535], '0100ffff'],
    ['SS', [-1], 'ffff'],
    ['FD', [1], '000000000000f03f'],
    ['AT', [0x00100020], '10002000'],
    ['UV', [2], '0200000000000000'],
    ['SV', [-2], 'feffffffffffffff'],
    ['OB', Buffer.from([1]), '0100'],
    ['OB', [1, 2, 3], '01020300'],
    ['LO', '', ''],
  ])('%s are made of %j', (vr, value, hex) => {
    const made = makeElement(0x00091001, vr, value);
    expect(hexOf(made)).toBe(hex);
    if (!Array.isArray(value) || typeof value[0] !== 'number' || vr === 'DS' || vr === 'OB') return;
    expect(numberValues(made, little)).toEqual(value);
    const big = makeElement(0x00091001, vr, value, { littleEndian: false });
    expect(numberValues(big, { littleEndian: false })).toEqual(value);
  });

  it('have the text of a character set that can hold it', () => {
    const options = { characterSet: characterSet(['ISO_IR 100']) };
    expect(hexOf(makeElement(0x00100010, 'PN', 'é', options))).toBe('e920');
    expect(() => makeElement(0x00100010, 'PN', '王', options)).toThrow(/^(?!.*王).*\(0010,0010\)/);
    expect(() => makeElement(0x00100010, 'PN', '王', options)).toThrow(
      expect.objectContaining({ code: 'dataset.character-set' }),
    );
  });

  it('have numbers and texts', () => {
    const dataSet: DataSet = {
      elements: [
        makeElement(0x00080018, 'UI', ' 1.2.3'),
        makeElement(0x00200013, 'IS', '12 \\x\\'),
        makeElement(0x00280010, 'US', [512]),
        { tag: 0x00280011, vr: 'UN', value: { kind: 'bytes', bytes: Buffer.from([1, 2]) } },
        { tag: 0x00280012, vr: 'US', value: { kind: 'bytes', bytes: Buffer.from([1, 2, 3]) } },
      ],
    };
    expect(uidValue(dataSet, 0x00080018)).toBe('1.2.3');
    expect(uidValue(dataSet, 0x00080016)).toBe('');
    expect(numberValues(element(dataSet, 0x00200013), little)).toEqual([12, Number.NaN, Number.NaN]);
    expect(stringValues(dataSet, 0x00200013)).toEqual(['12', 'x', '']);
    expect(numberValue(dataSet, 0x00280010, little)).toBe(512);
    expect(numberValue(dataSet, 0x00280010, { littleEndian: false })).toBe(2);
    expect(numberValue(dataSet, 0x00280011, { littleEndian: false })).toBe(0x0201);
    expect(numberValues(element(dataSet, 0x00280012), little)).toEqual([0x0201]);
    expect(numberValue(dataSet, 0x00280013, little)).toBeUndefined();
    expect(stringValue(dataSet, 0x00280010)).toBeUndefined();
  });
});

describe('walking', () => {
  const inner = makeElement(0x00081155, 'UI', '1.2');
  const nested = (vr: string): DataElement => ({
    tag: 0x00081140,
    vr,
    value: { kind: 'sequence', items: [makeItem([inner]), makeItem([inner])], undefinedLength: true },
  });

  it('visits items with the path to them and how they are encoded', () => {
    const seen: unknown[] = [];
    walk({ elements: [nested('UN'), inner] }, { explicitVr: true, littleEndian: false }, (one, place) => {
      seen.push([one.tag, place.depth, place.path, place.encoding.littleEndian]);
      return undefined;
    });
    const leaf = [inner.tag, 1, [0x00081140], true];
    expect(seen).toEqual([[0x00081140, 0, [], false], leaf, leaf, [inner.tag, 0, [], false]]);
  });

  it('leaves out what is skipped, and stands changes', () => {
    const dataSet: DataSet = { elements: [nested('SQ'), inner] };
    const seen: number[] = [];
    walk(dataSet, little, (one, place) => {
      seen.push(one.tag);
      removeElement(place.dataSet, one.tag);
      return 'skip';
    });
    expect(seen).toEqual([0x00081140, inner.tag]);
    expect(dataSet.elements).toEqual([]);
  });

  it('takes group lengths out everywhere', () => {
    const length = makeElement(0x00080000, 'UL', [10]);
    const dataSet = { elements: [length, makeElement(0x00081140, 'SQ', [makeItem([length, inner])])] };
    removeGroupLengths(dataSet);
    const tags: number[] = [];
    walk(dataSet, little, ({ tag }) => void tags.push(tag) as undefined);
    expect(tags).toEqual([0x00081140, inner.tag]);
  });

  it('knows the creator of private elements, of the item that they are in', () => {
    const dataSet = { elements: [makeElement(0x00090010, 'LO', ' ACME 1 '), makeElement(0x00091001, 'LO', 'x')] };
    expect(privateCreator(0x00091001, dataSet)).toBe('ACME 1');
    expect(privateCreator(0x00091101, dataSet)).toBe('');
    expect(privateCreator(0x00080060, dataSet)).toBeUndefined();
    expect(privateCreator(0x00091001, { elements: [] })).toBe('');
  });
});
