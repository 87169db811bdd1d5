import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type DicomObject, element } from '../../../src/dicom/dataSet/dicomObject.ts';
import { texts, word } from '../../../src/dicom/pixels/attributes.ts';
import { type CompressSettings, compressStep } from '../../../src/process/steps/compress.ts';
import { realObjects } from '../../support/corpus.ts';
import { missingPackages } from '../../support/debianPackages.ts';
import {
  decodedPixels,
  fromBytes,
  greyPalette,
  type ImageSettings,
  imageObject,
  readObject,
  smoothPixels,
  stepContext,
  through,
  toBytes,
  word as wordElement,
} from '../../support/pixelObjects.ts';

const directory = mkdtempSync(join(tmpdir(), 'compress-'));
afterAll(() => rmSync(directory, { recursive: true }));

const syntaxes = { 'htj2k-lossless': '1.2.840.10008.1.2.4.201', 'jpeg-ls-lossless': '1.2.840.10008.1.2.4.80' };
const both = Object.keys(syntaxes) as Array<CompressSettings['transferSyntax']>;

async function compressed(object: DicomObject, settings: Partial<CompressSettings> = {}, context = stepContext()) {
  const step = compressStep({ transferSyntax: 'htj2k-lossless', recompress: false, ...settings });
  const outcome = await step.apply(object, context);
  if (outcome.kind !== 'pass') throw new Error('refused');
  return { object: outcome.object, detail: outcome.applied.detail, isSame: outcome.object === object };
}

const image = (settings: Partial<ImageSettings> = {}, columns = 64, rows = 48): DicomObject =>
  imageObject({ rows, columns, pixels: smoothPixels(columns, rows, settings), ...settings });

const kinds: Array<[string, Partial<ImageSettings>]> = [
  ['8 bits', { bitsAllocated: 8 }],
  ['MONOCHROME1', { bitsAllocated: 8, photometric: 'MONOCHROME1' }],
  ['10 of 16 bits', { bitsStored: 10 }],
  ['16 bits', {}],
  ['16 bits, signed', { signed: true }],
  ['12 of 16 bits, signed', { bitsStored: 12, signed: true }],
  ['RGB', { bitsAllocated: 8, samples: 3 }],
  ['RGB, planar', { bitsAllocated: 8, samples: 3, planar: true }],
  ['YBR_FULL', { bitsAllocated: 8, samples: 3, photometric: 'YBR_FULL' }],
  ['palette colour', { bitsAllocated: 8, photometric: 'PALETTE COLOR', more: greyPalette }],
  ['five frames', { bitsStored: 12, frames: 5 }],
  ['RGB, two frames', { bitsAllocated: 8, samples: 3, frames: 2 }],
];

describe.each(both)('%s', (transferSyntax) => {
  it.each(kinds)('%s: smaller, and the same pixels', async (_, settings) => {
    const object = image(settings);
    const result = await compressed(object, { transferSyntax });
    expect(result.object.meta.transferSyntaxUid, result.detail).toBe(syntaxes[transferSyntax]);
    const read = fromBytes(toBytes(result.object));
    expect((await decodedPixels(read)).equals(await decodedPixels(object))).toBe(true);
    expect(toBytes(result.object).length).toBeLessThan(toBytes(object).length);
    if ((settings.samples ?? 1) > 1) expect(word(read, 0x00280006)).toBe(0);
    const isTransformed = transferSyntax === 'htj2k-lossless' && settings.samples === 3 && !settings.photometric;
    const [before] = texts(object, 0x00280004);
    expect(texts(read, 0x00280004)).toEqual([isTransformed ? 'YBR_RCT' : before]);
    const value = element(read.dataSet, 0x7fe00010)?.value;
    expect(value?.kind === 'fragments' && value.fragments.length).toBe(1 + (settings.frames ?? 1));
    expect(value?.kind === 'fragments' && value.fragments[0]?.length).toBe(4 * (settings.frames ?? 1));
  });
});

describe('left as it was, with the reason', () => {
  const bigCells = { rows: 8, columns: 8, bitsAllocated: 32, pixels: Buffer.alloc(256) };
  const noise = Buffer.from(Array.from({ length: 64 * 48 * 2 }, (_, at) => (Math.imul(at, 2654435761) >>> 13) & 0xff));
  const overlay = smoothPixels(64, 48, { bitsStored: 12 });
  overlay.writeUInt16LE(overlay.readUInt16LE(100) | 0x8000, 100);
  it.each<[string, DicomObject, string]>([
    ['32 bits', imageObject(bigCells), '32 bits allocated'],
    ['single bits', imageObject({ ...bigCells, bitsAllocated: 1 }), '1 bits allocated'],
    ['an odd high bit', image({ bitsStored: 12, highBit: 15 }), 'high bit 15'],
    ['an overlay in unused bits', image({ bitsStored: 12, pixels: overlay }), 'bit for bit'],
    ['what would grow', image({ pixels: noise }), 'smaller'],
    ['bytes after the last frame', image({ pixels: Buffer.alloc(64 * 48 * 2 + 100) }), 'more than its frames'],
    ['colour of 16 bits', image({ samples: 3 }), 'colour of 16 bits'],
    ['broken pixel data', image({ pixels: Buffer.alloc(10) }), 'pixels.malformed'],
  ])('%s', async (_, object, reason) => {
    const { isSame, detail } = await compressed(object);
    expect(isSame).toBe(true);
    expect(detail).toContain(reason);
  });

  it('an overlay above signed values, which JPEG-LS would keep without a word', async () => {
    const settings = { bitsStored: 12, signed: true };
    const pixels = smoothPixels(64, 48, settings);
    pixels.writeUInt16LE(pixels.readUInt16LE(100) ^ 0x8000, 100);
    const { isSame } = await compressed(image({ ...settings, pixels }), { transferSyntax: 'jpeg-ls-lossless' });
    expect(isSame).toBe(true);
  });

  it('what takes more memory than it may', async () => {
    const { isSame, detail } = await compressed(image(), {}, stepContext(10_000));
    expect(isSame).toBe(true);
    expect(detail).toContain('pixels.too-large');
  });

  it('what was compressed, unless that is wanted and it is without loss', async () => {
    const once = (await compressed(image({ bitsStored: 12 }), { transferSyntax: 'jpeg-ls-lossless' })).object;
    expect((await compressed(once)).detail).toContain('compressed already');
    const settings = { transferSyntax: 'jpeg-ls-lossless', recompress: true } as const;
    expect((await compressed(once, settings)).detail).toContain('already');
  });

  it('a broken codestream that was to be recompressed', async () => {
    const once = (await compressed(image({ bitsStored: 12 }))).object;
    const value = element(once.dataSet, 0x7fe00010)?.value;
    if (value?.kind !== 'fragments' || !Buffer.isBuffer(value.fragments[1])) throw new Error('no fragments');
    value.fragments[1] = value.fragments[1].subarray(0, 1000);
    const { isSame, detail } = await compressed(once, { transferSyntax: 'jpeg-ls-lossless', recompress: true });
    expect(isSame).toBe(true);
    expect(detail).toContain('pixels.malformed');
  });
});

it('many frames go into the scratch file, and come back from it', async () => {
  const object = image({ frames: 12 }, 512, 512);
  const context = stepContext();
  const result = await compressed(object, { transferSyntax: 'jpeg-ls-lossless' }, context);
  expect(context.scratchSize()).toBeGreaterThan(1_000_000);
  expect((await decodedPixels(fromBytes(toBytes(result.object)))).equals(await decodedPixels(object))).toBe(true);
});

it('says nothing of a loss there was before', async () => {
  const lossy = wordElement(0x00282112, 1);
  const { object } = await compressed(image({ more: [lossy] }));
  expect(element(object.dataSet, 0x00282112)).toEqual(lossy);
});

const missing = missingPackages([
  { program: 'dcmdjpls', package: 'dcmtk' },
  { program: 'gdcmconv', package: 'libgdcm-tools' },
]);

describe.skipIf(missing)(`independent decoders ${missing ?? ''}`, () => {
  it.each(kinds)('DCMTK reads our JPEG-LS, GDCM our HTJ2K: %s', async (_, settings) => {
    const object = image(settings);
    const pixels = await decodedPixels(object);
    const jpegLs = (await compressed(object, { transferSyntax: 'jpeg-ls-lossless' })).object;
    expect((await decodedPixels(through(directory, jpegLs, 'dcmdjpls'))).equals(pixels)).toBe(true);
    const { object: htj2k } = await compressed(object);
    // GDCM's OpenJPEG decodes HTJ2K, but GDCM does not know the transfer syntax.
    const asJpeg2000 = { ...htj2k, meta: { ...htj2k.meta, transferSyntaxUid: '1.2.840.10008.1.2.4.90' } };
    expect((await decodedPixels(through(directory, asJpeg2000, 'gdcmconv', '--raw'))).equals(pixels)).toBe(true);
  });
});

const real = realObjects().flatMap(({ absolute, path }) => {
  try {
    return [{ path, object: readObject(absolute) }];
  } catch {
    return [];
  }
});

describe.skipIf(real.length === 0)(`real objects ${real.length === 0 ? '(skipped: no corpus)' : ''}`, () => {
  it.each(both)('%s: each passes, and its pixels stay what they were', { timeout: 120_000 }, async (transferSyntax) => {
    let smaller = 0;
    for (const { path, object } of real) {
      const { object: result, isSame } = await compressed(object, { transferSyntax, recompress: true });
      if (isSame) continue;
      smaller += 1;
      const read = fromBytes(toBytes(result));
      expect((await decodedPixels(read)).equals(await decodedPixels(object)), path).toBe(true);
    }
    expect(smaller).toBeGreaterThan(90);
  });
});
