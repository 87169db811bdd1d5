import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type DicomObject, element } from '../../../src/dicom/dataSet/dicomObject.ts';
import { texts } from '../../../src/dicom/pixels/attributes.ts';
import type { Region } from '../../../src/dicom/pixels/blank.ts';
import { blankRegions } from '../../../src/dicom/pixels/blankRegions.ts';
import { pixelDescription } from '../../../src/dicom/pixels/pixelDescription.ts';
import { isPixelError } from '../../../src/dicom/pixels/pixelErrors.ts';
import { compressStep } from '../../../src/process/steps/compress.ts';
import { realObjects } from '../../support/corpus.ts';
import { missingPackages } from '../../support/debianPackages.ts';
import {
  decodedPixels,
  fromBytes,
  type ImageSettings,
  imageObject,
  readObject,
  smoothPixels,
  stepContext,
  text,
  through,
  toBytes,
} from '../../support/pixelObjects.ts';

const directory = mkdtempSync(join(tmpdir(), 'blank-'));
afterAll(() => rmSync(directory, { recursive: true }));

const [columns, rows] = [30, 20];
const regions: Region[] = [
  { x: 3, y: 2, width: 7, height: 4 },
  { x: 25, y: 18, width: 100, height: 100 },
];
const isInside = (x: number, y: number) =>
  regions.some((one) => x >= one.x && y >= one.y && x < one.x + one.width && y < one.y + one.height);

const image = (settings: Partial<ImageSettings> = {}) =>
  imageObject({ rows, columns, pixels: smoothPixels(columns, rows, settings), ...settings });

/** The samples within the regions are `blank`, all others as before. */
async function expectBlanked(before: DicomObject, after: DicomObject, blankOf = (_sample: number) => 0) {
  const [old, now] = [await decodedPixels(before), await decodedPixels(fromBytes(toBytes(after)))];
  const description = pixelDescription(before);
  if (!description) throw new Error('no image');
  const { samples, bitsAllocated, rows: height, columns: width } = description;
  const size = Math.max(1, bitsAllocated / 8);
  expect(now.length).toBe(old.length);
  let wrong = 0;
  for (let at = 0; at < now.length; at++) {
    const cell = Math.floor(at / size);
    const pixel = Math.floor(cell / samples);
    const inside = isInside(pixel % width, Math.floor(pixel / width) % height);
    const expected = inside ? blankOf(cell % samples) : (old[at] ?? 0);
    if (now[at] !== expected) wrong += 1;
  }
  expect(wrong).toBe(0);
}

describe('native', () => {
  it.each<[string, Partial<ImageSettings>]>([
    ['16 bits', {}],
    ['signed', { signed: true }],
    ['three frames', { frames: 3 }],
    ['RGB', { bitsAllocated: 8, samples: 3 }],
    ['RGB, planar, two frames', { bitsAllocated: 8, samples: 3, planar: true, frames: 2 }],
  ])('%s: nothing else changes', async (_, settings) => {
    const object = image(settings);
    const after = await blankRegions(object, regions, stepContext());
    expect(after.meta).toEqual(object.meta);
    await expectBlanked(object, after);
    const others = (one: DicomObject) => one.dataSet.elements.filter(({ tag }) => tag !== 0x7fe00010);
    expect(others(after)).toEqual(others(object));
    expect((await decodedPixels(object)).equals(await decodedPixels(image(settings))), 'the object given').toBe(true);
  });

  it('YBR becomes black, not green', async () => {
    const object = image({ bitsAllocated: 8, samples: 3, photometric: 'YBR_FULL' });
    const after = await blankRegions(object, regions, stepContext());
    await expectBlanked(object, after, (sample) => (sample === 0 ? 0 : 128));
  });

  it('single bits, in frames that begin within a byte', async () => {
    const pixels = Buffer.alloc(Math.ceil((25 * 19 * 3) / 8), 0xff);
    const object = imageObject({ rows: 19, columns: 25, frames: 3, bitsAllocated: 1, pixels });
    await expectBlanked(object, await blankRegions(object, regions.slice(0, 1), stepContext()));
  });

  it('subsampled colour takes the chrominance of touched pairs with it', async () => {
    const pixels = Buffer.alloc(rows * columns * 2, 77);
    const object = imageObject({ rows, columns, samples: 3, bitsAllocated: 8, photometric: 'YBR_FULL_422', pixels });
    const now = await decodedPixels(await blankRegions(object, [{ x: 1, y: 0, width: 1, height: 1 }], stepContext()));
    expect([...now.subarray(0, 9)]).toEqual([77, 128, 128, 0, 128, 128, 77, 77, 77]);
  });

  it('frames beyond a few MiB go into the scratch file', async () => {
    const settings = { frames: 12, rows: 512, columns: 512 };
    const object = imageObject({ ...settings, pixels: smoothPixels(512, 512, settings) });
    const context = stepContext();
    const after = await blankRegions(object, regions, context);
    expect(context.scratchSize()).toBe(12 * 512 * 512 * 2);
    await expectBlanked(object, after);
  });
});

const missing = missingPackages([{ program: 'dcmcjpeg', package: 'dcmtk' }]);

describe.skipIf(missing)(`compressed ${missing ?? ''}`, () => {
  const kinds: Array<[string, string, string[], string]> = [
    ['RLE', 'dcmcrle', [], '1.2.840.10008.1.2.5'],
    ['JPEG-LS', 'dcmcjpls', [], '1.2.840.10008.1.2.4.80'],
    ['JPEG lossless', 'dcmcjpeg', ['+e1'], '1.2.840.10008.1.2.4.201'],
  ];
  it.each(kinds)('%s stays without loss', async (_, program, options, syntax) => {
    for (const settings of [{ bitsStored: 12 }, { bitsAllocated: 8, samples: 3 }, { bitsStored: 12, frames: 3 }]) {
      const object = through(directory, image(settings), program, ...options);
      const after = await blankRegions(object, regions, stepContext());
      expect(after.meta.transferSyntaxUid).toBe(syntax);
      await expectBlanked(object, after);
    }
  });

  it('JPEG with loss becomes HTJ2K, and says what it was', async () => {
    const object = through(directory, image({ bitsAllocated: 8, samples: 3 }), 'dcmcjpeg', '+eb');
    const after = await blankRegions(object, regions, stepContext());
    expect(after.meta.transferSyntaxUid).toBe('1.2.840.10008.1.2.4.201');
    expect(texts(after, 0x00280004)).toEqual(['YBR_RCT']);
    expect(element(after.dataSet, 0x00282110)).toEqual(element(object.dataSet, 0x00282110));
    expect(texts(after, 0x00282110)).toEqual(['01']);
    await expectBlanked(object, after);
  });

  it('what HTJ2K does not take becomes native', async () => {
    const rgb = { bitsAllocated: 16, samples: 3 };
    const object = through(directory, image(rgb), 'dcmcjpeg', '+e1');
    const after = await blankRegions(object, regions, stepContext());
    expect(after.meta.transferSyntaxUid).toBe('1.2.840.10008.1.2.1');
    await expectBlanked(object, after);
  });

  it('HTJ2K stays HTJ2K', async () => {
    const object = image({ bitsStored: 12 });
    const outcome = await compressStep({ transferSyntax: 'htj2k-lossless', recompress: false }).apply(
      object,
      stepContext(),
    );
    if (outcome.kind !== 'pass') throw new Error('refused');
    const after = await blankRegions(outcome.object, regions, stepContext());
    expect(after.meta.transferSyntaxUid).toBe('1.2.840.10008.1.2.4.201');
    await expectBlanked(object, after);
  });
});

describe('refused', () => {
  const object = image();
  const floats = text(0x7fe00008, 'OF', 'float');
  const withoutFrames = {
    dataSet: { elements: image({ frames: 2 }).dataSet.elements.filter(({ tag }) => tag !== 0x00280008) },
  };
  it.each<[string, DicomObject, Region[], number]>([
    ['no image', imageObject({ rows, columns, pixels: Buffer.alloc(0) }), regions, 2 ** 30],
    ['a region without a place', object, [{ x: Number.NaN, y: 0, width: 1, height: 1 }], 2 ** 30],
    ['frames beyond the limit', object, regions, 100],
    ['a region beside the image', object, [...regions, { x: columns, y: 0, width: 9, height: 9 }], 2 ** 30],
    ['a region of no size', object, [{ x: 0, y: 0, width: 0, height: 9 }], 2 ** 30],
    [
      'more bytes than the header accounts for',
      image({ pixels: Buffer.alloc(2 * rows * columns + 2) }),
      regions,
      2 ** 30,
    ],
    ['frames that the header does not count', { ...image({ frames: 2 }), ...withoutFrames }, regions, 2 ** 30],
    ['two kinds of pixels', image({ more: [floats] }), regions, 2 ** 30],
    ['pixels twice', image({ more: [text(0x7fe00010, 'OW', 'again')] }), regions, 2 ** 30],
    ['an unknown codec', image({ transferSyntaxUid: '1.2.840.10008.1.2.4.111' }), regions, 2 ** 30],
  ])('%s', async (_, given, where, memoryLimit) => {
    await expect(blankRegions(given, where, stepContext(memoryLimit))).rejects.toSatisfy(isPixelError);
  });
});

const real = realObjects().filter(({ size }) => size < 200_000);

describe.skipIf(real.length === 0)('real objects', () => {
  it('are blanked or refused, and stay as they were elsewhere', { timeout: 60_000 }, async () => {
    let blanked = 0;
    for (const { absolute, path } of real) {
      let object: DicomObject;
      try {
        object = readObject(absolute);
        if (!pixelDescription(object)) continue;
      } catch {
        continue;
      }
      try {
        const after = await blankRegions(object, regions, stepContext());
        const { photometric = '', subsampled } = pixelDescription(object) ?? {};
        // Compared above: chrominance of pairs, and what a codec turns into RGB.
        if (!subsampled && !photometric.startsWith('YBR')) await expectBlanked(object, after);
        blanked += 1;
      } catch (error) {
        expect(isPixelError(error), `${path}: ${error}`).toBe(true);
      }
    }
    expect(blanked).toBeGreaterThan(80);
  });
});
