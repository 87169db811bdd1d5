/** Ways around the gate that somebody once found: each stays closed. */
import { describe, expect, test } from 'vitest';
import { BufferSource } from '../../../src/dicom/dataSet/byteSources.ts';
import { toDicomJson } from '../../../src/dicom/dataSet/dicomJson.ts';
import { bytesIn, type DataElement, type DicomObject } from '../../../src/dicom/dataSet/dicomObject.ts';
import { makeElement, putElement, removeElement } from '../../../src/dicom/dataSet/elements.ts';
import { encodePart10 } from '../../../src/dicom/dataSet/encodePart10.ts';
import { parsePart10 } from '../../../src/dicom/dataSet/parsePart10.ts';
import type { DeidentifyOption } from '../../../src/process/application.ts';
import { partsOf } from '../../../src/process/gate/codestreams.ts';
import type { Identity } from '../../../src/process/step.ts';
import { objectOf } from '../../dicom/confidentiality/support.ts';
import { allBytes } from '../../support/objects.ts';
import { fileFindings, gateFindings, identityWith, jsonFindings, stepOutcome } from './gateSupport.ts';

const person = [makeElement(0x00100010, 'PN', 'Zimmermann^Adalbert'), makeElement(0x00100020, 'LO', '47112229')];
const bytesOf = (object: DicomObject) => allBytes(encodePart10(object).pieces);

async function deidentified(options: DeidentifyOption[] = [], more: DataElement[] = []) {
  const original = bytesOf(objectOf([...person, ...more]));
  const outcome = await stepOutcome(original, { options });
  if (outcome.kind !== 'pass' || outcome.identity === undefined) throw new Error(JSON.stringify(outcome));
  const object = parsePart10(new BufferSource('result', bytesOf(outcome.object)));
  return { original, object, identity: outcome.identity };
}

const codes = (findings: Array<{ code: string }>) => [...new Set(findings.map(({ code }) => code))];
const jsonOf = (object: DicomObject) => Buffer.from(JSON.stringify(toDicomJson(object).dataSet));

describe('DICOM JSON of the steps is held to the same rules', async () => {
  const { object, identity } = await deidentified();
  const asked = { options: [], identities: [identity] };

  test('what was rightly made passes', () => expect(jsonFindings(jsonOf(object), asked)).toEqual([]));

  test.each([
    ['an attribute that has to go', makeElement(0x00104000, 'LT', 'Daughter Hilde 0171'), 'gate.attribute-left'],
    ['a private element', makeElement(0x00091001, 'LO', 'private'), 'gate.private-group'],
    ['a UID that is not new', makeElement(0x00080014, 'UI', '1.2.3.4.5'), 'gate.original-uid'],
    ['an original value', makeElement(0x00180050, 'LO', 'of Zimmermann'), 'gate.original-value'],
  ])('%s is found', (_, one, code) => {
    const dirty = { ...object, dataSet: { elements: [...object.dataSet.elements] } };
    putElement(dirty.dataSet, one);
    expect(codes(jsonFindings(jsonOf(dirty), asked))).toContain(code);
  });

  test('an object that was not de-identified is found, whatever the step said', async () => {
    const findings = jsonFindings(jsonOf(objectOf(person)), { options: [], identities: [] });
    expect(codes(findings)).toEqual(expect.arrayContaining(['gate.not-marked', 'gate.attribute-left']));
  });

  test('what stands there twice is found', () => {
    const text = jsonOf(object).toString();
    const twice = text.replace('{', '{"00100010":{"vr":"PN","Value":[{"Alphabetic":"Zimmermann"}]},');
    expect(codes(jsonFindings(Buffer.from(twice), asked))).toContain('gate.original-value');
  });

  test('what is no DICOM JSON is held back', () => {
    expect(codes(jsonFindings(Buffer.from('{"a": 1}'), asked))).toEqual(['gate.unreadable']);
  });
});

describe('what is no finding', async () => {
  test('a number of six digits that is also a time, in an object and in DICOM JSON', async () => {
    const { object, identity } = await deidentified(['retainModifiedDates'], [makeElement(0x00080030, 'TM', '101500')]);
    const asked = {
      options: ['retainModifiedDates' as const],
      identities: [identity, identityWith(['101500'], { dateShiftDays: -100 })],
    };
    expect(gateFindings(bytesOf(object), asked)).toEqual([]);
    expect(jsonFindings(jsonOf(object), asked)).toEqual([]);
  });

  test.each(['ISOIR192', 'MONOCHROME2', 'MEDUSA^Edge', 'YES', 'Deidentification^Basic'])(
    'a patient called %s',
    async (name) => {
      const { object, identity } = await deidentified(
        [],
        [makeElement(0x00080005, 'CS', 'ISO_IR 192'), makeElement(0x00280004, 'CS', 'MONOCHROME2')],
      );
      const values = [name, ...name.split('^')];
      const asked = { options: [], identities: [{ ...identity, values }] };
      expect(gateFindings(bytesOf(object), asked)).toEqual([]);
      expect(jsonFindings(jsonOf(object), asked)).toEqual([]);
    },
  );
});

describe('the step is not believed', () => {
  test('original values that it does not tell of are read in what was received', async () => {
    const { object, original, identity } = await deidentified();
    putElement(object.dataSet, makeElement(0x00180050, 'LO', 'Zimmermann'));
    const silent = { ...identity, values: [] };
    const findings = gateFindings(bytesOf(object), { options: [], identities: [silent], original });
    expect(codes(findings)).toEqual(['gate.original-value']);
  });

  test('UIDs of the form of new ones have to be new ones', async () => {
    const { object, identity } = await deidentified();
    putElement(object.dataSet, makeElement(0x00080014, 'UI', '2.25.123456789'));
    expect(codes(gateFindings(bytesOf(object), { options: [], identities: [identity] }))).toEqual([
      'gate.original-uid',
    ]);
  });

  test('UIDs that only begin like those of the standard have to be new ones', async () => {
    const { object, identity } = await deidentified();
    putElement(object.dataSet, makeElement(0x00080014, 'UI', '1.2.840.10008.4711.20240131'));
    expect(codes(gateFindings(bytesOf(object), { options: [], identities: [identity] }))).toEqual([
      'gate.original-uid',
    ]);
  });

  test('a pseudonym that is nobody of the run is found', async () => {
    const { object, identity } = await deidentified();
    putElement(object.dataSet, makeElement(0x00100020, 'LO', 'P-0123456789ABCDEF'));
    const asked = { options: [], identities: [identity] };
    expect(codes(gateFindings(bytesOf(object), asked))).toEqual(['gate.attribute-left']);
  });

  const asPatient = (pseudonym: string, patientId: string, more: Partial<Identity> = {}) =>
    identityWith([], {
      patient: { pseudonym, patientId, issuer: '', patientName: '', birthDate: '', sex: '' },
      dateShiftDays: -61,
      ...more,
    });
  const ofRun = (identities: Identity[]) =>
    codes(fileFindings('a.txt', Buffer.from('x'), identities, ['retainModifiedDates']));
  test.each([
    ['fine', [asPatient('P-1', 'a'), asPatient('P-1', 'a'), asPatient('P-2', 'b')], []],
    ['dates that were not moved', [asPatient('P-1', 'a', { dateShiftDays: 0 })], ['gate.date-shift']],
    ['dates that were hardly moved', [asPatient('P-1', 'a', { dateShiftDays: -60 })], ['gate.date-shift']],
    ['dates moved by no number', [asPatient('P-1', 'a', { dateShiftDays: Number.NaN })], ['gate.date-shift']],
    ['two pseudonyms of one', [asPatient('P-1', 'a'), asPatient('P-2', 'a')], ['gate.pseudonym']],
    ['one pseudonym of two', [asPatient('P-1', 'a'), asPatient('P-1', 'b')], ['gate.pseudonym']],
  ])('of a run: %s', (_, identities, expected) => expect(ofRun(identities)).toEqual(expected));

  test('UIDs that stay do not hide a number', async () => {
    const more = [makeElement(0x00080018, 'UI', '1.2.276.47112229.1')];
    const { object, identity, original } = await deidentified(['retainUids'], more);
    putElement(object.dataSet, makeElement(0x00180050, 'DS', '47112229'));
    const asked = { options: ['retainUids' as const], identities: [identity], original };
    expect(codes(gateFindings(bytesOf(object), asked))).toEqual(['gate.original-value']);
    removeElement(object.dataSet, 0x00180050);
    expect(gateFindings(bytesOf(object), asked)).toEqual([]);
    expect(jsonFindings(jsonOf(object), asked)).toEqual([]);
  });
});

describe('places', () => {
  test.each([0x7f000010, 0x7ffe0010, 0x10000010, 0x10100004, 0x00041500])('group of %s', async (tag) => {
    const { object, identity } = await deidentified();
    putElement(object.dataSet, makeElement(tag, 'OB', Buffer.from('abcd')));
    const asked = { options: [], identities: [identity] };
    expect(codes(gateFindings(bytesOf(object), { ...asked, madeBy: 'data-part' }))).toContain('gate.group');
  });

  const fragments = (tag: number, ...parts: Buffer[]): DataElement => ({
    tag,
    vr: 'OB',
    value: { kind: 'fragments', fragments: parts },
  });
  const image = Buffer.from('ffd8ffd9', 'hex');
  test.each([
    ['in what is no pixel data', fragments(0x00282000, Buffer.alloc(0), image), ['gate.fragments']],
    ['an offset table of another form', fragments(0x7fe00010, Buffer.from([4, 0, 0, 0]), image), ['gate.fragments']],
    [
      'text in it',
      fragments(0x7fe00010, Buffer.from('Zimmermann  '), image),
      ['gate.fragments', 'gate.original-value'],
    ],
    ['as it should be', fragments(0x7fe00010, Buffer.alloc(4), image), []],
  ])('fragments: %s', async (_, one, expected) => {
    const { object, identity } = await deidentified();
    const encapsulated = {
      ...object,
      meta: { ...object.meta, transferSyntaxUid: '1.2.840.10008.1.2.4.50' },
      dataSet: { elements: [...object.dataSet.elements] },
    };
    putElement(encapsulated.dataSet, one);
    expect(codes(gateFindings(bytesOf(encapsulated), { options: [], identities: [identity] }))).toEqual(expected);
  });

  const segment = (marker: number, text: string) => {
    const head = Buffer.alloc(4);
    head.writeUInt16BE(marker, 0);
    head.writeUInt16BE(text.length + 2, 2);
    return Buffer.concat([head, Buffer.from(text)]);
  };
  const shown = (...parts: Buffer[]) =>
    partsOf(Buffer.concat(parts)).some(({ bytes }) => bytesIn(bytes).includes('Zimmermann'));
  test.each([0xffc4, 0xffdb, 0xffc0, 0xfff8, 0xffda, 0xffdd, 0xffe1, 0xfffe])('segment %s of JPEG', (marker) => {
    expect(shown(Buffer.from('ffd8', 'hex'), segment(marker, 'Zimmermann'), Buffer.from('ffd9', 'hex'))).toBe(true);
  });
  test.each([0xff51, 0xff52, 0xff5c, 0xff50, 0xff64, 0xff55, 0xff57])('segment %s of JPEG 2000', (marker) => {
    expect(shown(Buffer.from('ff4f', 'hex'), segment(marker, 'Zimmermann'), Buffer.from('ffd9', 'hex'))).toBe(true);
  });
  test('behind the end of JPEG 2000, with another end behind it', () => {
    const tile = Buffer.from('ff90000a0000000000000001ff930102ffd9', 'hex');
    expect(shown(Buffer.from('ff4f', 'hex'), tile, Buffer.from('Zimmermann'), Buffer.from('ffd9', 'hex'))).toBe(true);
  });

  const pdf = '1.2.840.10008.5.1.4.1.1.104.1';
  test.each([
    ['no rule', [], '%PDF-1.4 (nobody)', ['gate.attribute-left']],
    ['a rule, and nothing in it', [{ match: { sopClass: pdf }, regions: [] }], '%PDF-1.4 (nobody)', []],
    [
      'a rule, and a name in it',
      [{ match: { sopClass: pdf }, regions: [] }],
      '%PDF-1.4 (Zimmermann)',
      ['gate.original-value'],
    ],
  ])('a document: %s', async (_, burnedIn, content, expected) => {
    const { object, identity } = await deidentified();
    putElement(object.dataSet, makeElement(0x00080016, 'UI', pdf));
    putElement(object.dataSet, makeElement(0x00420011, 'OB', Buffer.from(content)));
    const bytes = bytesOf(object);
    expect(codes(gateFindings(bytes, { options: [], burnedIn, identities: [identity] }))).toEqual(expected);
  });
});
