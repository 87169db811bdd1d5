import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { cannotEncodeHtj2k, decodeHtj2kMonochrome, encodeHtj2k } from '../../../src/dicom/pixels/codecs/htj2k.ts';
import { encodeJpeg } from '../../../src/dicom/pixels/codecs/jpeg.ts';
import { decodeJpeg2000 } from '../../../src/dicom/pixels/codecs/jpeg2000.ts';
import { decodeJpegLs, encodeJpegLs } from '../../../src/dicom/pixels/codecs/jpegLs.ts';
import { decodeRle, encodeRle } from '../../../src/dicom/pixels/codecs/rle.ts';
import { jpegHeader } from '../../../src/dicom/pixels/codestreamHeader.ts';
import { isPixelError } from '../../../src/dicom/pixels/pixelErrors.ts';
import { missingPackages } from '../../support/debianPackages.ts';
import { decodedPixels, type ImageSettings, imageObject, smoothPixels, through } from '../../support/pixelObjects.ts';

const directory = mkdtempSync(join(tmpdir(), 'codecs-'));
afterAll(() => rmSync(directory, { recursive: true }));

const shapes = [
  { components: 1, precision: 8, signed: false },
  { components: 1, precision: 12, signed: false },
  { components: 1, precision: 12, signed: true },
  { components: 1, precision: 16, signed: false },
  { components: 1, precision: 16, signed: true },
  { components: 3, precision: 8, signed: false },
];

const pixelsOf = (width: number, height: number, { components, precision, signed }: (typeof shapes)[number]) =>
  smoothPixels(width, height, {
    samples: components,
    bitsAllocated: precision > 8 ? 16 : 8,
    bitsStored: precision,
    signed,
  });

describe('HTJ2K', () => {
  // A wrapper that mixes up components would pass its own decoder: OpenJPEG knows nothing of it.
  it.each(shapes)('%o is read back by OpenJPEG', async (shape) => {
    for (const [width, height] of [
      [67, 41],
      [1, 1],
      [3, 130],
    ] as const) {
      const pixels = pixelsOf(width, height, shape);
      for (const transform of shape.components === 3 ? [true, false] : [false]) {
        const encoded = await encodeHtj2k(pixels, { width, height, ...shape }, transform);
        const decoded = await decodeJpeg2000(encoded);
        expect(decoded.data.equals(pixels)).toBe(true);
        expect(decoded).toMatchObject({ precision: shape.precision, signed: shape.signed });
        if (shape.components === 1) expect((await decodeHtj2kMonochrome(encoded)).data.equals(pixels)).toBe(true);
      }
    }
  });

  it('says what it does not take', () => {
    const shape = { width: 1, height: 1, components: 3, precision: 16, signed: false };
    expect(cannotEncodeHtj2k(shape)).toContain('16 bits');
    expect(cannotEncodeHtj2k({ ...shape, components: 1, precision: 8, signed: true })).toContain('signed');
    expect(cannotEncodeHtj2k({ ...shape, components: 2 })).toContain('2 samples');
  });
});

it('an HTJ2K codestream that is cut short is refused, not completed', async () => {
  const shape = { width: 64, height: 48, components: 1, precision: 12, signed: false };
  const codestream = await encodeHtj2k(pixelsOf(64, 48, shape), shape, false);
  const fragments = [Buffer.alloc(0), codestream.subarray(0, codestream.length >> 1)];
  const transferSyntaxUid = '1.2.840.10008.1.2.4.201';
  const pixels = { kind: 'fragments', fragments } as const;
  const object = imageObject({ rows: 48, columns: 64, bitsStored: 12, transferSyntaxUid, pixels });
  await expect(decodedPixels(object)).rejects.toMatchObject({ code: 'pixels.malformed' });
});

it('JPEG-LS takes one and three components of 2 to 16 bits', async () => {
  for (const components of [1, 3]) {
    for (const precision of [2, 7, 8, 12, 16]) {
      const shape = { width: 33, height: 20, components, precision, signed: false };
      const pixels = pixelsOf(33, 20, shape);
      expect((await decodeJpegLs(await encodeJpegLs(pixels, shape))).data.equals(pixels)).toBe(true);
    }
  }
});

it('RLE comes back whatever it was, in even segments', () => {
  const frame = fc.record({
    width: fc.integer({ min: 1, max: 200 }),
    height: fc.integer({ min: 1, max: 4 }),
    components: fc.constantFrom(1, 3),
    bytes: fc.constantFrom(1 as const, 2 as const, 4 as const),
    seed: fc.array(fc.tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 1, max: 300 })), { minLength: 1 }),
  });
  fc.assert(
    fc.property(frame, ({ width, height, components, bytes, seed }) => {
      const runs = Buffer.concat(seed.map(([value, length]) => Buffer.alloc(length, value)));
      const data = Buffer.alloc(width * height * components * bytes, runs);
      const encoded = encodeRle(data, width, components, bytes);
      expect(encoded.length % 2).toBe(0);
      expect(decodeRle(encoded, width * height, components, bytes).data.equals(data)).toBe(true);
    }),
  );
});

const images: Array<[string, Omit<ImageSettings, 'pixels' | 'rows' | 'columns'>]> = [
  ['8 bits', { bitsAllocated: 8 }],
  ['12 of 16 bits', { bitsStored: 12 }],
  ['16 bits, signed', { signed: true }],
  ['RGB', { samples: 3, bitsAllocated: 8 }],
  ['three frames', { bitsStored: 12, frames: 3 }],
];
const missing = missingPackages([{ program: 'dcmcjpeg', package: 'dcmtk' }]);

describe.skipIf(missing)(`what DCMTK encodes ${missing ?? ''}`, () => {
  const image = (settings: (typeof images)[number][1]) => {
    const [columns, rows] = [61, 47];
    return imageObject({
      rows,
      columns,
      ...settings,
      pixels: smoothPixels(columns, rows, settings),
    });
  };

  it.each(images)('RLE and JPEG-LS, %s', async (_, settings) => {
    const object = image(settings);
    const pixels = await decodedPixels(object);
    for (const [program, ...options] of [['dcmcrle'], ['dcmcjpls'], ['dcmcjpls', '--interleave-none']]) {
      const encoded = through(directory, object, program ?? '', ...options);
      expect((await decodedPixels(encoded)).equals(pixels), program).toBe(true);
    }
  });

  it.each(images)('JPEG lossless with every predictor, %s', async (_, settings) => {
    const object = image(settings);
    const pixels = await decodedPixels(object);
    expect((await decodedPixels(through(directory, object, 'dcmcjpeg', '+e1'))).equals(pixels)).toBe(true);
    for (const predictor of [1, 2, 3, 4, 5, 6, 7]) {
      const encoded = through(directory, object, 'dcmcjpeg', '+el', '+sv', String(predictor));
      expect((await decodedPixels(encoded)).equals(pixels), `predictor ${predictor}`).toBe(true);
    }
  });

  it('fragments smaller than a frame, with and without offset table', async () => {
    const object = image({ bitsStored: 12, frames: 3 });
    const pixels = await decodedPixels(object);
    for (const table of ['+ot', '-ot']) {
      const encoded = through(directory, object, 'dcmcjpls', '+fs', '1', table);
      expect((await decodedPixels(encoded)).equals(pixels), table).toBe(true);
    }
  });

  it.each([['+eb'], ['+ee']])('JPEG %s of 8 bits decodes to what dcmdjpeg makes of it', async (process) => {
    for (const settings of [{ bitsAllocated: 8 }, { bitsAllocated: 8, samples: 3 }]) {
      const encoded = through(directory, image(settings), 'dcmcjpeg', process ?? '');
      const [own, peer] = [await decodedPixels(encoded), await decodedPixels(through(directory, encoded, 'dcmdjpeg'))];
      expect(own.length).toBe(peer.length);
      // Chrominance is enlarged in one way here and in another there.
      const far = own.filter((value, at) => Math.abs(value - (peer[at] ?? 0)) > 8).length;
      expect(far / own.length).toBeLessThan(settings.samples === 3 ? 0.2 : 0.0001);
    }
  });
});

describe('damaged codestreams', () => {
  it('are told by an error with a code, and the codec goes on', { timeout: 30_000 }, async () => {
    const shape = { width: 40, height: 30, components: 1, precision: 12, signed: false };
    const pixels = pixelsOf(40, 30, shape);
    const rgb = smoothPixels(40, 30, { samples: 3, bitsAllocated: 8 });
    const sound: Array<[Buffer, (bytes: Buffer) => Promise<unknown>]> = [
      [await encodeHtj2k(pixels, shape, false), decodeHtj2kMonochrome],
      [await encodeHtj2k(pixels, shape, false), decodeJpeg2000],
      [await encodeJpegLs(pixels, shape), decodeJpegLs],
      [encodeRle(pixels, 40, 1, 2), async (bytes) => decodeRle(bytes, 1200, 1, 2)],
      [await encodeJpeg(rgb, 40, 30, 3), async (bytes) => jpegHeader(bytes)],
    ];
    let random = 1;
    const next = (most: number) => {
      random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
      return Math.floor((random / 2 ** 32) * most);
    };
    let errors = 0;
    for (const [codestream, decode] of sound) {
      for (let round = 0; round < 60; round++) {
        const damaged = Buffer.from(codestream.subarray(0, round % 3 === 0 ? next(codestream.length) : undefined));
        for (let change = 0; change < 4 && damaged.length > 0; change++) {
          // The first 60 bytes are dimensions, which are judged before a codec sees them.
          damaged[Math.min(damaged.length - 1, 60 + next(damaged.length))] = next(256);
        }
        try {
          await decode(damaged);
        } catch (error) {
          errors += 1;
          expect(isPixelError(error), String(error)).toBe(true);
        }
      }
      await decode(codestream);
    }
    expect(errors).toBeGreaterThan(50);
  });
});

it('each worker thread has codecs of its own', async () => {
  const source = `
    import { parentPort } from 'node:worker_threads';
    const { encodeJpegLs, decodeJpegLs } = await import(${JSON.stringify(new URL('../../../src/dicom/pixels/codecs/jpegLs.ts', import.meta.url).href)});
    const pixels = Buffer.alloc(64, 7);
    const shape = { width: 8, height: 8, components: 1, precision: 8, signed: false };
    parentPort.postMessage((await decodeJpegLs(await encodeJpegLs(pixels, shape))).data.equals(pixels));`;
  const url = new URL(`data:text/javascript,${encodeURIComponent(source)}`);
  const answers = await Promise.all(
    [1, 2].map(() => new Promise((resolve, reject) => new Worker(url).once('message', resolve).once('error', reject))),
  );
  expect(answers).toEqual([true, true]);
});

it('JPEG files are made of the smallest pictures and of noise', async () => {
  for (const [width, height] of [
    [32, 32],
    [33, 100],
  ] as const) {
    const noise = Buffer.from(
      Array.from({ length: width * height * 3 }, (_, at) => (at * 7919 + (at >> 3) * 131) & 0xff),
    );
    const { width: columns, height: rows, components } = jpegHeader(await encodeJpeg(noise, width, height, 3));
    expect([columns, rows, components]).toEqual([width, height, 3]);
  }
});
