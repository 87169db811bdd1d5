import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { drawContactSheet, spread } from '../../demo/chart.ts';
import { readGreyImage, readInstanceNumber, readTexts } from '../../demo/dicomImage.ts';
import { pictureOf, renderGrey } from '../../demo/picture.ts';
import { encodePng } from '../../demo/png.ts';
import { decodedPng, shrunk } from '../../demo/pngFile.ts';
import { filesNaming, identityIn } from '../../demo/whoIsInTheStore.ts';
import { ctStudy, transferSyntaxes, writeStudy } from '../../synthetic/index.ts';
import { hasProgram } from '../support/programs.ts';

const directory = mkdtempSync(join(tmpdir(), 'picture-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** The test's own reader: filters 0 (None) and 2 (Up) are all that our writer uses. */
function decodePng(png: Buffer): { width: number; height: number; pixels: Buffer } {
  expect(png.subarray(0, 8).toString('hex')).toBe('89504e470d0a1a0a');
  const width = png.readUInt32BE(16);
  const height = png.readUInt32BE(20);
  const channels = png[25] === 0 ? 1 : 3;
  const at = png.indexOf('IDAT');
  const data = inflateSync(png.subarray(at + 4, at + 4 + png.readUInt32BE(at - 4)));
  const stride = width * channels;
  const pixels = Buffer.alloc(stride * height);
  for (let row = 0; row < height; row++) {
    for (let i = 0; i < stride; i++) {
      const above = row === 0 || data[row * (stride + 1)] === 0 ? 0 : (pixels[(row - 1) * stride + i] ?? 0);
      pixels[row * stride + i] = (data[row * (stride + 1) + 1 + i] ?? 0) + above;
    }
  }
  return { width, height, pixels };
}

function slice(transferSyntaxUid: string): Buffer {
  const [instance] = ctStudy({ slices: 1, rows: 96, columns: 96, transferSyntaxUid });
  if (!instance) throw new Error('nothing made');
  return instance.part10();
}

describe('PNG files', () => {
  it.each([1, 3] as const)('hold the pixels of %i channels', (channels) => {
    const pixels = Uint8Array.from({ length: 7 * 5 * channels }, (_, i) => (i * 37) % 256);
    const decoded = decodePng(encodePng({ width: 7, height: 5, channels, pixels }));
    expect(decoded).toMatchObject({ width: 7, height: 5 });
    expect(Buffer.compare(decoded.pixels, pixels)).toBe(0);
  });
});

describe('a picture of a CT slice', () => {
  it.skipIf(!hasProgram('dcm2pnm')).each(Object.entries(transferSyntaxes))(
    'shows what DCMTK shows, within one grey level (%s)',
    (_name, transferSyntaxUid) => {
      const file = slice(transferSyntaxUid);
      const path = join(directory, 'slice.dcm');
      writeFileSync(path, file);
      const output = join(directory, 'slice.pgm');
      expect(spawnSync('dcm2pnm', ['+op', '+Wi', '1', path, output]).status).toBe(0);
      const theirs = readFileSync(output).subarray(-96 * 96);
      const ours = decodePng(pictureOf(file)).pixels;
      const differences = ours.map((value, i) => Math.abs(value - (theirs[i] ?? 0)));
      expect(Math.max(...differences)).toBeLessThanOrEqual(1);
      expect(new Set(ours).size).toBeGreaterThan(50);
    },
  );

  it('averages when it shrinks', () => {
    const whole = readGreyImage(slice(transferSyntaxes.explicitLittleEndian));
    const half = renderGrey(whole, { center: 0, width: 4000 }, 2);
    expect(half).toMatchObject({ width: 48, height: 48 });
    const average = (pixels: Uint8Array) => pixels.reduce((sum, value) => sum + value, 0) / pixels.length;
    expect(average(half.pixels)).toBeCloseTo(average(renderGrey(whole, { center: 0, width: 4000 }).pixels), 0);
  });

  it('passes over sequences of undefined length', () => {
    const file = slice(transferSyntaxes.explicitLittleEndian);
    const at = file.indexOf(Buffer.from([0x10, 0x00, 0x10, 0x00])); // (0010,0010)
    const head = (group: number, element: number, rest: string) => {
      const tag = Buffer.from([group & 255, group >> 8, element & 255, element >> 8]);
      return Buffer.concat([tag, Buffer.from(rest, 'hex')]);
    };
    const sequence = Buffer.concat([
      head(0x0008, 0x1140, '53510000ffffffff'), // SQ, undefined length
      head(0xfffe, 0xe000, 'ffffffff'), // item, undefined length
      head(0x0008, 0x1155, '554904003100' + '2e31'), // UI "1\0.1", whatever it is
      head(0xfffe, 0xe00d, '00000000'),
      head(0xfffe, 0xe0dd, '00000000'),
    ]);
    const changed = Buffer.concat([file.subarray(0, at), sequence, file.subarray(at)]);
    expect(readGreyImage(changed).values).toEqual(readGreyImage(file).values);
    expect(readInstanceNumber(changed.subarray(0, 4096))).toBe(1);
  });

  it('says what it cannot show', () => {
    expect(() => readGreyImage(Buffer.alloc(200))).toThrow('not a Part 10 file');
    const file = slice(transferSyntaxes.explicitLittleEndian);
    expect(() => readGreyImage(file.subarray(0, -2000))).toThrow('not an uncompressed');
  });
});

describe('the contact sheet', () => {
  it('spreads evenly, first and last included', () => {
    expect(spread([0, 1, 2, 3, 4, 5, 6, 7, 8], 3)).toEqual([0, 4, 8]);
    expect(spread([1, 2], 8)).toEqual([1, 2]);
  });

  it('is drawn from the files below a folder', () => {
    writeStudy(join(directory, 'store', 'deep', 'down'), ctStudy({ slices: 9, rows: 32, columns: 32 }));
    const picture = join(directory, 'sheet.png');
    const samples = [0, 1, 2, 3].map((i) => ({ ms: i * 100, acknowledged: i * 1e6, delivered: i * 0.5e6 }));
    drawContactSheet(picture, join(directory, 'store'), samples);
    const { width, height, pixels } = decodePng(readFileSync(picture));
    expect(width).toBeGreaterThan(1000);
    expect(height).toBeGreaterThan(600);
    const has = (colour: number[]) => pixels.indexOf(Buffer.from(colour)) >= 0;
    expect(has([214, 120, 32])).toBe(true); // the line of what was acknowledged
    expect(has([24, 116, 160])).toBe(true); // and of what was delivered
    // No samples and no files: a picture all the same.
    drawContactSheet(picture, join(directory, 'store', 'deep'), []);
  });

  it('shows previews in place of slices that are compressed, and key images', () => {
    const store = join(directory, 'results');
    const previews = join(store, 'results', 'app', '1.0.0', 'previews');
    mkdirSync(previews, { recursive: true });
    const [{ path = '', instance } = {}] = writeStudy(store, ctStudy({ slices: 1, rows: 32, columns: 32 }));
    const file = readFileSync(path);
    file.write('1.2.840.10008.1.2.5', file.indexOf('1.2.840.10008.1.2.1\0')); // RLE, if only by its name
    writeFileSync(path, file);
    expect(readInstanceNumber(file)).toBe(1);
    expect(() => drawContactSheet(join(directory, 'no.png'), store, [])).toThrow('cannot show transfer syntax');
    const uniform = (width: number, grey: number) =>
      encodePng({ width, height: width, channels: 1, pixels: new Uint8Array(width * width).fill(grey) });
    writeFileSync(join(previews, `${instance?.sopInstanceUid}.png`), uniform(64, 77));
    writeFileSync(join(store, 'results', 'key-largest-lung.png'), uniform(512, 99));
    const picture = join(directory, 'results.png');
    drawContactSheet(picture, store, []);
    const { pixels } = decodePng(readFileSync(picture));
    for (const grey of [77, 99]) expect(Buffer.from(pixels).includes(Buffer.alloc(3 * 50, grey))).toBe(true);
  });
});

describe('PNG files read back', () => {
  it.each([1, 3] as const)('have the pixels of %i channels', (channels) => {
    const pixels = Uint8Array.from({ length: 6 * 4 * channels }, (_, i) => (i * 37) % 256);
    const raster = { width: 6, height: 4, channels, pixels };
    expect(decodedPng(encodePng(raster))).toEqual(raster);
    const half = shrunk(raster, 3);
    expect(half).toMatchObject({ width: 3, height: 2, channels });
    const corner = [0, 1, 6, 7].map((pixel) => pixels[pixel * channels] ?? 0);
    expect(half.pixels[0]).toBe(Math.round(corner.reduce((sum, value) => sum + value, 0) / 4));
  });
});

describe('the patient', () => {
  it('is found in what a study says, and in files that have any of it in them or in their path', () => {
    const [sent] = writeStudy(join(directory, 'sent'), ctStudy({ slices: 1, rows: 16, columns: 16, seed: 7 }));
    const identity = identityIn([sent?.path ?? '']);
    expect(identity).toEqual(expect.arrayContaining(['Synthetic^Phantom', 'SYNTHETIC-000007']));
    expect(identity).toContain(sent?.instance.studyInstanceUid);
    expect(readTexts(readFileSync(sent?.path ?? ''), [0x00100010, 0x00100020])).toEqual(identity.slice(1, 3));
    const store = join(directory, 'left');
    const folder = join(store, sent?.instance.studyInstanceUid ?? '');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(store, 'clean.json'), '{}');
    expect(filesNaming(store, identity)).toEqual([]);
    writeFileSync(join(store, 'leak.json'), '{"id":"SYNTHETIC-000007"}');
    writeFileSync(join(folder, 'empty.png'), '');
    expect(filesNaming(store, identity).sort()).toEqual([join(folder, 'empty.png'), join(store, 'leak.json')].sort());
  });
});
