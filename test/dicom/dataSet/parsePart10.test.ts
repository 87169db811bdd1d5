import { describe, expect, it } from 'vitest';
import { GatewayError } from '../../../src/base/errors.ts';
import {
  bytesIn,
  type DataElement,
  type DicomObject,
  element as find,
} from '../../../src/dicom/dataSet/dicomObject.ts';
import { encodeDataSet, encodePart10 } from '../../../src/dicom/dataSet/encodePart10.ts';
import { parsePart10 } from '../../../src/dicom/dataSet/parsePart10.ts';
import { uid } from '../../../src/dicom/uids.ts';
import {
  closedSequence,
  dataSet,
  deflate,
  element,
  header,
  identity,
  openSequence,
  transferSyntaxOf,
  undefinedLength,
} from '../../support/dataSets.ts';
import { allBytes, CountingSource, parsed, part10 } from '../../support/objects.ts';

const jpeg = '1.2.840.10008.1.2.4.50';
const text = (object: { elements: DataElement[] } | undefined, tag: number): string | undefined => {
  const value = object && find(object, tag)?.value;
  return value?.kind === 'bytes' ? bytesIn(value.bytes).toString('latin1') : undefined;
};
const items = (object: DicomObject, tag: number) => {
  const value = find(object.dataSet, tag)?.value;
  if (value?.kind !== 'sequence') throw new Error('no sequence');
  return value.items.map((item) => item.dataSet);
};
const codeOf = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    if (error instanceof GatewayError) return error.code;
    throw error;
  }
  return 'none';
};

describe.each(['implicit', 'explicit', 'big-endian'] as const)('%s', (encoding) => {
  const transferSyntaxUid = transferSyntaxOf[encoding];

  it('gives elements in order with their VR, and comes out as it went in', () => {
    const inner = element(encoding, 0x00081155, 'UI', '1.2.3');
    const bytes = dataSet(encoding, {
      extra: [
        openSequence(encoding, 0x00101002, [inner]),
        closedSequence(encoding, 0x00101100, [inner, Buffer.alloc(0)]),
      ],
    });
    const object = parsed(bytes, transferSyntaxUid);
    expect(object.meta).toEqual({
      sopClassUid: identity.sopClassUid,
      sopInstanceUid: identity.sopInstanceUid,
      transferSyntaxUid,
    });
    expect(object.dataSet.elements.map(({ vr }) => vr).join(' ')).toBe('UI UI CS LO SQ SQ UI UI US OW');
    expect(text(object.dataSet, 0x00080060)).toBe('OT');
    expect(items(object, 0x00101002).map((item) => text(item, 0x00081155))).toEqual(['1.2.3\0']);
    expect(items(object, 0x00101100)).toHaveLength(2);
    expect(allBytes(encodeDataSet(object.dataSet, object.encoding))).toEqual(bytes);
  });

  it('names a length that is not there', () => {
    const cut = element(encoding, 0x0020000d, 'UI', '1.2.3.4').subarray(0, -2);
    expect(() => parsed(cut, transferSyntaxUid)).toThrow('(0020,000d)');
    expect(codeOf(() => parsed(cut, transferSyntaxUid))).toBe('dataset.truncated');
  });
});

describe('bulk', () => {
  const pixels = Buffer.alloc(3_000_000, 7);

  it('stays in the source, and the object has three pieces', () => {
    const long = element('explicit', 0x00420011, 'OB', Buffer.alloc(100_000));
    const trailing = element('explicit', 0xfffcfffc, 'OB', Buffer.alloc(10));
    const bytes = Buffer.concat([long, dataSet('explicit', { pixels }), trailing]);
    const source = new CountingSource(part10(bytes));
    const object = parsePart10(source);
    expect(source.bytesRead).toBeLessThan(400_000);
    const value = find(object.dataSet, 0x7fe00010)?.value;
    const range = value?.kind === 'bytes' && !Buffer.isBuffer(value.bytes) ? value.bytes : undefined;
    expect(range?.source === source && range.length).toBe(pixels.length);
    const { pieces, size } = encodePart10(object);
    expect(pieces.filter((piece) => !Buffer.isBuffer(piece))).toHaveLength(2);
    expect(pieces.length).toBeLessThanOrEqual(7);
    expect(size).toBe(source.size);
    expect(allBytes(pieces).equals(source.bytes)).toBe(true);
  });

  it('is a range of fragments when it is encapsulated, read by its headers alone', () => {
    const fragment = (length: number) =>
      Buffer.concat([header('explicit', 0xfffee000, '', length), Buffer.alloc(length, 1)]);
    const bytes = Buffer.concat([
      element('explicit', 0x00080060, 'CS', 'OT'),
      header('explicit', 0x7fe00010, 'OB', undefinedLength),
      ...[0, ...Array.from({ length: 50 }, () => 50_000)].map(fragment),
      header('explicit', 0xfffee0dd, '', 0),
    ]);
    const source = new CountingSource(part10(bytes, jpeg));
    const object = parsePart10(source);
    expect(source.bytesRead).toBeLessThan(400_000);
    const value = find(object.dataSet, 0x7fe00010)?.value;
    expect(value?.kind === 'fragments' && value.fragments.map(({ length }) => length)).toHaveLength(51);
    const { pieces } = encodePart10(object);
    expect(pieces.map((piece) => Buffer.isBuffer(piece))).toEqual([true, true, false, true]);
    expect(allBytes(pieces).equals(source.bytes)).toBe(true);
  });

  it('is padded when fragments that somebody made are odd', () => {
    const object = parsed(Buffer.alloc(0), jpeg);
    object.dataSet.elements.push({
      tag: 0x7fe00010,
      vr: 'OB',
      value: { kind: 'fragments', fragments: [Buffer.alloc(0), Buffer.from([1, 2, 3])] },
    });
    const again = parsePart10(new CountingSource(allBytes(encodePart10(object).pieces)));
    const value = find(again.dataSet, 0x7fe00010)?.value;
    expect(value?.kind === 'fragments' && value.fragments.map(bytesIn)).toEqual([
      Buffer.alloc(0),
      Buffer.from([1, 2, 3, 0]),
    ]);
  });
});

describe('UN (PS3.5 6.2.2)', () => {
  const inner = element('implicit', 0x00081155, 'UI', '1.2.3');

  it.each(['explicit', 'big-endian'] as const)(
    'of undefined length holds Implicit VR Little Endian in %s',
    (encoding) => {
      const bytes = openSequence(encoding, 0x00091001, [inner], 'UN', 'implicit');
      const object = parsed(bytes, transferSyntaxOf[encoding]);
      expect(find(object.dataSet, 0x00091001)?.vr).toBe('UN');
      expect(text(items(object, 0x00091001)[0], 0x00081155)).toBe('1.2.3\0');
      expect(allBytes(encodeDataSet(object.dataSet, object.encoding))).toEqual(bytes);
    },
  );

  it('of a sequence of the standard is read as that sequence, its lengths told as they were', () => {
    const content = closedSequence('implicit', 0x00081140, [inner]).subarray(8);
    const bytes = element('explicit', 0x00081140, 'UN', content);
    const object = parsed(bytes);
    expect(text(items(object, 0x00081140)[0], 0x00081155)).toBe('1.2.3\0');
    expect(allBytes(encodeDataSet(object.dataSet, object.encoding))).toEqual(bytes);
  });

  it('of a sequence of the standard stays bytes when it holds something else', () => {
    const bytes = Buffer.concat([
      element('explicit', 0x00081140, 'UN', 'no sequence at all'),
      element('explicit', 0x00080060, 'CS', 'OT'),
    ]);
    const object = parsed(bytes);
    expect(text(object.dataSet, 0x00081140)).toBe('no sequence at all');
    expect(text(object.dataSet, 0x00080060)).toBe('OT');
  });

  it('is a sequence in Implicit VR when its length is not told', () => {
    const object = parsed(openSequence('implicit', 0x00091001, [inner]), uid.implicitVrLittleEndian);
    expect(find(object.dataSet, 0x00091001)?.vr).toBe('SQ');
  });
});

describe('VRs that are none', () => {
  it('have 16 bits of length when they are no letters, 32 when they may be VRs to come', () => {
    const odd = Buffer.concat([header('explicit', 0x00080060, '??', 2), Buffer.from('OT')]);
    const future = Buffer.concat([
      Buffer.from('0800700058590000', 'hex'),
      Buffer.from([4, 0, 0, 0]),
      Buffer.from('ABCD'),
    ]);
    const bytes = Buffer.concat([odd, future]);
    const object = parsed(bytes);
    expect(object.dataSet.elements.map(({ vr }) => vr)).toEqual(['??', 'XY']);
    expect(allBytes(encodeDataSet(object.dataSet, object.encoding))).toEqual(bytes);
  });

  it('depend on Pixel Representation in Implicit VR', () => {
    const value = Buffer.from([0xff, 0xff]);
    const padding = element('implicit', 0x00280120, 'US', value);
    const signed = (representation: number) => element('implicit', 0x00280103, 'US', Buffer.from([representation, 0]));
    const vrOfPadding = (bytes: Buffer) => find(parsed(bytes, uid.implicitVrLittleEndian).dataSet, 0x00280120)?.vr;
    expect(vrOfPadding(padding)).toBe('US');
    expect(vrOfPadding(Buffer.concat([signed(0), padding]))).toBe('US');
    expect(vrOfPadding(Buffer.concat([signed(1), padding]))).toBe('SS');
  });

  it('become UN when a value is too long for 16 bits', () => {
    const object = parsed(element('implicit', 0x00081030, 'LO', 'x'.repeat(70_000)), uid.implicitVrLittleEndian);
    const bytes = allBytes(encodeDataSet(object.dataSet, { explicitVr: true, littleEndian: true }));
    expect(bytes.subarray(0, 12).toString('latin1')).toBe('\b\0\x30\x10UN\0\0\x70\x11\x01\0');
  });
});

describe('deflated (PS3.5 A.5)', () => {
  const deflated = uid.deflatedExplicitVrLittleEndian;

  it('is inflated, and deflated again', () => {
    const bytes = dataSet('explicit');
    const object = parsed(deflate(bytes), deflated);
    expect(text(object.dataSet, 0x00100020)).toBe('PAT007');
    const again = parsePart10(new CountingSource(allBytes(encodePart10(object).pieces)));
    expect(allBytes(encodeDataSet(again.dataSet, again.encoding))).toEqual(bytes);
    expect(encodePart10(object).size % 2).toBe(0);
  });

  it('is bounded', () => {
    const bomb = deflate(element('explicit', 0x7fe00010, 'OB', Buffer.alloc(20_000_000)));
    expect(bomb.length).toBeLessThan(50_000);
    expect(codeOf(() => parsed(bomb, deflated, { maxBytesInMemory: 1_000_000 }))).toBe('dataset.too-large');
    expect(codeOf(() => parsed(bomb, deflated, { maxBytesInMemory: 10_000 }))).toBe('dataset.too-large');
  });

  it('that cannot be inflated is named', () => {
    expect(codeOf(() => parsed(Buffer.from('this is not deflated'), deflated))).toBe('dataset.deflate');
  });
});

describe('what is not right', () => {
  const nested = (depth: number): Buffer =>
    depth === 0 ? Buffer.alloc(0) : openSequence('explicit', 0x00081140, [nested(depth - 1)]);

  it.each<[string, string, () => Buffer]>([
    ['dataset.too-deep', 'nested deeper', () => nested(65)],
    ['none', '64 levels', () => nested(64)],
    ['dataset.duplicate-element', 'the same element behind itself', () => twice([0x00080060, 0x00080060])],
    ['dataset.duplicate-element', 'the same element out of order', () => twice([0x00080060, 0x00080018, 0x00080060])],
    ['none', 'elements out of order', () => twice([0x00080060, 0x00080018])],
    ['dataset.malformed', 'a delimiter between elements', () => header('explicit', 0xfffee00d, '', 0)],
    ['dataset.malformed', 'a text without length', () => header('explicit', 0x00081030, 'UT', undefinedLength)],
    ['dataset.malformed', 'a sequence without end', () => nested(1).subarray(0, -8)],
    ['dataset.malformed', 'an item without end', () => nested(1).subarray(0, -16)],
    ['dataset.malformed', 'no item in a sequence', () => element('explicit', 0x00081140, 'SQ', dataSet('explicit'))],
    [
      'dataset.malformed',
      'an item longer than its sequence',
      () =>
        Buffer.concat([
          element('explicit', 0x00081140, 'SQ', header('explicit', 0xfffee000, '', 4)),
          dataSet('explicit'),
        ]),
    ],
    ['dataset.truncated', 'half a header', () => Buffer.concat([dataSet('explicit'), Buffer.from([1, 2, 3])])],
    ['none', 'a few zeros at the end', () => Buffer.concat([dataSet('explicit'), Buffer.alloc(3)])],
    ['dataset.malformed', 'fragments without end', () => header('explicit', 0x7fe00010, 'OB', undefinedLength)],
  ])('%s: %s', (code, _, bytes) => {
    expect(codeOf(() => parsed(bytes()))).toBe(code);
  });

  function twice(tags: number[]): Buffer {
    return Buffer.concat(tags.map((tag) => element('explicit', tag, 'CS', 'OT')));
  }

  it('is never quoted', () => {
    const secret = element('explicit', 0x00100010, 'PN', 'Secret^Name');
    const broken = Buffer.concat([secret, element('explicit', 0x00100010, 'PN', 'Secret^Name')]);
    expect(() => parsed(broken)).toThrow(/^(?!.*Secret)/);
  });

  it('has limits for elements, items and bytes', () => {
    const many = Buffer.concat(Array.from({ length: 50 }, (_, i) => element('explicit', 0x00090010 + i, 'LO', '')));
    expect(codeOf(() => parsed(many, undefined, { maxElements: 49 }))).toBe('dataset.too-many');
    const inItems = openSequence(
      'explicit',
      0x00081140,
      Array.from({ length: 50 }, () => Buffer.alloc(0)),
    );
    expect(codeOf(() => parsed(inItems, undefined, { maxItems: 49 }))).toBe('dataset.too-many');
    const values = Buffer.concat(
      Array.from({ length: 50 }, (_, i) => element('explicit', 0x00091001 + i, 'OB', Buffer.alloc(60_000))),
    );
    expect(codeOf(() => parsed(values, undefined, { maxBytesInMemory: 1_000_000 }))).toBe('dataset.too-large');
    expect(codeOf(() => parsed(values))).toBe('none');
  });
});

describe('file meta information', () => {
  it('is not what a sender puts first into its data set', () => {
    const inDataSet = element('explicit', 0x00020010, 'UI', uid.implicitVrLittleEndian);
    const bytes = Buffer.concat([inDataSet, dataSet('explicit')]);
    expect(() => parsed(bytes)).toThrow('(0002,0010) stands at offset');
    expect(codeOf(() => parsed(bytes))).toBe('dataset.malformed');
  });

  it('is understood when its group length is wrong', () => {
    const file = part10(dataSet('explicit'));
    file.writeUInt32LE(file.readUInt32LE(140) + 2, 140);
    expect(parsePart10(new CountingSource(file)).meta.transferSyntaxUid).toBe(uid.explicitVrLittleEndian);
  });
});

describe('without file meta information', () => {
  it.each(['implicit', 'explicit', 'big-endian'] as const)('%s is recognised by its first element', (encoding) => {
    for (const before of [Buffer.alloc(0), Buffer.concat([Buffer.alloc(128), Buffer.from('DICM')])]) {
      const object = parsePart10(new CountingSource(Buffer.concat([before, dataSet(encoding)])));
      expect(object.meta).toEqual({
        sopClassUid: identity.sopClassUid,
        sopInstanceUid: identity.sopInstanceUid,
        transferSyntaxUid: transferSyntaxOf[encoding],
      });
    }
  });

  it.each(['', 'short', 'This is a text and no DICOM object at all.', '\x89PNG\r\n\x1a\n\0\0\0\rIHDR'])(
    '%j is no DICOM',
    (bytes) => {
      expect(codeOf(() => parsePart10(new CountingSource(Buffer.from(bytes, 'latin1'))))).toBe('dataset.not-dicom');
    },
  );
});
