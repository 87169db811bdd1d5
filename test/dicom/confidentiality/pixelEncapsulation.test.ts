import { describe, expect, test } from 'vitest';
import { bytesIn, type DataElement } from '../../../src/dicom/dataSet/dicomObject.ts';
import { ctImage, element, itemsOf, makeElement, objectOf, passed, sequence } from './support.ts';

const jpegLossless = '1.2.840.10008.1.2.4.70';
const words = (...values: number[]) => Buffer.from(Uint32Array.from(values).buffer);
const longs = (...values: number[]) => Buffer.from(BigUint64Array.from(values.map(BigInt)).buffer);
const fragments = (table: Buffer, ...lengths: number[]): DataElement => ({
  tag: 0x7fe00010,
  vr: 'OB',
  value: { kind: 'fragments', fragments: [table, ...lengths.map((length) => Buffer.alloc(length, 1))] },
});
const stray = (tag: number, vr = 'OB'): DataElement => ({ ...fragments(Buffer.from('Doe^Jane'), 4), tag, vr });
const frames = (count: number) => makeElement(0x00280008, 'IS', String(count));
const cleanedOf = (...elements: DataElement[]) =>
  passed(objectOf(elements, ctImage, jpegLossless), ['retainSafePrivate']).object.dataSet;

describe('the basic offset table', () => {
  const tableOf = (...elements: DataElement[]) => {
    const value = element(cleanedOf(...elements), 0x7fe00010)?.value;
    if (value?.kind !== 'fragments') throw new Error('no fragments');
    expect(value.fragments.slice(1).map(({ length }) => length)).toEqual([4, 6, 8]);
    return bytesIn(value.fragments[0] ?? Buffer.alloc(0));
  };

  test.each([
    ['empty', Buffer.alloc(0), 3],
    ['one for each frame', words(0, 12, 26), 3],
    ['frames of several fragments', words(0, 26), 2],
    ['one frame', words(0), 1],
  ])('stays where it fits: %s', (_, table, count) => {
    expect(tableOf(frames(count), fragments(table, 4, 6, 8)).equals(table)).toBe(true);
  });

  test.each([
    ['text', Buffer.from('Zimmermann^1'), 3],
    ['more than frames', words(0, 12, 26), 2],
    ['ascending, but where no fragment begins', words(0, 19391122, 19391123), 3],
    ['not from the beginning', words(12, 26), 2],
    ['not ascending', words(0, 0, 12), 3],
    ['no whole number', Buffer.alloc(6), 1],
  ])('is written empty where it does not: %s', (_, table, count) => {
    expect(tableOf(frames(count), fragments(table, 4, 6, 8)).length).toBe(0);
  });
});

describe('the extended offset table', () => {
  const table = (...values: number[]) => makeElement(0x7fe00001, 'OV', longs(...values));
  const lengths = (...values: number[]) => makeElement(0x7fe00002, 'OV', longs(...values));
  const total = (value: number) => makeElement(0x7fe00003, 'UV', longs(value));
  const pixels = fragments(Buffer.alloc(0), 4, 6, 8);
  const tagsOf = (...elements: DataElement[]) =>
    cleanedOf(frames(3), ...elements).elements.flatMap(({ tag }) => (tag >>> 16 === 0x7fe0 ? [tag & 0xffff] : []));

  test('stays where it fits, with lengths padded or not', () => {
    expect(tagsOf(table(0, 12, 26), lengths(4, 5, 8), total(18), pixels)).toEqual([1, 2, 3, 0x10]);
  });

  test.each([
    ['offsets', [table(0, 12, 27), lengths(4, 6, 8)]],
    ['lengths', [table(0, 12, 26), lengths(4, 6, 19391122)]],
    ['a number of lengths', [table(0, 12, 26), lengths(4, 6)]],
    ['no lengths', [table(0, 12, 26)]],
    ['no offsets', [lengths(4, 6, 8)]],
    ['a total', [total(19391122)]],
  ])('goes where it does not: %s', (_, tables) => {
    expect(tagsOf(...tables, pixels)).toEqual([0x10]);
  });

  test('goes where the pixels are native', () => {
    const native = makeElement(0x7fe00010, 'OB', Buffer.alloc(4));
    expect(tagsOf(table(0, 12, 26), lengths(4, 6, 8), total(4), native)).toEqual([0x10]);
  });
});

test('fragments in anything but Pixel Data go', () => {
  const dataSet = cleanedOf(
    stray(0x00180015),
    stray(0x00282000),
    sequence(0x00082218, [makeElement(0x00080100, 'SH', 'T-D3000'), stray(0x00282000)]),
    makeElement(0x00190010, 'LO', 'SIEMENS MR HEADER'),
    stray(0x0019100c),
    stray(0x7fe00008),
    fragments(Buffer.alloc(0), 4),
  );
  const tags = dataSet.elements.map(({ tag }) => tag);
  for (const tag of [0x00180015, 0x00282000, 0x0019100c, 0x7fe00008]) expect(tags).not.toContain(tag);
  expect(tags).toContain(0x7fe00010);
  expect(itemsOf(dataSet, 0x00082218)[0]?.elements.map(({ tag }) => tag)).toEqual([0x00080100]);
});

test('pixels of retired kinds and groups that are no image go', () => {
  const gone = [
    0x00041220, 0x10000010, 0x10000011, 0x10100004, 0x7f000010, 0x7f0e0010, 0x7ffe0010, 0x7fe00020, 0x7fe00030,
  ];
  const tags = cleanedOf(...gone.map((tag) => makeElement(tag, 'OW', Buffer.from('Doe^Jane')))).elements;
  expect(tags.flatMap(({ tag }) => (gone.includes(tag) ? [tag.toString(16)] : []))).toEqual([]);
});

test('a document in fragments goes, also where a rule lets documents pass', () => {
  const sopClass = '1.2.840.10008.5.1.4.1.1.104.1';
  const { object } = passed(objectOf([stray(0x00420011)], sopClass), [], {
    burnedIn: [{ match: { sopClass }, regions: [] }],
  });
  expect(element(object.dataSet, 0x00420011)?.value.kind).not.toBe('fragments');
});
