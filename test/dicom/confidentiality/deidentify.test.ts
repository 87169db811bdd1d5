import { describe, expect, test } from 'vitest';
import { patientKey } from '../../../src/dicom/confidentiality/pseudonym.ts';
import { derivedUid } from '../../../src/dicom/confidentiality/uidReplacement.ts';
import { BufferSource } from '../../../src/dicom/dataSet/byteSources.ts';
import { characterSet } from '../../../src/dicom/dataSet/characterSets.ts';
import { bytesIn, type DataElement, type DicomObject } from '../../../src/dicom/dataSet/dicomObject.ts';
import { encodePart10 } from '../../../src/dicom/dataSet/encodePart10.ts';
import { parsePart10 } from '../../../src/dicom/dataSet/parsePart10.ts';
import { cleaned, ctImage, element, itemsOf, keys, makeElement, objectOf, passed, sequence, text } from './support.ts';

const written = (object: DicomObject) => Buffer.concat(encodePart10(object).pieces.map(bytesIn));
const readAgain = (object: DicomObject) => parsePart10(new BufferSource('written', written(object)));

describe('UIDs', () => {
  const uids = (study: string) => [
    makeElement(0x00080018, 'UI', '1.2.3.4.5'),
    makeElement(0x0020000d, 'UI', study),
    makeElement(0x0020000e, 'UI', '1.2.9'),
    sequence(0x00081115, [
      makeElement(0x0020000e, 'UI', '1.2.9'),
      sequence(0x00081199, [
        makeElement(0x00081150, 'UI', '1.2.840.10008.5.1.4.1.1.4'),
        makeElement(0x00081155, 'UI', '1.2.3.4.5'),
      ]),
    ]),
    makeElement(0x00282000, 'OB', Buffer.from('profile ')),
  ];

  test('become 2.25 and 128 bits, the same for the same original, in references and in the file meta information', () => {
    const { object, uids: told } = passed(objectOf(uids('1.2.3.4')));
    const replacement = text(object.dataSet, 0x00080018) ?? '';
    expect(replacement).toMatch(/^2\.25\.[1-9]\d{30,38}$/);
    expect(BigInt(replacement.slice(5)) < 1n << 128n).toBe(true);
    expect(object.meta.sopInstanceUid).toBe(replacement);
    const [series] = itemsOf(object.dataSet, 0x00081115);
    const [reference] = series ? itemsOf(series, 0x00081199) : [];
    expect(text(reference, 0x00081155)).toBe(replacement);
    expect(text(reference, 0x00081150)).toBe('1.2.840.10008.5.1.4.1.1.4');
    expect(text(series, 0x0020000e)).toBe(text(object.dataSet, 0x0020000e));
    expect(text(object.dataSet, 0x00080016)).toBe(ctImage);
    expect(told).toContainEqual({ original: '1.2.3.4', replacement: text(object.dataSet, 0x0020000d), kind: 'study' });
    expect(told).toContainEqual({ original: '1.2.9', replacement: text(object.dataSet, 0x0020000e), kind: 'series' });
    expect(told).toContainEqual({ original: '1.2.3.4.5', replacement, kind: 'instance' });
    expect(readAgain(object).meta.sopInstanceUid).toBe(replacement);
  });

  test('are the same in another study and at another time, and others with another key', () => {
    const first = cleaned(uids('1.2.3.4'));
    const second = cleaned(uids('1.2.3.99'));
    expect(text(first, 0x0020000e)).toBe(text(second, 0x0020000e));
    expect(text(first, 0x0020000d)).not.toBe(text(second, 0x0020000d));
    expect(derivedUid(keys.uid, '1.2.9')).toBe(text(first, 0x0020000e));
    expect(derivedUid(keys.pseudonym, '1.2.9')).not.toBe(text(first, 0x0020000e));
  });

  test('of attributes that no table names are replaced, too; those that say what something is are not', () => {
    const dataSet = cleaned([
      makeElement(0x00081150, 'UI', '1.3.12.2.1107.5.9.1'),
      makeElement(0x0040e011, 'UI', '1.2.276.1'),
    ]);
    expect(text(dataSet, 0x00081150)).toBe('1.3.12.2.1107.5.9.1');
    expect(text(dataSet, 0x0040e011)).toMatch(/^2\.25\./);
  });

  test('stay with retainUids', () => {
    const { object, uids: told } = passed(objectOf(uids('1.2.3.4')), ['retainUids']);
    expect(text(object.dataSet, 0x00080018)).toBe('1.2.3.4.5');
    expect(object.meta.sopInstanceUid).toBe('1.2.3.4.5');
    expect(told).toEqual([]);
  });
});

describe('the patient', () => {
  const who = [
    makeElement(0x00100010, 'PN', 'Doe^Jane'),
    makeElement(0x00100020, 'LO', 'A-4711'),
    makeElement(0x00100021, 'LO', 'WARD'),
  ];

  test('gets one pseudonym for name and ID, and is told to the identity map', () => {
    const { object, patient, values } = passed(objectOf([...who, makeElement(0x00100030, 'DA', '19600102')]));
    expect(text(object.dataSet, 0x00100020)).toBe(patient.pseudonym);
    expect(text(object.dataSet, 0x00100010)).toBe(patient.pseudonym);
    expect(text(object.dataSet, 0x00100021)).toBeUndefined();
    expect(patient).toMatchObject({
      patientId: 'A-4711',
      issuer: 'WARD',
      patientName: 'Doe^Jane',
      birthDate: '19600102',
    });
    for (const value of ['Doe^Jane', 'Doe Jane', 'Doe', 'Jane', 'A-4711', '19600102']) expect(values).toContain(value);
    expect(written(object).toString('latin1')).not.toMatch(/Doe|Jane|4711|19600102/);
  });

  test('is another one with another ID or another issuer', () => {
    const of = (id: string, issuer: string) =>
      passed(objectOf([makeElement(0x00100020, 'LO', id), makeElement(0x00100021, 'LO', issuer)])).patient.pseudonym;
    expect(of('1', 'A')).toBe(of('1', 'A'));
    expect(new Set([of('1', 'A'), of('1', 'B'), of('2', 'A')]).size).toBe(3);
  });

  test('is the study where the ID is a placeholder', () => {
    const of = (id: string, study: string) =>
      passed(objectOf([makeElement(0x00100020, 'LO', id), makeElement(0x0020000d, 'UI', study)])).patient.pseudonym;
    for (const id of [
      '',
      'UNKNOWN',
      'unknown',
      '0',
      '000000',
      'ANONYMOUS',
      'None',
      'N/A',
      '---',
      '99999',
      'Test-Patient',
    ]) {
      expect(of(id, '1.2.3'), id).not.toBe(of(id, '1.2.4'));
      expect(of(id, '1.2.3'), id).toBe(of('', '1.2.3'));
    }
    for (const id of ['1', '10', '00012', 'A-1']) expect(of(id, '1.2.3'), id).toBe(of(id, '1.2.4'));
  });

  test('is told apart whatever issuer and ID are made of', () => {
    expect(patientKey('b\0c', 'a', '')).not.toBe(patientKey('c', 'a\0b', ''));
  });

  test('has the same pseudonym whatever VR the ID was written with', () => {
    const of = (vr: string) => passed(objectOf([makeElement(0x00100020, vr, Buffer.from('A-4711'))])).patient;
    expect(of('OB')).toEqual(of('LO'));
    expect(of('OB').patientId).toBe('A-4711');
  });

  test.each([
    ['ISO_IR 100', 'Müller^Jörg', ['Müller', 'Jörg']],
    ['ISO_IR 192', '山田^太郎=ヤマダ^タロウ', ['ヤマダ', 'タロウ']],
    ['ISO_IR 144', 'Люкceмбypг', ['Люкceмбypг']],
  ])('in %s is decoded, and gone from text', (term, name, words) => {
    const set = characterSet([term]);
    const { object, values } = passed(
      objectOf([
        makeElement(0x00080005, 'CS', term),
        makeElement(0x00081090, 'LO', `of ${name}`, { characterSet: set }),
        makeElement(0x0008103e, 'LO', `Thorax ${name}`, { characterSet: set }),
        makeElement(0x00100010, 'PN', name, { characterSet: set }),
      ]),
      ['cleanDescriptors'],
    );
    for (const word of words) expect(values).toContain(word);
    expect(text(object.dataSet, 0x0008103e)).toBe('Thorax');
    expect(text(object.dataSet, 0x00081090)).toBe('REMOVED');
  });
});

describe('private attributes', () => {
  const elements = [
    makeElement(0x00190010, 'LO', 'SIEMENS MR HEADER'),
    makeElement(0x00190011, 'LO', 'DOE JANE PRIVATE'),
    makeElement(0x0019100c, 'IS', '1000'),
    makeElement(0x00191008, 'CS', 'IMAGE NUM 4'),
    makeElement(0x00191101, 'LO', 'Doe^Jane'),
    makeElement(0x00990010, 'LO', 'NQHeader'),
    makeElement(0x00991002, 'UI', '1.2.3.4.9'),
    makeElement(0x00991005, 'LT', 'done for Jane'),
    makeElement(0x00100010, 'PN', 'Doe^Jane'),
  ];
  const tags = (found: { elements: DataElement[] }) =>
    found.elements.map(({ tag }) => tag).filter((tag) => (tag & 0x10000) !== 0);

  test('go, creators and nested ones as well', () => {
    const dataSet = cleaned([...elements, sequence(0x00081115, elements.slice(0, 5))]);
    expect(tags(dataSet)).toEqual([]);
    expect(tags(itemsOf(dataSet, 0x00081115)[0] ?? { elements: [] })).toEqual([]);
  });

  test('that are known to be safe stay with retainSafePrivate, in items too: without UIDs and mentions', () => {
    const dataSet = cleaned([...elements, sequence(0x00081115, elements.slice(0, 5))], ['retainSafePrivate']);
    expect(tags(dataSet)).toEqual([0x00190010, 0x0019100c, 0x00990010, 0x00991002]);
    expect(text(dataSet, 0x0019100c)).toBe('1000');
    expect(text(dataSet, 0x00991002)).toMatch(/^2\.25\./);
    expect(tags(itemsOf(dataSet, 0x00081115)[0] ?? { elements: [] })).toEqual([0x00190010, 0x0019100c]);
    expect(dataSet.elements.map(({ tag }) => tag)).toEqual(
      dataSet.elements.map(({ tag }) => tag).sort((a, b) => a - b),
    );
  });

  test.each<[string, string]>([
    ['UT', `${'x '.repeat(600)}Zimmermann`],
    ['TM', '19391122'],
    ['DS', 'Zimmermann'],
    ['IS', '4711222'],
  ])('that are safe do not mention anybody as %s', (vr, value) => {
    const dataSet = cleaned(
      [
        elements[0] as DataElement,
        { tag: 0x0019100c, vr, value: { kind: 'bytes', bytes: Buffer.from(value) } },
        makeElement(0x00100010, 'PN', 'Zimmermann^Adalbert'),
        makeElement(0x00100020, 'LO', 'MRN4711222'),
      ],
      ['retainSafePrivate'],
    );
    expect(tags(dataSet)).toEqual([]);
  });

  test('stay where the site knows them to be safe', () => {
    const more = { safePrivate: [{ creator: 'SIEMENS MR HEADER', group: 0x0019, element: 0x08 }] };
    expect(tags(passed(objectOf(elements), ['retainSafePrivate'], more).object.dataSet)).toContain(0x00191008);
    expect(tags(passed(objectOf(elements), [], more).object.dataSet)).toEqual([]);
  });
});

describe('text', () => {
  test('of descriptions is gone, or only known words of it stay', () => {
    const elements = [
      makeElement(0x00081030, 'LO', 'CT Thorax nativ Doe 12.05.1975'),
      makeElement(0x0008103e, 'LO', 'Brust B30f 5mm'),
      makeElement(0x00181030, 'LO', 'for the Smiths, 12'),
      makeElement(0x00100010, 'PN', 'Brust^Anna'),
    ];
    expect(text(cleaned(elements), 0x00081030)).toBeUndefined();
    const dataSet = cleaned(elements, ['cleanDescriptors']);
    expect(text(dataSet, 0x00081030)).toBe('CT Thorax nativ');
    expect(text(dataSet, 0x0008103e)).toBe('B30f 5mm');
    expect(text(dataSet, 0x00181030)).toBeUndefined();
  });

  test('that no table names stays unless it mentions somebody', () => {
    const dataSet = cleaned([
      makeElement(0x00080070, 'LO', 'Maker'),
      makeElement(0x00080104, 'LO', 'Thorax of Jane'),
      makeElement(0x00181160, 'SH', 'BODY'),
      makeElement(0x00185101, 'CS', 'DOE'),
      makeElement(0x00200011, 'IS', '4711123'),
      makeElement(0x00283010, 'OB', Buffer.from('xx')),
      makeElement(0x00100010, 'PN', 'Doe^Jane'),
      makeElement(0x00100020, 'LO', '4711123'),
    ]);
    expect(text(dataSet, 0x00080070)).toBe('Maker');
    expect(text(dataSet, 0x00080104)).toBe('Thorax of');
    expect(text(dataSet, 0x00181160)).toBe('BODY');
    expect(text(dataSet, 0x00185101)).toBe('REMOVED');
    expect(text(dataSet, 0x00200011)).toBe('');
  });

  test('with a VR that is not its own counts as text', () => {
    const dataSet = cleaned([
      makeElement(0x00080104, 'UN', Buffer.from('Jane')),
      makeElement(0x00181160, 'OB', Buffer.from('Jane')),
      makeElement(0x00100010, 'UN', Buffer.from('Doe^Jane')),
    ]);
    expect(text(dataSet, 0x00080104)).toBe('REMOVED');
    expect(text(dataSet, 0x00181160)).toBe('REMOVED');
    expect(text(dataSet, 0x00100010)).toMatch(/^P-/);
  });

  test('of an option that retains does not mention the patient', () => {
    const elements = [makeElement(0x00080080, 'LO', 'Clinic of Doe'), makeElement(0x00100010, 'PN', 'Doe^Jane')];
    expect(text(cleaned(elements, ['retainInstitutionIdentity']), 0x00080080)).toBe('REMOVED');
    expect(text(cleaned([makeElement(0x00080080, 'LO', 'Clinic')], ['retainInstitutionIdentity']), 0x00080080)).toBe(
      'Clinic',
    );
  });
});

test('what cannot be judged goes: unknown attributes, group lengths, overlays, curves, icons, seals, commands', () => {
  const dataSet = cleaned(
    [
      makeElement(0x00000110, 'US', [1]),
      makeElement(0x00080000, 'UL', [100]),
      makeElement(0x00087770, 'LO', 'Jane'),
      makeElement(0x00100033, 'LO', '60/12/31'),
      sequence(0x00880200, [makeElement(0x7fe00010, 'OB', Buffer.alloc(2))]),
      sequence(0x04000500, [makeElement(0x04000510, 'UI', '1.2')]),
      makeElement(0x50000010, 'US', [1]),
      makeElement(0x50003000, 'OW', Buffer.alloc(2)),
      makeElement(0x60000010, 'US', [1]),
      makeElement(0x60003000, 'OW', Buffer.alloc(2)),
      makeElement(0x60000022, 'LO', 'DOE'),
      sequence(0xfffafffa, []),
      makeElement(0xfffcfffc, 'OB', Buffer.alloc(2)),
    ],
    ['cleanGraphics'],
  );
  const left = dataSet.elements.map(({ tag }) => tag);
  expect(left).toEqual([0x00080016, 0x00080018, 0x00120062, 0x00120063, 0x00120064, 0x0020000d, 0x00280303]);
});

test('what has another VR than it should is replaced all the same', () => {
  const { object, values } = passed(
    objectOf([
      makeElement(0x00081090, 'LO', 'Jane'),
      makeElement(0x00100010, 'LO', 'Doe^Jane'),
      makeElement(0x00100020, 'OB', Buffer.from('4711123 ')),
      makeElement(0x00100030, 'LO', '19600102'),
    ]),
  );
  expect(text(object.dataSet, 0x00100010)).toMatch(/^P-/);
  expect(text(object.dataSet, 0x00100020)).toMatch(/^P-/);
  expect(text(object.dataSet, 0x00081090)).toBe('REMOVED');
  expect(values).toContain('Doe Jane');
  expect(written(object).toString('latin1')).not.toMatch(/Doe|Jane|4711123|19600102/);
});

test('a picture within an item goes', () => {
  const dataSet = cleaned([sequence(0x00081115, [makeElement(0x7fe00010, 'OB', Buffer.alloc(2))])]);
  expect(itemsOf(dataSet, 0x00081115)[0]?.elements).toEqual([]);
});

describe('structured reports', () => {
  const report = '1.2.840.10008.5.1.4.1.1.88.11';
  const code = (meaning: string) => [
    makeElement(0x00080100, 'SH', '1'),
    makeElement(0x00080102, 'SH', 'DCM'),
    makeElement(0x00080104, 'LO', meaning),
  ];
  const elements = [
    makeElement(0x00100010, 'PN', 'Doe^Jane'),
    makeElement(0x0040a040, 'CS', 'CONTAINER'),
    sequence(
      0x0040a730,
      [
        makeElement(0x0040a040, 'CS', 'TEXT'),
        sequence(0x0040a043, code('Finding')),
        makeElement(0x0040a160, 'UT', 'Jane has a normal chest, seen 01.02.2020'),
      ],
      [makeElement(0x0040a040, 'CS', 'PNAME'), makeElement(0x0040a123, 'PN', 'Smith^Joe')],
      [makeElement(0x0040a040, 'CS', 'DATE'), makeElement(0x0040a121, 'DA', '20200102')],
      [makeElement(0x0040a040, 'CS', 'UIDREF'), makeElement(0x0040a124, 'UI', '1.2.77')],
      [makeElement(0x0040a040, 'CS', 'NUM'), sequence(0x0040a300, [makeElement(0x0040a30a, 'DS', '12.5')])],
      [makeElement(0x0040a040, 'CS', 'IMAGE'), sequence(0x00081199, [makeElement(0x00081155, 'UI', '1.2.3.4.5')])],
    ),
  ];

  test('lose their content', () => {
    const [item, ...others] = itemsOf(cleaned(elements, [], report), 0x0040a730);
    expect(others).toEqual([]);
    expect(text(item, 0x0040a160)).toBe('REMOVED');
  });

  test('or keep codes, numbers and references, and of text known words', () => {
    const items = itemsOf(cleaned(elements, ['cleanStructuredContent'], report), 0x0040a730);
    expect(text(items[0], 0x0040a160)).toBe('a normal chest');
    expect(text(items[1], 0x0040a123)).toBe('REMOVED');
    expect(text(items[2], 0x0040a121)).toBe('19000101');
    expect(text(items[3], 0x0040a124)).toMatch(/^2\.25\./);
    expect(text(items[4] && itemsOf(items[4], 0x0040a300)[0], 0x0040a30a)).toBe('12.5');
    expect(text(items[5] && itemsOf(items[5], 0x00081199)[0], 0x00081155)).toBe(derivedUid(keys.uid, '1.2.3.4.5'));
  });
});

describe('graphics', () => {
  const state = '1.2.840.10008.5.1.4.1.1.11.1';
  const drawing = (points: number) => [
    makeElement(0x00700022, 'FL', new Array(points * 2).fill(3)),
    makeElement(0x00700023, 'CS', 'POLYLINE'),
  ];
  const elements = [
    sequence(0x00700001, [
      makeElement(0x00700002, 'CS', 'LAYER1'),
      sequence(0x00700008, [makeElement(0x00700006, 'ST', 'Jane: lung nodule')]),
      sequence(0x00700009, drawing(4), drawing(400)),
    ]),
  ];

  test('become a point', () => {
    const [item] = itemsOf(cleaned(elements, [], state), 0x00700001);
    expect(text(item, 0x00700002)).toBe('LAYER1');
    expect(item && element(item, 0x00700008)).toBeUndefined();
    expect(text(item && itemsOf(item, 0x00700009)[0], 0x00700023)).toBe('POINT');
  });

  test('or stay where they cannot be handwriting, with cleaned text', () => {
    const [item] = itemsOf(cleaned(elements, ['cleanGraphics', 'cleanDescriptors'], state), 0x00700001);
    expect(text(item && itemsOf(item, 0x00700008)[0], 0x00700006)).toBe('lung nodule');
    expect(item && itemsOf(item, 0x00700009)).toHaveLength(1);
    const [plain] = itemsOf(cleaned(elements, ['cleanGraphics'], state), 0x00700001);
    expect(text(plain && itemsOf(plain, 0x00700008)[0], 0x00700006)).toBe('REMOVED');
  });
});

test('says what was done to it', () => {
  const dataSet = cleaned([makeElement(0x00120063, 'LO', 'by Jane')], ['retainUids', 'cleanDescriptors']);
  expect(text(dataSet, 0x00120062)).toBe('YES');
  expect(text(dataSet, 0x00120063)).toBe('MEDUSA Edge Gateway\\DICOM PS3.15 2026d Annex E');
  expect(itemsOf(dataSet, 0x00120064).map((item) => [text(item, 0x00080100), text(item, 0x00080102)])).toEqual([
    ['113100', 'DCM'],
    ['113105', 'DCM'],
    ['113110', 'DCM'],
  ]);
});

test('the original is left as it was, and pixel data are not read', () => {
  const source = {
    name: 'input',
    size: 1000,
    read: () => {
      throw new Error('read');
    },
  };
  const object = objectOf([makeElement(0x00100010, 'PN', 'Doe^Jane')]);
  const pixels: DataElement = {
    tag: 0x7fe00010,
    vr: 'OW',
    value: { kind: 'bytes', bytes: { source, offset: 100, length: 900 } },
  };
  object.dataSet.elements.push(pixels);
  const before = JSON.stringify(object.dataSet.elements.slice(0, -1));
  const result = passed(object).object;
  expect(result.dataSet.elements.at(-1)).toBe(pixels);
  expect(JSON.stringify(object.dataSet.elements.slice(0, -1))).toBe(before);
});
