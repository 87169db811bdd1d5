import { describe, expect, it } from 'vitest';
import { GatewayError } from '../../../src/base/errors.ts';
import { bytesIn, type DicomObject, element as find } from '../../../src/dicom/dataSet/dicomObject.ts';
import { encodeDataSet } from '../../../src/dicom/dataSet/encodePart10.ts';
import { SwappedSource } from '../../../src/dicom/dataSet/swappedSource.ts';
import { toExplicitLittleEndian } from '../../../src/dicom/dataSet/transcode.ts';
import { uid } from '../../../src/dicom/uids.ts';
import { closedSequence, dataSet, deflate, element, openSequence } from '../../support/dataSets.ts';
import { allBytes, CountingSource, parsed } from '../../support/objects.ts';

const encoded = ({ dataSet: made, encoding }: DicomObject) => allBytes(encodeDataSet(made, encoding));
const explicit = { explicitVr: true, littleEndian: true, deflated: false };
const numbers = (encoding: 'explicit' | 'big-endian', vr: string, ...values: number[]) => {
  const bytes = Buffer.alloc(values.length * 2);
  values.forEach((value, i) => {
    if (encoding === 'explicit') bytes.writeUInt16LE(value, i * 2);
    else bytes.writeUInt16BE(value, i * 2);
  });
  return element(encoding, vr === 'AT' ? 0x00280009 : 0x00280010, vr, bytes);
};

describe('toExplicitLittleEndian', () => {
  it('writes implicit data sets with their VRs, without group lengths', () => {
    const inner = (encoding: 'implicit' | 'explicit') => element(encoding, 0x00081155, 'UI', '1.2');
    const make = (encoding: 'implicit' | 'explicit') =>
      Buffer.concat([
        closedSequence(encoding, 0x00081140, [inner(encoding)]),
        openSequence(encoding, 0x00091001, [inner(encoding)]),
        element(encoding, 0x00091002, 'UN', 'ABCD'),
        element(encoding, 0x00100010, 'PN', 'A^B'),
      ]);
    const length = element('implicit', 0x00080000, 'UL', Buffer.from([9, 0, 0, 0]));
    const object = parsed(Buffer.concat([length, make('implicit')]), uid.implicitVrLittleEndian);
    const made = toExplicitLittleEndian(object);
    expect(made.encoding).toEqual(explicit);
    expect(made.meta.transferSyntaxUid).toBe(uid.explicitVrLittleEndian);
    expect(encoded(made)).toEqual(make('explicit'));
  });

  it('swaps big endian values by their VR, but not what is in UN', () => {
    const unknown = (encoding: 'explicit' | 'big-endian') =>
      openSequence(
        encoding,
        0x00091001,
        [element('implicit', 0x00280010, 'US', Buffer.from([1, 2]))],
        'UN',
        'implicit',
      );
    const make = (encoding: 'explicit' | 'big-endian') =>
      Buffer.concat([
        closedSequence(encoding, 0x00081140, [numbers(encoding, 'US', 258)]),
        unknown(encoding),
        element(encoding, 0x00091002, 'UN', 'ABCD'),
        numbers(encoding, 'AT', 0x0010, 0x0020),
        numbers(encoding, 'US', 1, 2),
        element(encoding, 0x00280011, 'OB', 'ABCD'),
      ]);
    const made = toExplicitLittleEndian(parsed(make('big-endian'), uid.explicitVrBigEndian));
    expect(encoded(made)).toEqual(make('explicit'));
  });

  it('swaps pixel data as they are read, from any place', () => {
    const pixels = Buffer.from(Array.from({ length: 1001 * 2 }, (_, i) => i & 0xff));
    const object = parsed(dataSet('big-endian', { pixels }), uid.explicitVrBigEndian);
    const value = find(toExplicitLittleEndian(object).dataSet, 0x7fe00010)?.value;
    if (value?.kind !== 'bytes' || Buffer.isBuffer(value.bytes)) throw new Error('no range');
    const { source } = value.bytes;
    const expected = Buffer.from(pixels).swap16();
    expect(bytesIn(value.bytes)).toEqual(expected);
    for (const [offset, length] of [
      [0, 1],
      [1, 1],
      [3, 7],
      [2001, 1],
      [1000, 1002],
      [5, 0],
    ] as const) {
      expect(source.read(offset, length)).toEqual(expected.subarray(offset, offset + length));
    }
    expect(() => source.read(2000, 3)).toThrow(RangeError);
  });

  it('leaves what is no whole word as it is', () => {
    const swapped = new SwappedSource(
      { source: new CountingSource(Buffer.from('xABCDEFGy')), offset: 1, length: 7 },
      4,
    );
    expect(swapped.read(0, 7).toString()).toBe('DCBAEFG');
    expect(swapped.read(6, 1).toString()).toBe('G');
  });

  it('gives back what is that already, and what is deflated without that', () => {
    const same = parsed(dataSet('explicit'));
    expect(toExplicitLittleEndian(same)).toBe(same);
    const jpeg = parsed(dataSet('explicit'), '1.2.840.10008.1.2.4.50');
    expect(toExplicitLittleEndian(jpeg)).toBe(jpeg);
    const made = toExplicitLittleEndian(parsed(deflate(dataSet('explicit')), uid.deflatedExplicitVrLittleEndian));
    expect(made.encoding).toEqual(explicit);
    expect(encoded(made)).toEqual(dataSet('explicit'));
    const jpip = toExplicitLittleEndian(parsed(deflate(dataSet('explicit')), '1.2.840.10008.1.2.4.95'));
    expect(jpip.meta.transferSyntaxUid).toBe('1.2.840.10008.1.2.4.94');
  });

  it('refuses the syntax whose pixel data have a byte order of their own', () => {
    const object = parsed(dataSet('implicit'), '1.2.840.113619.5.2');
    expect(object.encoding.explicitVr).toBe(false);
    expect(() => toExplicitLittleEndian(object)).toThrow(GatewayError);
  });
});
