import { describe, expect, it } from 'vitest';
import type { Bytes, DataElement } from '../../../src/dicom/dataSet/dicomObject.ts';
import { unpacked } from '../../../src/dicom/pixels/codecs/native.ts';
import { framesOf } from '../../../src/dicom/pixels/frames.ts';
import { pixelDescription } from '../../../src/dicom/pixels/pixelDescription.ts';
import { pixelError } from '../../../src/dicom/pixels/pixelErrors.ts';
import {
  decodedPixels,
  fromBytes,
  type ImageSettings,
  imageObject,
  text,
  toBytes,
  word,
} from '../../support/pixelObjects.ts';

const rle = '1.2.840.10008.1.2.5';
const jpegLs = '1.2.840.10008.1.2.4.80';

function read(fragments: Bytes[], frames: number, transferSyntaxUid: string, more: DataElement[] = []): string[] {
  const pixels = { kind: 'fragments', fragments } as const;
  const object = imageObject({ rows: 2, columns: 2, bitsAllocated: 8, frames, transferSyntaxUid, pixels, more });
  const description = pixelDescription(object);
  if (!description) throw new Error('no image');
  const found = framesOf(object, description);
  return Array.from({ length: found.count }, (_, index) => found.read(index, 1000).toString('latin1'));
}

const bytes = (...contents: string[]) => contents.map((content) => Buffer.from(content, 'latin1'));
const table = (...offsets: number[]) => {
  const buffer = Buffer.alloc(4 * offsets.length);
  for (const [index, offset] of offsets.entries()) buffer.writeUInt32LE(offset, 4 * index);
  return buffer;
};
const start = '\xff\xd8';

describe('fragments of a frame', () => {
  it('are all of them, when there is one frame', () => {
    expect(read([table(), ...bytes('ab', 'cd')], 1, rle)).toEqual(['abcd']);
  });

  it('are one each, when there are as many', () => {
    expect(read([table(), ...bytes('ab', 'cd')], 2, rle)).toEqual(['ab', 'cd']);
  });

  it('are told by the basic offset table', () => {
    expect(read([table(0, 20), ...bytes('ab', 'cd', 'ef')], 2, rle)).toEqual(['abcd', 'ef']);
  });

  it('are told by the extended offset table', () => {
    const offsets = Buffer.alloc(16);
    offsets.writeBigUInt64LE(10n, 8);
    const extended: DataElement = { tag: 0x7fe00001, vr: 'OV', value: { kind: 'bytes', bytes: offsets } };
    expect(read([table(), ...bytes('ab', 'cd', 'ef')], 2, rle, [extended])).toEqual(['ab', 'cdef']);
  });

  it('are told by how codestreams begin, also where a table is wrong', () => {
    const fragments = bytes(`${start}ab`, 'cd', `${start}ef`);
    const expected = [`${start}abcd`, `${start}ef`];
    expect(read([table(), ...fragments], 2, jpegLs)).toEqual(expected);
    expect(read([table(0, 7), ...fragments], 2, jpegLs)).toEqual(expected);
  });

  it.each([
    ['fewer than frames', [table(), ...bytes('ab')], 2, rle],
    ['without a table, of RLE', [table(), ...bytes('ab', 'cd', 'ef')], 2, rle],
    ['of two frames, where one is said', [table(), ...bytes(`${start}ab`, `${start}cd`)], 1, jpegLs],
  ])('%s: refused', (_, fragments, frames, syntax) => {
    expect(() => read(fragments, frames, syntax)).toThrow(expect.objectContaining({ code: 'pixels.malformed' }));
  });

  it('longer than the limit are not read', () => {
    expect(() => read([table(), Buffer.alloc(2000)], 1, rle)).toThrow(
      expect.objectContaining({ code: pixelError('pixels.too-large', '').code }),
    );
  });
});

describe('native frames', () => {
  it('of single bits may begin within a byte', async () => {
    const bits = [1, 0, 1, 1, 0, 0, 0, 1, 0, 1, 1, 1, 0, 1, 0];
    const pixels = Buffer.alloc(2);
    for (const [at, bit] of bits.entries()) pixels[at >> 3] = (pixels[at >> 3] ?? 0) | (bit << (at & 7));
    const object = imageObject({ rows: 1, columns: 5, frames: 3, bitsAllocated: 1, pixels });
    expect([...(await decodedPixels(object))]).toEqual(bits);
    expect([...unpacked(pixels, 15)]).toEqual(bits);
  });

  const settings: ImageSettings = { rows: 2, columns: 3, bitsAllocated: 8, samples: 3, pixels: Buffer.alloc(18) };

  it.each([
    ['too few bytes', { pixels: Buffer.alloc(16) }, 'pixels.malformed'],
    ['too many frames', { frames: 2 ** 30 }, 'pixels.malformed'],
    ['no rows', { rows: 0 }, 'pixels.malformed'],
    ['more bits stored than allocated', { bitsStored: 9 }, 'pixels.malformed'],
    ['a high bit below the bits', { highBit: 3 }, 'pixels.malformed'],
    ['12 bits allocated', { bitsAllocated: 12 }, 'pixels.unsupported'],
    ['five samples', { samples: 5 }, 'pixels.unsupported'],
    ['an unknown transfer syntax', { transferSyntaxUid: '1.2.3' }, 'pixels.unsupported'],
    ['fragments where there are none', { pixels: { kind: 'fragments', fragments: [] } }, 'pixels.malformed'],
  ] as const)('%s', (_, change, code) => {
    expect(() => pixelDescription(imageObject({ ...settings, ...(change as Partial<ImageSettings>) }))).toThrow(
      expect.objectContaining({ code }),
    );
  });

  it('a description never repeats what else stands in the data set', () => {
    const object = imageObject({
      ...settings,
      photometric: 'DOE^JANE',
      more: [word(0x00281052, 1), text(0x00281054, 'LO', 'HU')],
    });
    expect(pixelDescription(fromBytes(toBytes(object)))?.photometric).toBe('unknown');
  });
});
