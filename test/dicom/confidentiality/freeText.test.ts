import { expect, test } from 'vitest';
import { cleanText } from '../../../src/dicom/confidentiality/cleanText.ts';
import { codeItem } from '../../../src/dicom/confidentiality/dummySequences.ts';
import { vrOf } from '../../../src/dicom/dataSet/dictionary.ts';
import { cleaned, itemsOf, makeElement, text } from './support.ts';

const secret = 'Anruf Tochter Hilde Kaczmarek';

/** Attributes that table E.1-1 forgets: who it was, and what people type. */
const forgotten = [
  ...[0x00720008, 0x00720010, 0x0074100c, 0x21000160, 0x00181803, 0x00102295, 0x4010101a, 0x00140100, 0x00181003],
  ...[0x30020020, 0x00380102, 0x00400400, 0x00401060, 0x0040a224, 0x0040a33a, 0x30040006, 0x30080202, 0x30080066],
  ...[0x300a0402, 0x00240044, 0x0018991a, 0x0028702a, 0x00440106, 0x00440009, 0x00741238, 0x01000424, 0x0082000a],
];

test.each(forgotten.map((tag) => tag.toString(16).padStart(8, '0')))('%s says nothing of anybody', (hex) => {
  const tag = Number.parseInt(hex, 16);
  const elements = [makeElement(tag, vrOf(tag), secret)];
  expect(text(cleaned(elements), tag) ?? '').toMatch(/^(?:|REMOVED)$/);
  expect(text(cleaned(elements, ['cleanDescriptors']), tag) ?? '').not.toMatch(/Hilde|Kaczmarek/);
});

test('the name of a machine stays with the identity of devices', () => {
  const elements = [makeElement(0x30020020, 'SH', 'LINAC3'), makeElement(0x00181003, 'LO', 'DEV3')];
  const dataSet = cleaned(elements, ['retainDeviceIdentity']);
  expect([text(dataSet, 0x30020020), text(dataSet, 0x00181003)]).toEqual(['LINAC3', 'DEV3']);
});

const meaningOf = (meaning: string) =>
  text(itemsOf(cleaned([makeElement(0x00081032, 'SQ', [codeItem('X1', meaning)])]), 0x00081032)[0], 0x00080104);

test('the meaning of a code is cleaned where it looks like somebody', () => {
  expect(meaningOf('CT for Mrs Kaczmarek')).toBe('CT for');
  expect(meaningOf('CT Thorax Kaczmarek 0171-5550199')).toBe('CT Thorax');
  for (const meaning of [
    'MR Head',
    'DR Chest',
    'Drowning and nonfatal submersion',
    'Biopsy, 2-4 cores',
    '10*-3/uL',
    'T1+2',
  ]) {
    expect(meaningOf(meaning)).toBe(meaning);
  }
});

test.each([
  ['Thorax 12.05. nativ', 'Thorax nativ'],
  ['Thorax 5.75', 'Thorax'],
  ['Thorax 12,05', 'Thorax'],
  ['Thorax 12.05d', 'Thorax'],
  ['Thorax 12 05 39', 'Thorax'],
  ['Thorax 5.0 mm', 'Thorax 5.0 mm'],
  ['Thorax 1.25mm', 'Thorax 1.25mm'],
  ['MR 1.5T Thorax', 'MR 1.5T Thorax'],
  ['Thorax 5', 'Thorax 5'],
])('decimals stay only with a unit: %s', (original, expected) => {
  expect(cleanText(original, new Set())).toBe(expected);
});
