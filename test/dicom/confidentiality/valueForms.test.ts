import { describe, expect, test } from 'vitest';
import type { ProfileOption } from '../../../src/dicom/confidentiality/profileOptions.ts';
import { bytesIn, type DataElement, type DataSet } from '../../../src/dicom/dataSet/dicomObject.ts';
import { encodeDataSet } from '../../../src/dicom/dataSet/encodePart10.ts';
import { cleaned, element, text } from './support.ts';

/** As somebody wrote it, whatever its VR is. */
const raw = (tag: number, vr: string, value: string): DataElement => ({
  tag,
  vr,
  value: { kind: 'bytes', bytes: Buffer.from(value.length % 2 === 0 ? value : `${value} `, 'latin1') },
});
const bytesOf = (dataSet: DataSet) =>
  Buffer.concat(encodeDataSet(dataSet, { explicitVr: true, littleEndian: true }).map(bytesIn)).toString('latin1');
const options: ProfileOption[] = ['retainModifiedDates', 'retainPatientCharacteristics'];
const vrs = ['DS', 'TM', 'AS', 'CS', 'UI', 'OB', 'UN', 'AT', 'US', 'IS', 'UR', 'UC', 'DT', 'DA', 'AE', 'PN', 'FD'];

describe('a VR that somebody wrote makes nothing milder', () => {
  test.each(vrs)('a body part as %s', (vr) => {
    const dataSet = cleaned([raw(0x00180015, vr, '0171-5550199 Aunt Hildegard Kaczmarek')], options);
    expect(bytesOf(dataSet)).not.toMatch(/Kaczmarek|5550199/i);
  });

  test.each(vrs)('a software version as %s with the name', (vr) => {
    const name = raw(0x00100010, 'PN', 'Zimmermann^Adalbert');
    expect(bytesOf(cleaned([name, raw(0x00181020, vr, 'Zimmermann^A')], options))).not.toContain('Zimmermann');
  });

  test.each(['TM', 'LO', 'DS', 'CS'])('dates as %s', (vr) => {
    const dates = [0x00080020, 0x00080022, 0x00100030].map((tag) => raw(tag, vr, '20240131'));
    expect(bytesOf(cleaned(dates, options))).not.toContain('20240131');
  });

  test('numbers as text stay, text as numbers does not', () => {
    const dataSet = cleaned([raw(0x00280010, 'IS', '512'), raw(0x00280011, 'LO', 'Kaczmarek')]);
    expect(text(dataSet, 0x00280010)).toBe('512');
    expect(element(dataSet, 0x00280011)?.vr).toBe('US');
    expect(bytesOf(dataSet)).not.toContain('Kaczmarek');
  });
});

describe('values that have not the form of their VR go', () => {
  test.each([
    [0x00180050, 'DS', 'Kuhn'],
    [0x00180050, 'DS', '1,5 Kuhn'],
    [0x00200013, 'IS', '12 Kuhn'],
    [0x00080030, 'TM', '1015 Kuhn'],
    [0x00080030, 'TM', '991500'],
    [0x00101010, 'AS', 'Kuhn'],
    [0x00080020, 'DA', 'Kuhn'],
    [0x0008002a, 'DT', '20240131Kuhn'],
  ])('%s %s %s', (tag, vr, value) => {
    for (const dates of ['retainFullDates', 'retainModifiedDates'] as const) {
      const left = text(cleaned([raw(tag, vr, value)], [dates, 'retainPatientCharacteristics']), tag);
      expect(left ?? '').not.toContain(value);
    }
  });

  test.each([
    [0x00180050, 'DS', '-1.25E-2\\.5\\+7'],
    [0x00200013, 'IS', '-12'],
    [0x00080030, 'TM', '101500.123'],
    [0x00080030, 'TM', '10:15:00'],
    [0x00101010, 'AS', '084Y'],
  ])('%s %s %s stays', (tag, vr, value) => {
    expect(text(cleaned([raw(tag, vr, value)], options), tag)).toBe(value);
  });

  test('a number of the patient as a length', () => {
    const id = raw(0x00100020, 'LO', '4711222');
    expect(text(cleaned([id, raw(0x00180050, 'DS', '4711222')]), 0x00180050)).toBe('');
    expect(text(cleaned([id, raw(0x00180050, 'DS', '0.4711222')]), 0x00180050)).toBe('0.4711222');
  });

  test('a UID that is none is replaced with retainUids, too', () => {
    expect(text(cleaned([raw(0x0020000e, 'UI', 'Kuhn.1')], ['retainUids']), 0x0020000e)).toMatch(/^2\.25\./);
  });

  test('code strings in small letters are cleaned', () => {
    expect(text(cleaned([raw(0x00180015, 'CS', 'Abdomen')]), 0x00180015)).toBe('ABDOMEN');
    expect(text(cleaned([raw(0x00180015, 'CS', 'of Aunt Hilde')]), 0x00180015)).not.toMatch(/hilde/i);
  });
});

test('Image Type keeps what is known of its values', () => {
  const of = (value: string, name = 'X') =>
    text(cleaned([raw(0x00080008, 'CS', value), raw(0x00100010, 'PN', name)]), 0x00080008);
  expect(of('ORIGINAL\\PRIMARY\\AXIAL\\KACZMAREK HILDE')).toBe('ORIGINAL\\PRIMARY\\AXIAL\\OTHER');
  expect(of('ORIGINAL\\PRIMARY\\ZIMMERMANN')).toBe('ORIGINAL\\PRIMARY\\OTHER');
  for (const value of [
    'DERIVED\\SECONDARY\\OTHER\\CT_SOM5 PROT',
    'ORIGINAL\\PRIMARY\\M\\ND\\DIS2D\\FM3_2',
    'DERIVED\\PRIMARY\\\\0011',
  ]) {
    expect(of(value)).toBe(value);
  }
  expect(of('ORIGINAL\\PRIMARY\\AXIAL', 'Axial^Anna')).toBe('ORIGINAL\\PRIMARY\\AXIAL');
});

test('a defined term stays although an operator signs like it', () => {
  const dataSet = cleaned([
    raw(0x00081070, 'PN', 'HFS'),
    raw(0x00185100, 'CS', 'HFS'),
    raw(0x00280004, 'CS', 'MONOCHROME2'),
    raw(0x00189072, 'CS', 'HFS'),
  ]);
  expect(text(dataSet, 0x00185100)).toBe('HFS');
  expect(text(dataSet, 0x00280004)).toBe('MONOCHROME2');
  expect(text(dataSet, 0x00189072)).not.toBe('HFS');
});

test('an age of 90 years or more is 90 years', () => {
  const of = (age: string) => text(cleaned([raw(0x00101010, 'AS', age)], ['retainPatientCharacteristics']), 0x00101010);
  expect(['089Y', '095Y', '104Y', '100D'].map(of)).toEqual(['089Y', '090Y', '090Y', '100D']);
});
