import { expect, test } from 'vitest';
import { codeItem } from '../../../src/dicom/confidentiality/dummySequences.ts';
import { itemsOf, makeElement, objectOf, passed, text } from './support.ts';

type Who = { name?: string; id?: string; birth?: string };

/** What becomes of a code meaning, and of a filter's name, which are kept unless they mention somebody. */
function keptOf(value: string, { name = 'Zimmermann^Adalbert', id = 'MRN4711222', birth = '19391122' }: Who = {}) {
  const object = objectOf([
    makeElement(0x00100010, 'PN', name),
    makeElement(0x00100020, 'LO', id),
    makeElement(0x00100030, 'DA', birth),
    makeElement(0x00181160, 'SH', value),
    makeElement(0x00081032, 'SQ', [codeItem('X1', value, '99LOCAL')]),
  ]);
  const { dataSet } = passed(object).object;
  return [text(dataSet, 0x00181160), text(itemsOf(dataSet, 0x00081032)[0], 0x00080104)].join(' ');
}

test.each<[string, Who, string]>([
  ['4711222', { id: '0004711222' }, '4711222'],
  ['0004711222', { id: '4711222' }, '4711222'],
  ['MRN-4711222', {}, '4711222'],
  ['no 4711222', {}, '4711222'],
  ['no47112', { id: '47112' }, '47112'],
  ['47 11 222', {}, '47 11'],
  ['born 22.11.39', {}, '22.11'],
  ['born 22 Nov 1939', {}, '22 Nov'],
  ['22. November 1939', {}, 'November'],
  ['Nov 22, 1939', {}, 'Nov 22'],
  ['22Nov39', {}, 'Nov39'],
  ['22.11.1939', {}, '22.11'],
  ['1939-11-22', {}, '11-22'],
  ['11/22/1939', {}, '22/1939'],
  ['11221939', {}, '11221939'],
  ['22111939', {}, '22111939'],
  ['391122', {}, '391122'],
  ['2.1.1939', { birth: '19390102' }, '2.1.'],
  ['2/1/39', { birth: '19390102' }, '2/1/39'],
  ['22.Dez.1939', { birth: '19391222' }, 'Dez'],
  ['Kuhns Herz', { name: 'Kuhn^Udo' }, 'Kuhn'],
  ['Wu Li', { name: 'Li^Wu' }, 'Wu'],
  ['Li, Wu', { name: 'Li^Wu' }, 'Wu'],
])('%s mentions %j', (value, who, secret) => {
  expect(keptOf(value, who)).not.toContain(secret);
});

test.each<[string, Who]>([
  ['STANDARD 12345', { id: '0012346' }],
  ['21.11.1939 B', {}],
  ['De Luxe', { name: 'De^Li' }],
  ['Bones', { name: 'Bon^E' }],
])('%s does not mention %j', (value, who) => {
  expect(keptOf(value, who).split(' ')).toContain(value.split(' ')[0]);
});

test('the number of an ID is looked for in whatever leaves', () => {
  const { values } = passed(
    objectOf([makeElement(0x00100020, 'LO', 'MRN0004711222'), makeElement(0x00100010, 'PN', 'Li^Wu')]),
  );
  for (const value of ['MRN0004711222', '4711222', 'Wu Li', 'Li Wu']) expect(values).toContain(value);
});
