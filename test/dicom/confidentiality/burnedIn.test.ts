import { describe, expect, test } from 'vitest';
import type { BurnedInRule } from '../../../src/dicom/confidentiality/burnedIn.ts';
import { apply, ctImage, element, makeElement, objectOf, passed, sequence, text } from './support.ts';

const storage = '1.2.840.10008.5.1.4.1.1.';
const pixels = makeElement(0x7fe00010, 'OB', Buffer.alloc(4));
const size = [makeElement(0x00280010, 'US', [480]), makeElement(0x00280011, 'US', [640])];
const image = (sopClass: string, ...more: Parameters<typeof objectOf>[0]) =>
  objectOf([...size, pixels, ...more], storage + sopClass);
const codeOf = (object: ReturnType<typeof objectOf>, burnedIn: BurnedInRule[] = []) => {
  const result = apply(object, [], { burnedIn });
  return 'kind' in result ? result.code : 'passed';
};

describe('pixels that may show who the patient is are refused without a rule', () => {
  test.each([
    ['ultrasound', image('6.1')],
    ['multi-frame ultrasound', image('3.1')],
    ['secondary capture', image('7')],
    ['multi-frame true colour secondary capture', image('7.4')],
    ['endoscopy', image('77.1.1')],
    ['photography', image('77.1.4')],
    ['Burned In Annotation YES', image('2', makeElement(0x00280301, 'CS', 'YES'))],
    ['a screen saved as CT', image('2', makeElement(0x00080008, 'CS', 'DERIVED\\SECONDARY\\SCREEN SAVE'))],
    ['Modality OT', image('2', makeElement(0x00080060, 'CS', 'OT'))],
    ['a digitised film', image('1', makeElement(0x00080064, 'CS', 'DF'))],
    ['a label of a slide', image('77.1.6', makeElement(0x00080008, 'CS', 'ORIGINAL\\PRIMARY\\LABEL\\NONE'))],
  ])('%s', (_, object) => {
    const result = apply(object);
    expect('kind' in result && result.code).toBe('deidentify.burned-in-risk');
    expect('kind' in result && result.reason).toMatch(/burnedIn.*match.*regions/);
  });

  test('a video', () => {
    const object = image('2');
    expect(codeOf({ ...object, meta: { ...object.meta, transferSyntaxUid: '1.2.840.10008.1.2.4.102' } })).toBe(
      'deidentify.burned-in-risk',
    );
  });

  test('what is stored as another class than it says', () => {
    const object = image('2');
    expect(codeOf({ ...object, meta: { ...object.meta, sopClassUid: `${storage}7` } })).toBe(
      'deidentify.burned-in-risk',
    );
  });

  test('a recording of speech', () => {
    expect(codeOf(objectOf([sequence(0x54000100, [])], `${storage}9.4.1`))).toBe('deidentify.burned-in-risk');
  });

  test('not an image of a plain kind, nor what has no pixels', () => {
    expect(codeOf(image('2'))).toBe('passed');
    expect(codeOf(image('4', makeElement(0x00080008, 'CS', 'DERIVED\\SECONDARY\\MPR')))).toBe('passed');
    expect(codeOf(objectOf([], `${storage}6.1`))).toBe('passed');
  });
});

describe('rules', () => {
  const ultrasound = image(
    '6.1',
    makeElement(0x00080060, 'CS', 'US'),
    makeElement(0x00080070, 'LO', 'ACME Medical'),
    makeElement(0x00081090, 'LO', 'Sono 5'),
  );
  const region = { x: 0, y: 0, width: 640, height: 40 };

  test('say what to blank, or that there is nothing, and the instance says so', () => {
    const { regions, object } = passed(ultrasound, [], {
      burnedIn: [{ match: { modality: 'US' }, regions: [region] }],
    });
    expect(regions).toEqual([region]);
    expect(text(object.dataSet, 0x00280301)).toBe('NO');
    expect(passed(ultrasound, [], { burnedIn: [{ match: { modality: 'US' }, regions: [] }] }).regions).toEqual([]);
  });

  test.each([
    [{ modality: 'us' }, true],
    [{ modality: 'CT' }, false],
    [{ manufacturer: 'acme' }, true],
    [{ manufacturer: 'medical' }, false],
    [{ model: 'SONO' }, true],
    [{ rows: 480, columns: 640 }, true],
    [{ rows: 481 }, false],
    [{ sopClass: `${storage}6.1` }, true],
    [{ sopClass: `${storage}6.1`, rows: 1 }, false],
  ])('%o: %s', (match, fits) => {
    expect(codeOf(ultrasound, [{ match, regions: [] }])).toBe(fits ? 'passed' : 'deidentify.burned-in-risk');
  });

  test('the first that fits counts, for plain images as well', () => {
    const rules = [
      { match: { modality: 'MR' }, regions: [] },
      { match: {}, regions: [region] },
      { match: {}, regions: [] },
    ];
    expect(passed(image('2'), [], { burnedIn: rules }).regions).toEqual([region]);
  });
});

describe('documents', () => {
  const sopClass = `${storage}104.1`;
  const document = objectOf([makeElement(0x00420011, 'OB', Buffer.from('%PDF-1.7'))], sopClass);

  test('are refused, also where a rule fits that does not name their class', () => {
    expect(codeOf(document)).toBe('deidentify.document');
    expect(codeOf(document, [{ match: {}, regions: [] }])).toBe('deidentify.document');
    expect(codeOf(objectOf([makeElement(0x00420011, 'OB', Buffer.from('%PDF'))], ctImage))).toBe('deidentify.document');
  });

  test('pass as they are where a rule names their class', () => {
    const { object } = passed(document, [], { burnedIn: [{ match: { sopClass }, regions: [] }] });
    expect(element(object.dataSet, 0x00420011)).toBe(element(document.dataSet, 0x00420011));
  });
});

test('a media directory is refused', () => {
  expect(codeOf(objectOf([], '1.2.840.10008.1.3.10'))).toBe('deidentify.unsupported');
});
