/** The gate by itself: each attribute of the profile put back into an object that was de-identified, one at a time. */
import { describe, expect, test } from 'vitest';
import { ownRows, type ProfileRow, profileRows } from '../../../src/dicom/confidentiality/profileTable.ts';
import { BufferSource } from '../../../src/dicom/dataSet/byteSources.ts';
import type { DataElement, DicomObject } from '../../../src/dicom/dataSet/dicomObject.ts';
import { lookUp } from '../../../src/dicom/dataSet/dictionary.ts';
import { makeElement, makeItem, putElement, removeElement } from '../../../src/dicom/dataSet/elements.ts';
import { encodePart10 } from '../../../src/dicom/dataSet/encodePart10.ts';
import { parsePart10 } from '../../../src/dicom/dataSet/parsePart10.ts';
import type { Identity } from '../../../src/process/step.ts';
import { objectOf } from '../../dicom/confidentiality/support.ts';
import { allBytes } from '../../support/objects.ts';
import { gateFindings, identityWith, stepOutcome } from './gateSupport.ts';

/** Values that no instance had: the gate has to know the attributes, not the values. */
const values: Readonly<Record<string, string | number[] | Buffer>> = {
  ...{
    AE: 'STORESCP7',
    AS: '045Y',
    CS: 'LEFTOVER',
    DA: '20120304',
    DS: '71.5',
    DT: '20120304101112',
    IS: '7715',
    LO: 'left over',
  },
  ...{
    LT: 'left over',
    PN: 'Left^Over',
    SH: 'left over',
    ST: 'left over',
    TM: '101112',
    UC: 'left over',
    UT: 'left over',
  },
  ...{ UI: '1.2.276.4711.1.2', UR: 'http://left.example/over', FD: [7], FL: [7], SL: [7], SS: [7], UL: [7], US: [7] },
  ...{ AT: [0x00100010], OB: Buffer.from('left over!'), OW: Buffer.from('left over!'), UN: Buffer.from('left over!') },
};

/** Sequences that go as a whole though the table would have a dummy in them. */
const replacedAsAWhole = new Set([0x0040a730, 0x00700001, 0x00401101, 0x00080082]);

function putBack([tag, { basic }]: [number, ProfileRow]): DataElement {
  const vr = lookUp(tag)?.vr ?? 'UN';
  if (vr !== 'SQ') return makeElement(tag, vr, values[vr] ?? Buffer.from('left over!'));
  // Of a sequence that has to be there, the items are judged, each attribute by its row.
  const staysAsSequence = /[DU]/.test(basic) && !replacedAsAWhole.has(tag);
  const inside = staysAsSequence
    ? makeElement(0x0040a123, 'PN', 'Left^Over')
    : makeElement(0x00080104, 'LO', 'left over');
  return makeElement(tag, 'SQ', [makeItem([inside])]);
}

/** What the step says of new UIDs, and nothing else. */
let uids: Identity['uids'] = [];

async function deidentified(): Promise<DicomObject> {
  const original = objectOf([makeElement(0x00100010, 'PN', 'Doe^Jane'), makeElement(0x00100020, 'LO', '4711123')]);
  const outcome = await stepOutcome(allBytes(encodePart10(original).pieces), { options: [] });
  if (outcome.kind !== 'pass') throw new Error(JSON.stringify(outcome));
  uids = outcome.identity?.uids ?? [];
  return parsePart10(new BufferSource('result', allBytes(encodePart10(outcome.object).pieces)));
}

const copyOf = (object: DicomObject): DicomObject => ({
  ...object,
  meta: { ...object.meta },
  dataSet: { elements: [...object.dataSet.elements] },
});

const codesOf = (object: DicomObject) =>
  gateFindings(allBytes(encodePart10(object).pieces), { options: [], identities: [identityWith([], { uids })] }).map(
    ({ code }) => code,
  );

/** Commands and file meta information have no place in a data set: nobody can put them back there. */
const isPossible = ([tag]: [number, ProfileRow]) => tag >= 0x00040000;
const rows = [...ownRows, ...profileRows].filter(isPossible);
/** Those that every object must have, in another form: the pseudonym and the new UIDs. */
const required = new Set([0x00100010, 0x00100020]);

describe('put back into an object that was de-identified', async () => {
  const clean = await deidentified();

  test('nothing: nothing is found', () => {
    expect(codesOf(clean)).toEqual([]);
  });

  test(`each of the ${rows.length} attributes of the profile is found, at the top and in an item`, () => {
    const missed: string[] = [];
    for (const row of rows) {
      const [tag] = row;
      const top = copyOf(clean);
      putElement(top.dataSet, putBack(row));
      if (codesOf(top).length === 0) missed.push(tag.toString(16));
      const nested = copyOf(clean);
      const inside = makeElement(0x00400260, 'SQ', [
        makeItem([makeElement(0x00081199, 'SQ', [makeItem([putBack(row)])])]),
      ]);
      putElement(nested.dataSet, inside);
      if (codesOf(nested).length === 0) missed.push(`${tag.toString(16)} in an item`);
    }
    expect(missed).toEqual([]);
  });

  test.each([
    ['a private element', makeElement(0x00110010, 'LO', 'SOMEBODY'), 'gate.private-group'],
    ['a group length', makeElement(0x00080000, 'UL', [100]), 'gate.group-length'],
    ['an overlay', makeElement(0x60003000, 'OW', Buffer.alloc(8)), 'gate.graphics'],
    ['a curve', makeElement(0x50003000, 'OW', Buffer.alloc(8)), 'gate.graphics'],
    ['padding behind the data set', makeElement(0xfffcfffc, 'OB', Buffer.alloc(8)), 'gate.trailing-data'],
    ['an attribute that nobody knows', makeElement(0x00089999, 'LO', 'left over'), 'gate.unknown-attribute'],
    ['a name that no table names', makeElement(0x00180080, 'PN', 'Left^Over'), 'gate.attribute-left'],
  ])('%s is found', (_, one, code) => {
    const object = copyOf(clean);
    putElement(object.dataSet, one);
    expect(codesOf(object)).toContain(code);
  });

  test.each([0x00120062, 0x00120063, 0x00120064, 0x00280303])('a mark that is missing is found (%s)', (tag) => {
    const object = copyOf(clean);
    removeElement(object.dataSet, tag);
    expect(codesOf(object)).toContain('gate.not-marked');
  });

  test('a preamble, and bytes behind a deflated data set, are found', () => {
    const bytes = allBytes(encodePart10(clean).pieces);
    bytes.write('II*', 0);
    expect(gateFindings(bytes, { options: [], identities: [identityWith([], { uids })] })).toMatchObject([
      { code: 'gate.preamble' },
    ]);
    const deflated = copyOf(clean);
    deflated.meta.transferSyntaxUid = '1.2.840.10008.1.2.1.99';
    deflated.encoding = { explicitVr: true, littleEndian: true, deflated: true };
    const packed = allBytes(encodePart10(deflated).pieces);
    expect(gateFindings(packed, { options: [], identities: [identityWith([], { uids })] })).toEqual([]);
    const more = Buffer.concat([packed, Buffer.from('left over')]);
    expect(gateFindings(more, { options: [], identities: [identityWith([], { uids })] })).toMatchObject([
      { code: 'gate.trailing-data' },
    ]);
  });

  test('what a data part made is not held to what attributes are left, but to all else', () => {
    const object = copyOf(clean);
    for (const row of rows) if (!required.has(row[0])) putElement(object.dataSet, putBack(row));
    const bytes = allBytes(encodePart10(object).pieces);
    const findings = (values: string[]) =>
      gateFindings(bytes, { options: [], identities: [identityWith(values, { uids })], madeBy: 'data-part' }).map(
        ({ code }) => code,
      );
    const codes = new Set(findings([]));
    expect([...codes].filter((code) => code === 'gate.attribute-left' || code === 'gate.original-value')).toEqual([]);
    expect(findings(['Left^Over'])).toContain('gate.original-value');
  });
});
