import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decode } from 'fast-png';
import { afterAll, describe, expect, it } from 'vitest';
import type { DataElement, DicomObject } from '../../../src/dicom/dataSet/dicomObject.ts';
import { decodeJpeg } from '../../../src/dicom/pixels/codecs/jpeg.ts';
import { voiOf } from '../../../src/dicom/pixels/voi.ts';
import { type PreviewSettings, previewStep } from '../../../src/process/steps/preview.ts';
import { realObjects } from '../../support/corpus.ts';
import { missingPackages } from '../../support/debianPackages.ts';
import {
  greyPalette,
  type ImageSettings,
  imageObject,
  readObject,
  stepContext,
  text,
  word,
} from '../../support/pixelObjects.ts';

async function previews(object: DicomObject, settings: Partial<PreviewSettings> = {}) {
  const step = previewStep({ format: 'png', maxEdge: 100_000, frames: 'first', ...settings });
  const outcome = await step.apply(object, stepContext());
  if (outcome.kind !== 'pass') throw new Error('refused');
  expect(outcome.object).toBe(object);
  return { files: outcome.files ?? [], detail: outcome.applied.detail };
}

async function picture(object: DicomObject, settings: Partial<PreviewSettings> = {}) {
  const { files, detail } = await previews(object, settings);
  if (!files[0]) throw new Error(detail);
  const { width, height, channels, data } = decode(files[0].bytes);
  return { width, height, channels, data: [...data] };
}

const row = (values: number[], settings: Partial<ImageSettings> = {}): DicomObject => {
  const size = (settings.bitsAllocated ?? 16) / 8;
  const pixels = Buffer.alloc(values.length * size);
  for (const [at, value] of values.entries()) {
    if (size === 1) pixels[at] = value & 0xff;
    else pixels.writeUInt16LE(value & 0xffff, 2 * at);
  }
  return imageObject({ rows: 1, columns: values.length, pixels, ...settings });
};
const grey = async (values: number[], settings: Partial<ImageSettings> = {}) =>
  (await picture(row(values, settings))).data;

const decimal = (tag: number, value: string): DataElement => text(tag, 'DS', value);
const windowed = (centre: string, width: string) => [decimal(0x00281050, centre), decimal(0x00281051, width)];
const sequence = (tag: number, ...elements: DataElement[]): DataElement => ({
  tag,
  vr: 'SQ',
  value: { kind: 'sequence', undefinedLength: false, items: [{ dataSet: { elements }, undefinedLength: false }] },
});

describe('shades of grey', () => {
  it('LINEAR, with the example of the standard: c 40, w 400', async () => {
    const more = [...windowed('40', '400'), decimal(0x00281052, '-1024'), decimal(0x00281053, '1')];
    expect(
      await grey(
        [-160, -159, 40, 239, 240].map((value) => value + 1024),
        { more },
      ),
    ).toEqual([0, 1, 128, 255, 255]);
  });

  it('LINEAR_EXACT and SIGMOID', async () => {
    const exact = [...windowed('100', '200'), text(0x00281056, 'CS', 'LINEAR_EXACT')];
    expect(await grey([0, 50, 100, 200, 300], { more: exact })).toEqual([0, 64, 128, 255, 255]);
    const sigmoid = [...windowed('100', '200'), text(0x00281056, 'CS', 'SIGMOID')];
    expect(await grey([0, 100, 200], { more: sigmoid })).toEqual([30, 128, 225]);
  });

  it('a window of one value is a step', async () => {
    expect(await grey([4, 5], { more: windowed('5', '1') })).toEqual([0, 255]);
  });

  it('from least to greatest without a window, padding left out', async () => {
    expect(await grey([10, 20, 30])).toEqual([0, 128, 255]);
    expect(await grey([10, 20, 30, 60000], { more: [word(0x00280120, 60000)] })).toEqual([0, 128, 255, 255]);
    expect(await grey([7, 7])).toEqual([0, 0]);
  });

  it('signed values, and values above unused bits', async () => {
    expect(await grey([-100, 0, 100], { signed: true })).toEqual([0, 128, 255]);
    expect(await grey([0x000f, 0x0800, 0x1000], { bitsStored: 12, highBit: 15 })).toEqual([0, 128, 255]);
  });

  it('MONOCHROME1 and the inverse presentation LUT', async () => {
    expect(await grey([0, 255], { photometric: 'MONOCHROME1' })).toEqual([255, 0]);
    expect(await grey([0, 255], { more: [text(0x20500020, 'CS', 'INVERSE')] })).toEqual([255, 0]);
  });

  it('a modality LUT and a VOI LUT', async () => {
    const modality = sequence(0x00283000, word(0x00283002, 3, 10, 16), word(0x00283006, 0, 100, 200));
    expect(await grey([9, 10, 11, 12, 13], { more: [modality] })).toEqual([0, 0, 128, 255, 255]);
    const voi = sequence(0x00283010, word(0x00283002, 3, 10, 8), word(0x00283006, 255, 17, 0));
    expect(await grey([9, 10, 11, 12, 13], { more: [voi] })).toEqual([255, 255, 17, 0, 0]);
  });

  it('the window of its frame, from the functional groups', () => {
    const group = (centre: string) => sequence(0x00289132, ...windowed(centre, '10'));
    const item = (element: DataElement) => ({ dataSet: { elements: [element] }, undefinedLength: false });
    const perFrame: DataElement = {
      tag: 0x52009230,
      vr: 'SQ',
      value: { kind: 'sequence', undefinedLength: false, items: [item(group('1')), item(group('2'))] },
    };
    const object = row([0], { more: [perFrame] });
    const scope = { dataSet: { elements: [group('2')] }, encoding: object.encoding };
    expect(voiOf([scope, object], false)).toMatchObject({ centre: 2 });
  });
});

describe('colour', () => {
  it('RGB, planar or not', async () => {
    const settings = { rows: 1, columns: 2, samples: 3, bitsAllocated: 8 };
    const pixels = Buffer.from([1, 2, 3, 4, 5, 6]);
    expect((await picture(imageObject({ ...settings, pixels }))).data).toEqual([1, 2, 3, 4, 5, 6]);
    expect((await picture(imageObject({ ...settings, pixels, planar: true }))).data).toEqual([1, 3, 5, 2, 4, 6]);
  });

  it('YBR_FULL and YBR_FULL_422', async () => {
    const settings = { rows: 1, columns: 2, samples: 3, bitsAllocated: 8 };
    const full = imageObject({
      ...settings,
      photometric: 'YBR_FULL',
      pixels: Buffer.from([76, 85, 255, 29, 255, 107]),
    });
    expect((await picture(full)).data).toEqual([254, 0, 0, 0, 0, 254]);
    const half = imageObject({ ...settings, photometric: 'YBR_FULL_422', pixels: Buffer.from([76, 76, 85, 255]) });
    expect((await picture(half)).data).toEqual([254, 0, 0, 254, 0, 0]);
  });

  it('palettes, of words and in segments', async () => {
    const palette = { bitsAllocated: 8, photometric: 'PALETTE COLOR' };
    expect(await grey([0, 7, 255], { ...palette, more: greyPalette })).toEqual([0, 0, 0, 7, 7, 7, 255, 255, 255]);
    const more = [0, 1, 2].flatMap((channel) => [
      word(0x00281101 + channel, 6, 0, 16),
      // Two entries as they are, then a line of two to 0xff00, then the first segment once more.
      { ...word(0x00281221 + channel, 0, 2, 0, 0x1000, 1, 2, 0xff00, 2, 1, 0, 0), vr: 'OW' },
    ]);
    expect(await grey([0, 1, 2, 3, 4, 5], { ...palette, more })).toEqual(
      [0, 0x10, 0x87, 0xff, 0, 0x10].flatMap((value) => [value, value, value]),
    );
  });
});

describe('files', () => {
  const tall = (frames = 1, more: DataElement[] = []) =>
    imageObject({ rows: 100, columns: 50, frames, bitsAllocated: 8, pixels: Buffer.alloc(5000 * frames, 3), more });

  it('fit the edge, and pixels that are not square are stretched', async () => {
    expect(await picture(tall(), { maxEdge: 20 })).toMatchObject({ width: 10, height: 20 });
    expect(await picture(tall(1, [decimal(0x00280030, '1\\2')]))).toMatchObject({ width: 100, height: 100 });
  });

  it('frames: the first, the middle one, or all', async () => {
    const names = async (frames: PreviewSettings['frames']) =>
      (await previews(tall(3), { frames })).files.map((one) => one.name);
    const stem = 'previews/1.2.826.0.1.3680043.10.1.1';
    expect(await names('middle')).toEqual([`${stem}.png`]);
    expect(await names('all')).toEqual([`${stem}-1.png`, `${stem}-2.png`, `${stem}-3.png`]);
  });

  it('JPEG', async () => {
    for (const maxEdge of [40, 2]) {
      const { files } = await previews(tall(), { format: 'jpeg', maxEdge });
      expect(files[0]).toMatchObject({ contentType: 'image/jpeg' });
      const decoded = await decodeJpeg(files[0]?.bytes ?? Buffer.alloc(0), 'MONOCHROME2');
      expect(new Set(decoded.data)).toEqual(new Set([0]));
    }
  });

  it.each([
    ['no image', { pixels: Buffer.alloc(0) }, 'no image'],
    ['pixels that are not all there', { rows: 100 }, 'pixels.malformed'],
    [
      'too much for its memory',
      { rows: 20_000, columns: 20_000, pixels: Buffer.alloc(800_000_000) },
      'pixels.too-large',
    ],
  ])('%s: none, and said so', async (_, settings, reason) => {
    const { files, detail } = await previews(row([1, 2], settings));
    expect(files).toEqual([]);
    expect(detail).toContain(reason);
  });
});

const missing = missingPackages([{ program: 'dcm2pnm', package: 'dcmtk' }]);
/** DCMTK swaps the words of 32 bits in OW, others the whole numbers: pydicom's twin of it in little endian says who is right. */
const drawnOtherwise = 'pydicom/rtdose_expb.dcm';
/** Every second of the small ones, so that it takes seconds. All of them were alike when this was written. */
const corpus = realObjects()
  .filter(({ size, path }) => size < 150_000 && path !== drawnOtherwise)
  .filter((_, index) => index % 2 === 0);
const directory = mkdtempSync(join(tmpdir(), 'preview-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** Binary PGM or PPM of 8 bits; undefined when dcm2pnm does not draw it. */
function dcm2pnm(path: string, options: string[]): Buffer | undefined {
  const output = join(directory, 'peer.pnm');
  try {
    execFileSync('dcm2pnm', [...options, '+F', '1', '+op', path, output], { stdio: 'pipe' });
    const file = readFileSync(output);
    const header = /^P[56]\s(?:#.*\n)*\d+ \d+\s+255\s/.exec(file.toString('latin1', 0, 300));
    return header ? file.subarray(header[0].length) : undefined;
  } catch {
    return undefined;
  }
}

describe.skipIf(missing || corpus.length === 0)(`real objects beside dcm2pnm ${missing ?? ''}`, () => {
  it('are drawn alike', { timeout: 60_000 }, async () => {
    const unlike: string[] = [];
    let compared = 0;
    for (const { absolute, path } of corpus) {
      let object: DicomObject;
      try {
        object = readObject(absolute);
      } catch {
        continue;
      }
      const { files } = await previews(object);
      if (!files[0]) continue;
      const own = decode(files[0].bytes).data;
      const hasVoi = voiOf([object], false) !== undefined;
      const peer = dcm2pnm(absolute, hasVoi ? ['+Wi', '1'] : ['+Wm']);
      if (!peer || peer.length !== own.length) continue;
      compared += 1;
      let off = 0;
      for (let at = 0; at < own.length; at++) if (Math.abs((own[at] ?? 0) - (peer[at] ?? 0)) > 2) off += 1;
      if (off / own.length > 0.01) unlike.push(`${path}: ${((100 * off) / own.length).toFixed(1)} %`);
    }
    expect(compared).toBeGreaterThan(30);
    expect(unlike).toEqual([]);
  });
});
