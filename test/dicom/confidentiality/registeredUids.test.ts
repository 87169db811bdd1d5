import { describe, expect, test } from 'vitest';
import { isKnownTransferSyntax, isRegistered } from '../../../src/dicom/confidentiality/registeredUids.ts';
import { apply, cleaned, ctImage, makeElement, objectOf, passed, text } from './support.ts';

describe("UIDs below the standard's root", () => {
  test.each([
    ctImage,
    '1.2.840.10008.1.1',
    '1.2.840.10008.1.2.4.201',
    '1.2.840.10008.1.4.1.13',
    '1.2.840.10008.2.16.4',
    '1.2.840.10008.5.1.1.16.376',
    '1.2.840.10008.5.1.4.1.1.77.1.5.8',
    '1.2.840.10008.5.1.4.1.1.481.22',
    '1.2.840.10008.5.1.4.34.6.1',
    '1.2.840.10008.6.1.1380',
  ])('%s is registered', (uid) => expect(isRegistered(uid)).toBe(true));

  test.each([
    '1.2.840.10008.4711222.1',
    '1.2.840.10008.7.4711222',
    '1.2.840.10008.5.1.4.4711222.9',
    '1.2.840.10008.19391122.1',
    '1.2.840.10008.5.1.4.1.1.4711222',
    '1.2.840.10008.6.1.4711222',
    '1.2.840.10008.',
    '1.2.840.10008.1.2.4711222',
  ])('%s is not, and becomes another one', (uid) => {
    expect(isRegistered(uid)).toBe(false);
    for (const tag of [0x00080018, 0x0020000d, 0x0020000e, 0x00200052])
      expect(text(cleaned([makeElement(tag, 'UI', uid)]), tag)).toMatch(/^2\.25\./);
  });

  test('stay where they are well-known instances', () => {
    expect(text(cleaned([makeElement(0x00200052, 'UI', '1.2.840.10008.1.4.1.1')]), 0x00200052)).toBe(
      '1.2.840.10008.1.4.1.1',
    );
  });
});

describe('classes', () => {
  const id = makeElement(0x00100020, 'LO', 'MRN4711222');

  test('of a manufacturer stay, and of a later edition', () => {
    for (const uid of ['1.2.840.113543.6.6.1.3.10002', '1.2.840.10008.5.1.4.1.1.999']) {
      expect(text(passed(objectOf([id], uid)).object.dataSet, 0x00080016)).toBe(uid);
    }
  });

  test('that have a number of the patient are no classes', () => {
    expect(apply(objectOf([id], '1.2.276.4711222'))).toMatchObject({ kind: 'refuse', code: 'deidentify.unsupported' });
    expect(text(cleaned([id, makeElement(0x00081150, 'UI', '1.2.276.4711222')]), 0x00081150)).toMatch(/^2\.25\./);
    expect(text(cleaned([makeElement(0x00081150, 'UI', 'Kuhn')]), 0x00081150)).toMatch(/^2\.25\./);
  });
});

test('a transfer syntax that nobody knows is refused', () => {
  expect(isKnownTransferSyntax('1.2.840.10008.1.2.4.70')).toBe(true);
  expect(isKnownTransferSyntax('1.2.840.113619.5.2')).toBe(true);
  const refused = apply(objectOf([], ctImage, '1.2.276.4711222.1'));
  expect(refused).toMatchObject({ kind: 'refuse', code: 'deidentify.unsupported' });
  expect(JSON.stringify(refused)).not.toContain('4711222');
});
