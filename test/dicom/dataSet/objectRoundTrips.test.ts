/** Any tree of elements that can be written is read again as it was, in each encoding, and as Explicit VR Little Endian. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Bytes,
  bytesIn,
  type DataElement,
  type DataSet,
  type DicomObject,
} from '../../../src/dicom/dataSet/dicomObject.ts';
import { vrOf } from '../../../src/dicom/dataSet/dictionary.ts';
import { numberValues, walk } from '../../../src/dicom/dataSet/elements.ts';
import { encodePart10 } from '../../../src/dicom/dataSet/encodePart10.ts';
import { parsePart10 } from '../../../src/dicom/dataSet/parsePart10.ts';
import { toExplicitLittleEndian } from '../../../src/dicom/dataSet/transcode.ts';
import { encodingOf } from '../../../src/dicom/dataSet/transferSyntax.ts';
import { wordSize } from '../../../src/dicom/dataSet/valueRepresentation.ts';
import { uid } from '../../../src/dicom/uids.ts';
import { allBytes, CountingSource } from '../../support/objects.ts';

const syntaxes = [
  uid.implicitVrLittleEndian,
  uid.explicitVrLittleEndian,
  uid.explicitVrBigEndian,
  uid.deflatedExplicitVrLittleEndian,
  '1.2.840.10008.1.2.4.50',
];

/** Tags whose VR does not depend on others, so that Implicit VR gives back what was written. */
const leafTags = [
  ...[0x00080060, 0x00080018, 0x00100010, 0x00100030, 0x00181151, 0x00200013, 0x00280010, 0x00281050, 0x0040a730 - 1],
  ...[0x00189302, 0x00209165, 0x00720026, 0x00091001, 0x00091010, 0x60003000, 0x00660016, 0x00080008],
].filter((tag) => vrOf(tag) !== 'UN');
const sequenceTags = [0x00081140, 0x0040a730, 0x00101002, 0x00082112];

const evenBytes = fc
  .oneof(
    { weight: 9, arbitrary: fc.uint8Array({ maxLength: 40 }) },
    {
      weight: 1,
      arbitrary: fc.integer({ min: 16_000, max: 60_000 }).map((length) => new Uint8Array(length).fill(length)),
    },
  )
  .map((bytes) => Buffer.concat([bytes, Buffer.alloc((8 - (bytes.length % 8)) % 8)]));

const leaf = fc
  .tuple(fc.constantFrom(...leafTags), evenBytes)
  .map(([tag, bytes]): DataElement => ({ tag, vr: vrOf(tag), value: { kind: 'bytes', bytes } }));
const privateLeaf = fc
  .tuple(fc.constantFrom(0x00091001, 0x00291099), evenBytes)
  .map(([tag, bytes]): DataElement => ({ tag, vr: 'UN', value: { kind: 'bytes', bytes } }));

const { dataSet: tree } = fc.letrec<{ dataSet: DataSet; element: DataElement }>((tie) => ({
  dataSet: fc
    .uniqueArray(tie('element'), { selector: ({ tag }) => tag, maxLength: 8 })
    .map((elements) => ({ elements: elements.sort((a, b) => a.tag - b.tag) })),
  element: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    privateLeaf,
    fc
      .record({
        tag: fc.constantFrom(...sequenceTags),
        undefinedLength: fc.boolean(),
        items: fc.array(fc.record({ dataSet: tie('dataSet'), undefinedLength: fc.boolean() }), { maxLength: 3 }),
      })
      .map(
        ({ tag, items, undefinedLength }): DataElement => ({
          tag,
          vr: 'SQ',
          value: { kind: 'sequence', items, undefinedLength },
        }),
      ),
  ),
}));

const meta = { sopClassUid: '1.2.3', sopInstanceUid: '1.2.3.4' };
const write = (dataSet: DataSet, transferSyntaxUid: string): Buffer =>
  allBytes(
    encodePart10({ meta: { ...meta, transferSyntaxUid }, encoding: encodingOf(transferSyntaxUid), dataSet }).pieces,
  );
const read = (bytes: Buffer, maxValueInMemory?: number): DicomObject =>
  parsePart10(new CountingSource(bytes), maxValueInMemory === undefined ? {} : { maxValueInMemory });

/** The same tree, its values as hexadecimal text. */
function plain({ elements }: DataSet): unknown {
  return elements.map(({ tag, vr, value }) => {
    if (value.kind === 'bytes') return [tag, vr, hex(value.bytes)];
    if (value.kind === 'fragments') return [tag, vr, value.fragments.map(hex)];
    return [tag, vr, value.undefinedLength, value.items.map((item) => [item.undefinedLength, plain(item.dataSet)])];
  });
}
const hex = (bytes: Bytes) => bytesIn(bytes).toString('hex');

describe('trees of elements', () => {
  it('are read as they were written, and written as they were read', () => {
    fc.assert(
      fc.property(tree, fc.constantFrom(...syntaxes), fc.constantFrom(undefined, 16), (dataSet, syntax, inMemory) => {
        const bytes = write(dataSet, syntax);
        const object = read(bytes, inMemory);
        expect(object.meta).toEqual({ ...meta, transferSyntaxUid: syntax });
        expect(plain(object.dataSet)).toEqual(plain(dataSet));
        expect(allBytes(encodePart10(object).pieces).equals(bytes)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('have the same numbers and texts as Explicit VR Little Endian', () => {
    fc.assert(
      fc.property(tree, fc.constantFrom(...syntaxes), fc.constantFrom(undefined, 16), (dataSet, syntax, inMemory) => {
        const object = read(write(dataSet, syntax), inMemory);
        const before = plain(object.dataSet);
        const explicit = read(allBytes(encodePart10(toExplicitLittleEndian(object)).pieces));
        expect(explicit.encoding).toEqual({ explicitVr: true, littleEndian: true, deflated: false });
        expect(contents(explicit)).toEqual(contents(object));
        expect(plain(object.dataSet)).toEqual(before);
      }),
      { numRuns: 200 },
    );
  });
});

function contents(object: DicomObject): unknown[] {
  const found: unknown[] = [];
  walk(object.dataSet, object.encoding, (one, { path, encoding }) => {
    const at = [...path, one.tag];
    if (one.value.kind !== 'bytes') found.push([at, one.vr]);
    else if (wordSize(one.vr) > 1) found.push([at, one.vr, numberValues(one, encoding)]);
    else found.push([at, one.vr, hex(one.value.bytes)]);
    return undefined;
  });
  return found;
}
