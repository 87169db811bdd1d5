import { describe, expect, test } from 'vitest';
import { shiftDate, shiftDateTime, shiftDaysFor } from '../../../src/dicom/confidentiality/dateShift.ts';
import { cleaned, keys, makeElement, objectOf, passed, text } from './support.ts';

describe('moved dates', () => {
  test.each([
    ['20200301', -1, '20200229'],
    ['20190301', -1, '20190228'],
    ['20200101', -366, '20181231'],
    ['2020.03.01', -1, '20200229'],
    ['202003', -61, '202001'],
    ['2020', -365, '2019'],
    ['20200301-20200310', -1, '20200229-20200309'],
    ['-20200310', -1, '-20200309'],
    ['', -1, ''],
    ['20201301', -1, ''],
    ['20200230', -1, ''],
    ['JAN 2020', -1, ''],
    ['00010101', -400, ''],
  ])('DA %j by %i days is %j', (before, days, after) => {
    expect(shiftDate(before, days)).toBe(after);
  });

  test.each([
    ['20200301123456.789', -1, '20200229123456.789'],
    ['20200301123456.789+0100', -1, '20200229123456.789'],
    ['2020030112', -1, '2020022912'],
    ['20200301', -1, '20200229'],
    ['202003', -61, '202001'],
    ['2020-0500', -365, '2019'],
    ['20200301-20200310', -1, '20200229-20200309'],
    ['yesterday', -1, ''],
  ])('DT %j by %i days is %j', (before, days, after) => {
    expect(shiftDateTime(before, days)).toBe(after);
  });

  test('by days that depend on the patient and the key of the site, never none', () => {
    const seen = new Set<number>();
    for (let patient = 0; patient < 500; patient++) {
      const days = shiftDaysFor(keys.dateShift, `patient ${patient}`);
      expect(days).toBeLessThanOrEqual(-61);
      expect(days).toBeGreaterThanOrEqual(-1460);
      seen.add(days);
    }
    expect(seen.size).toBeGreaterThan(300);
    expect(shiftDaysFor(keys.dateShift, 'a')).toBe(shiftDaysFor(keys.dateShift, 'a'));
    expect(shiftDaysFor(keys.dateShift, 'a')).not.toBe(shiftDaysFor(keys.uid, 'a'));
  });
});

const visit = (day: string, study: string, patient = '4711', issuer = 'WARD') =>
  passed(
    objectOf([
      makeElement(0x00080020, 'DA', day),
      makeElement(0x00080030, 'TM', '101112'),
      makeElement(0x0008002a, 'DT', `${day}101112`),
      makeElement(0x00100020, 'LO', patient),
      makeElement(0x00100021, 'LO', issuer),
      makeElement(0x00100030, 'DA', '19600102'),
      makeElement(0x0020000d, 'UI', study),
    ]),
    ['retainModifiedDates'],
  );

describe('the dates of a patient', () => {
  test('keep their distance across studies', () => {
    const first = visit('20200101', '1.2.1');
    const second = visit('20200131', '1.2.2');
    expect(first.shiftDays).toBe(second.shiftDays);
    const day = (one: typeof first) =>
      Date.parse(text(one.object.dataSet, 0x00080020)?.replace(/(....)(..)(..)/, '$1-$2-$3') ?? '');
    expect((day(second) - day(first)) / 86_400_000).toBe(30);
    expect(text(first.object.dataSet, 0x0008002a)).toBe(`${text(first.object.dataSet, 0x00080020)}101112`);
    expect(text(first.object.dataSet, 0x00080030)).toBe('101112');
    expect(text(first.object.dataSet, 0x00100030)).toBe('');
    expect(text(first.object.dataSet, 0x00280303)).toBe('MODIFIED');
  });

  test('of the same number from another issuer are moved by something else', () => {
    expect(visit('20200101', '1.2.1').shiftDays).not.toBe(visit('20200101', '1.2.1', '4711', 'OTHER').shiftDays);
  });

  test('without an ID go by the study', () => {
    expect(visit('20200101', '1.2.1', '').shiftDays).not.toBe(visit('20200101', '1.2.2', '').shiftDays);
    expect(visit('20200101', '1.2.1', '').shiftDays).toBe(visit('20200105', '1.2.1', '').shiftDays);
  });

  test('are original values to be looked for, but for a date that another one was moved to', () => {
    const { values, object } = visit('20200101', '1.2.1');
    expect(values).toContain('20200101');
    expect(values).toContain('19600102');
    expect(values).not.toContain(text(object.dataSet, 0x00080020));
  });

  test('are kept, or gone, when the options say so', () => {
    const elements = [
      makeElement(0x00080020, 'DA', '20200101'),
      makeElement(0x00080021, 'DA', '20200101'),
      makeElement(0x00100030, 'DA', '19600102'),
    ];
    const kept = cleaned(elements, ['retainFullDates']);
    expect([text(kept, 0x00080020), text(kept, 0x00100030), text(kept, 0x00280303)]).toEqual([
      '20200101',
      '',
      'UNMODIFIED',
    ]);
    const gone = cleaned(elements);
    expect([text(gone, 0x00080020), text(gone, 0x00080021), text(gone, 0x00280303)]).toEqual([
      '',
      undefined,
      'REMOVED',
    ]);
    const pet = cleaned(elements, [], '1.2.840.10008.5.1.4.1.1.128');
    expect(text(pet, 0x00080021)).toBe('19000101');
  });
});
