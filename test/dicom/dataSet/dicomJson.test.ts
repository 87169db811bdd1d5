import { describe, expect, it } from 'vitest';
import { toDicomJson } from '../../../src/dicom/dataSet/dicomJson.ts';
import type { DataElement, DicomObject } from '../../../src/dicom/dataSet/dicomObject.ts';
import { makeElement, makeItem } from '../../../src/dicom/dataSet/elements.ts';
import { encodingOf } from '../../../src/dicom/dataSet/transferSyntax.ts';
import { uid } from '../../../src/dicom/uids.ts';

function object(elements: DataElement[], transferSyntaxUid: string = uid.explicitVrLittleEndian): DicomObject {
  const meta = { sopClassUid: '1.2', sopInstanceUid: '1.2.3', transferSyntaxUid };
  return { meta, encoding: encodingOf(transferSyntaxUid), dataSet: { elements } };
}
const attribute = (made: DataElement, syntax?: string) => Object.values(toDicomJson(object([made], syntax)).dataSet)[0];
const raw = (tag: number, vr: string, bytes: Buffer): DataElement => ({ tag, vr, value: { kind: 'bytes', bytes } });

describe('DICOM JSON (PS3.18 Annex F)', () => {
  it.each<[string, DataElement, unknown]>([
    ['text', makeElement(0x00081030, 'LO', 'CT '), { vr: 'LO', Value: ['CT'] }],
    ['several', makeElement(0x00080008, 'CS', ['A', '', 'B']), { vr: 'CS', Value: ['A', null, 'B'] }],
    ['nothing', makeElement(0x00080008, 'CS', ''), { vr: 'CS' }],
    ['padding alone', makeElement(0x00080008, 'CS', '  '), { vr: 'CS' }],
    [
      'a name',
      makeElement(0x00100010, 'PN', ['A^B==C', '=D', '']),
      { vr: 'PN', Value: [{ Alphabetic: 'A^B', Phonetic: 'C' }, { Ideographic: 'D' }, null] },
    ],
    ['tags', makeElement(0x00280009, 'AT', [0x0018106a]), { vr: 'AT', Value: ['0018106A'] }],
    ['numbers', makeElement(0x00280010, 'US', [1, 2]), { vr: 'US', Value: [1, 2] }],
    [
      'what is not finite',
      makeElement(0x00189302, 'FD', [1, Number.NaN, Infinity]),
      { vr: 'FD', Value: [1, null, null] },
    ],
    [
      'integers of text',
      makeElement(0x00200013, 'IS', ['+12', '', 'x', '1.5']),
      { vr: 'IS', Value: [12, null, 'x', 1.5] },
    ],
    [
      'decimals of text',
      makeElement(0x00281050, 'DS', [
        '1.50',
        '-.5E1',
        '0x10',
        '1,5',
        '3.062314748764038',
        '1e999',
        '1.234567890123456789',
      ]),
      { vr: 'DS', Value: [1.5, -5, '0x10', '1,5', 3.062314748764038, '1e999', '1.234567890123456789'] },
    ],
    ['long numbers', makeElement(0x00720082, 'SV', [-5]), { vr: 'SV', Value: [-5] }],
    ['very long numbers', raw(0x00720083, 'UV', Buffer.alloc(8, 0xff)), { vr: 'UV', Value: ['18446744073709551615'] }],
    ['bytes', raw(0x00420011, 'OB', Buffer.from('PDF!')), { vr: 'OB', InlineBinary: 'UERGIQ==' }],
    ['the unknown', raw(0x00091001, 'UN', Buffer.from('PDF!')), { vr: 'UN', InlineBinary: 'UERGIQ==' }],
    ['the unknown of the standard', raw(0x00080060, 'UN', Buffer.from('CT')), { vr: 'CS', Value: ['CT'] }],
    ['no VR at all', raw(0x00091001, '??', Buffer.from('PDF!')), { vr: 'UN', InlineBinary: 'UERGIQ==' }],
    ['an empty sequence', makeElement(0x00081140, 'SQ', []), { vr: 'SQ' }],
    [
      'items',
      makeElement(0x00081140, 'SQ', [makeItem([]), makeItem([makeElement(0x00081155, 'UI', '1.2')])]),
      { vr: 'SQ', Value: [{}, { '00081155': { vr: 'UI', Value: ['1.2'] } }] },
    ],
  ])('has %s', (_, made, expected) => {
    expect(attribute(made)).toEqual(expected);
  });

  it('has bytes of big endian objects in little endian', () => {
    const big = raw(0x00281201, 'OW', Buffer.from([1, 2, 3, 4]));
    expect(attribute(big, uid.explicitVrBigEndian)).toEqual({
      vr: 'OW',
      InlineBinary: Buffer.from([2, 1, 4, 3]).toString('base64'),
    });
    expect(attribute(raw(0x00280010, 'US', Buffer.from([0, 5])), uid.explicitVrBigEndian)).toEqual({
      vr: 'US',
      Value: [5],
    });
  });

  it('is in ascending order, without group lengths, and names what is left out', () => {
    const { dataSet, omitted } = toDicomJson(
      object([
        makeElement(0x00200010, 'SH', 'x'),
        makeElement(0x00080000, 'UL', [4]),
        makeElement(0x00080060, 'CS', 'CT'),
        makeElement(0x00081140, 'SQ', [makeItem([raw(0x00091001, 'OB', Buffer.alloc(2000))])]),
        raw(0x7fe00010, 'OW', Buffer.alloc(2)),
      ]),
    );
    expect(Object.keys(dataSet)).toEqual(['00080060', '00081140', '00200010']);
    expect(omitted).toEqual(['00081140.0.00091001', '7FE00010']);
  });
});
