/** Every row of table E.1-1, put into an object at the top and in an item, and what has become of it. */
import { describe, expect, test } from 'vitest';
import type { ProfileOption } from '../../../src/dicom/confidentiality/profileOptions.ts';
import { type BasicAction, ownRows, profileRows } from '../../../src/dicom/confidentiality/profileTable.ts';
import { bytesIn, type DataElement, type DataSet } from '../../../src/dicom/dataSet/dicomObject.ts';
import { vrOf } from '../../../src/dicom/dataSet/dictionary.ts';
import { encodeDataSet } from '../../../src/dicom/dataSet/encodePart10.ts';
import { isTextVr } from '../../../src/dicom/dataSet/valueRepresentation.ts';
import { element, makeElement, objectOf, passed, sequence, text } from './support.ts';

const planted = 'PLANTED';
const plantedUid = '1.2.276.0.7230010.3.1.2.77';
const originals: Record<string, string> = {
  AS: '077Y',
  DA: '19770707',
  DT: '19770707070707',
  TM: '070707.777',
  UI: plantedUid,
  UR: `http://${planted}/`,
  DS: '77.77',
  IS: '77777',
};

/** Not in the data dictionary in use; treated all the same. */
function plantIn(tag: number): DataElement {
  const vr = vrOf(tag);
  if (vr === 'SQ') {
    return sequence(tag, [
      makeElement(0x00080100, 'SH', planted),
      makeElement(0x00081155, 'UI', plantedUid),
      makeElement(0x00100010, 'PN', `${planted}^NAME`),
    ]);
  }
  if (!isTextVr(vr)) return makeElement(tag, vr, Buffer.from(planted + planted));
  return makeElement(tag, vr, originals[vr] ?? planted);
}

/** Encapsulated Document: such an object is refused, see burnedIn.test.ts. */
const document = 0x00420011;
const tags = [...profileRows.keys()].sort((a, b) => a - b).filter((tag) => tag !== 0x00080018 && tag !== 0x0020000d);
/** References to images and steps: kept as sequences in items, where their UIDs are replaced. */
const holder = 0x00081115; // Referenced Series Sequence, which no row names
const planting = () => {
  const elements = tags.filter((tag) => tag !== document).map(plantIn);
  return objectOf([...elements.filter(({ tag }) => tag !== holder), sequence(holder, elements)]);
};

const bytesOf = (dataSet: DataSet) =>
  Buffer.concat(encodeDataSet(dataSet, { explicitVr: true, littleEndian: true }).map(bytesIn)).toString('latin1');

function valueIn(dataSet: DataSet, tag: number): string | undefined {
  const found = element(dataSet, tag);
  if (found === undefined) return undefined;
  if (found.value.kind === 'sequence') return found.value.items.map((item) => bytesOf(item.dataSet)).join();
  if (found.value.kind === 'fragments') return 'fragments';
  const bytes = bytesIn(found.value.bytes);
  return isTextVr(found.vr) ? unpadded(bytes.toString('latin1')) : bytes.toString('hex');
}

const unpadded = (value: string) => value.replace(/[\0 ]+$/, '');

/** What Table E.1-1a asks of a value; a pseudonym is a dummy. */
const fulfils: Record<BasicAction, (became: 'absent' | 'empty' | 'other' | 'as it was') => boolean> = {
  X: (became) => became === 'absent',
  Z: (became) => became === 'empty' || became === 'other',
  D: (became) => became === 'other',
  U: (became) => became === 'other',
  'X/Z': (became) => became === 'absent' || became === 'empty',
  'X/D': (became) => became === 'absent' || became === 'other',
  'X/Z/U*': (became) => became === 'absent' || became === 'other',
  'Z/D': (became) => became === 'empty' || became === 'other',
  'X/Z/D': (became) => became !== 'as it was',
};

function becameOf(value: string | undefined): 'absent' | 'empty' | 'other' | 'as it was' {
  if (value === undefined) return 'absent';
  if (value === '') return 'empty';
  return /PLANTED|7707|77\.77|7230010|504c414e/.test(value) ? 'as it was' : 'other';
}

describe.each([['at the top', false] as const, ['in an item', true] as const])('table E.1-1 %s', (_, inItem) => {
  const run = (options: ProfileOption[]) => {
    const { dataSet } = passed(planting(), options).object;
    if (!inItem) return dataSet;
    const value = element(dataSet, holder)?.value;
    if (value?.kind !== 'sequence' || value.items[0] === undefined) throw new Error('the sequence is gone');
    return value.items[0].dataSet;
  };
  const basic = run([]);

  test.each([...new Set([...profileRows.values()].map((row) => row.basic))])('the basic profile does %s', (action) => {
    const concerned = tags.filter((tag) => profileRows.get(tag)?.basic === action && tag !== document);
    expect(concerned.length).toBeGreaterThan(0);
    const wrong = concerned.filter((tag) => {
      const became = becameOf(valueIn(basic, tag));
      // Commands and file meta information have no place in a data set.
      return !(tag >>> 16 <= 0x0002 && became === 'absent') && !fulfils[action](became);
    });
    expect(wrong.map((tag) => tag.toString(16))).toEqual([]);
  });

  test('nothing that was planted is left', () => {
    const left = bytesOf(basic);
    for (const original of [planted, plantedUid, '19770707', '077Y', '070707']) expect(left).not.toContain(original);
  });

  test.each([
    ['retainUids', 'K'],
    ['retainDeviceIdentity', 'K'],
    ['retainInstitutionIdentity', 'K'],
    ['retainPatientCharacteristics', 'K'],
    ['retainFullDates', 'K'],
  ] as const)('%s keeps what it should, and nothing else', (option, action) => {
    const kept = run([option]);
    const wrong = tags.filter((tag) => {
      if (tag >>> 16 <= 0x0002) return false;
      const chosen = profileRows.get(tag)?.options[option];
      if (chosen === 'C' && vrOf(tag) === 'AE') return !/^AE[0-9A-Z]{12}$/.test(valueIn(kept, tag) ?? '');
      if (chosen === 'C') return /PLANTED/.test(valueIn(kept, tag) ?? '');
      if (chosen !== action) return valueIn(kept, tag) !== valueIn(basic, tag) && !isInside(kept, tag);
      // A sequence is kept, and what is in it treated by its own row; text that mentions somebody planted elsewhere is cleaned.
      if (vrOf(tag) === 'SQ') return valueIn(kept, tag) === undefined;
      if (vrOf(tag) !== 'UI' && isTextVr(vrOf(tag)) && originals[vrOf(tag)] === undefined)
        return valueIn(kept, tag) === undefined;
      return valueIn(kept, tag) !== valueIn(objectOf([plantIn(tag)]).dataSet, tag);
    });
    expect(wrong.map((tag) => tag.toString(16))).toEqual([]);
  });

  test('modified dates are moved, times of day stay', () => {
    const moved = run(['retainModifiedDates']);
    const wrong = tags.filter((tag) => {
      if (profileRows.get(tag)?.options.retainModifiedDates !== 'C') return false;
      const vr = vrOf(tag);
      const value = valueIn(moved, tag);
      if (vr === 'TM') return value !== originals.TM;
      if (vr === 'DA') return !/^19(7[3-7])\d{4}$/.test(value ?? '') || value === originals.DA;
      return vr === 'DT' && (!/^19(7[3-7])\d{4}070707$/.test(value ?? '') || value === originals.DT);
    });
    expect(wrong.map((tag) => tag.toString(16))).toEqual([]);
    expect(text(moved, 0x00080201)).toBeUndefined();
  });

  test.each(['cleanDescriptors', 'cleanStructuredContent', 'cleanGraphics'] as const)(
    '%s keeps no word that is not known',
    (option) => {
      expect(bytesOf(run([option]))).not.toContain(planted);
    },
  );
});

/** Sequences of which the items change with the option, because of what they hold. */
const isInside = (dataSet: DataSet, tag: number) => element(dataSet, tag)?.value.kind === 'sequence';

test('rules of our own come in addition, never instead', () => {
  for (const tag of ownRows.keys()) expect(profileRows.has(tag), tag.toString(16)).toBe(false);
});
