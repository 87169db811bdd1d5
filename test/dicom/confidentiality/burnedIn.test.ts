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
    ['a patient protocol', image('2', makeElement(0x00080008, 'CS', 'DERIVED\\SECONDARY\\OTHER\\CT_SOM5 PROT'))],
    ['a kind of image of syngo', image('2', makeElement(0x00080008, 'CS', 'DERIVED\\SECONDARY\\OTHER\\CT_SOM7 XYZ'))],
    ['a dose screen', image('2', makeElement(0x00080008, 'CS', 'DERIVED\\SECONDARY\\DOSE_INFO'))],
    ['a series of dose reports', image('2', makeElement(0x0008103e, 'LO', 'Dose Report'))],
    ['a series of protocols', image('2', makeElement(0x0008103e, 'LO', 'Patient Protocol'))],
    ['screens by their protocol', image('2', makeElement(0x00181030, 'LO', 'SCREEN SAVE'))],
    ['colour in CT', image('2', makeElement(0x00280004, 'CS', 'RGB'))],
    ['YBR in MR', image('4', makeElement(0x00280004, 'CS', 'YBR_FULL_422'))],
    ['a palette in CR', image('1', makeElement(0x00280004, 'CS', 'PALETTE COLOR'))],
    ['three samples that say they are grey', image('2', makeElement(0x00280002, 'US', [3]))],
    ['a synthetic image', image('2', makeElement(0x00080064, 'CS', 'SYN'))],
    ['bone densitometry', image('1.1', makeElement(0x00080060, 'CS', 'BMD'))],
    ['a modality of nobody', image('1.1', makeElement(0x00080060, 'CS', 'DXA'))],
    ['colour Doppler', image('2', makeElement(0x00080060, 'CS', 'CD'))],
    ['a private class', objectOf([...size, pixels], '1.3.12.2.1107.5.9.1')],
    ['a class that is not for images', image('88.11')],
    ['Burned In Annotation YES as bytes', image('2', makeElement(0x00280301, 'OB', Buffer.from('YES ')))],
    ['Burned In Annotation YES as UN', image('2', makeElement(0x00280301, 'UN', Buffer.from('yes\0')))],
    ['Burned In Annotation that is a sequence', image('2', sequence(0x00280301, []))],
    ['Burned In Annotation of two minds', image('2', makeElement(0x00280301, 'CS', 'NO\\YES'))],
    ['a screen in bytes', image('2', makeElement(0x00080008, 'OB', Buffer.from('DERIVED\\SECONDARY\\SCREEN SAVE ')))],
    ['an Image Type that nobody reads to its end', image('2', makeElement(0x00080008, 'CS', 'A\\'.repeat(3000)))],
    ['a modality in bytes', image('2', makeElement(0x00080060, 'OB', Buffer.from('US')))],
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
    expect(codeOf(image('2', makeElement(0x00280301, 'CS', 'NO')))).toBe('passed');
    expect(codeOf(image('2', makeElement(0x00080008, 'CS', 'ORIGINAL\\PRIMARY\\AXIAL\\CT_SOM5 SPI DUAL')))).toBe(
      'passed',
    );
    expect(codeOf(image('2', makeElement(0x0008103e, 'LO', 'Lung screening 1mm')))).toBe('passed');
    expect(codeOf(image('66.7', makeElement(0x00280004, 'CS', 'PALETTE COLOR')))).toBe('passed');
  });

  test('reasons quote defined terms only', () => {
    const reasonOf = (object: ReturnType<typeof objectOf>) => {
      const result = apply(object);
      return 'kind' in result ? result.reason : 'passed';
    };
    expect(reasonOf(image('7', makeElement(0x00080060, 'CS', 'US')))).toMatch(
      /modality US, sopClass 1\.2\.840\.\S*\.7,/,
    );
    expect(reasonOf(image('2', makeElement(0x00080060, 'CS', 'ZIMMERMANN')))).not.toMatch(/ZIMMERMANN/i);
    expect(reasonOf(objectOf([...size, pixels], '1.3.12.4711222.1'))).not.toContain('4711222');
    expect(reasonOf(objectOf([...size, pixels], '1.2.840.10008.5.1.4.1.1.4711222'))).not.toContain('4711222');
    const document = makeElement(0x00420011, 'OB', Buffer.from('%PDF'));
    expect(reasonOf(objectOf([document], '1.2.4711222'))).not.toContain('4711222');
  });
});

describe('overlays that lie in unused bits of the pixels', () => {
  const overlay = (bitPosition: number, bitsAllocated: number, ...data: Parameters<typeof objectOf>[0]) =>
    image(
      '2',
      makeElement(0x60020010, 'US', [480]),
      makeElement(0x60020100, 'US', [bitsAllocated]),
      makeElement(0x60020102, 'US', [bitPosition]),
      ...data,
    );
  const data = makeElement(0x60023000, 'OW', Buffer.alloc(2));
  test.each([
    ['by their bit position', overlay(12, 1, data)],
    ['by their bits allocated', overlay(0, 16, data)],
    ['by having no data', overlay(0, 1)],
    ['by having empty data', overlay(0, 1, makeElement(0x60023000, 'OW', Buffer.alloc(0)))],
    ['in any VR', image('2', makeElement(0x60000102, 'OB', Buffer.from([12, 0])), data)],
    ['in a sequence', image('2', sequence(0x60000102, []), data)],
  ])('are refused, whatever a rule says: %s', (_, object) => {
    expect(codeOf(object)).toBe('deidentify.overlay-in-pixels');
    expect(codeOf(object, [{ match: {}, regions: [] }])).toBe('deidentify.overlay-in-pixels');
  });

  test('in big endian are told apart as well', () => {
    const words = (bitPosition: number) => {
      const big = { littleEndian: false };
      const object = image(
        '2',
        makeElement(0x60000100, 'US', [1], big),
        makeElement(0x60000102, 'US', [bitPosition], big),
        makeElement(0x00280002, 'US', [1], big),
      );
      return { ...object, encoding: { ...object.encoding, littleEndian: false } };
    };
    expect(codeOf(words(15))).toBe('deidentify.overlay-in-pixels');
    expect(codeOf(words(0))).toBe('passed');
  });

  test('others go and the image stays, as do overlays without an image', () => {
    const { object } = passed(overlay(0, 1, data));
    expect(object.dataSet.elements.filter(({ tag }) => tag >>> 24 === 0x60)).toEqual([]);
    expect(codeOf(objectOf([makeElement(0x60020010, 'US', [480])], `${storage}11.1`))).toBe('passed');
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
