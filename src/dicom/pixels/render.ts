/**
 * A frame as a picture of 8 bits, as the data set asks: modality LUT or rescale, VOI LUT or window, presentation LUT shape,
 * palette, colour model. Overlays, shutters and annotations are not drawn. Without a window the frame's values are shown
 * from the least to the greatest, padding left out.
 */
import { type Attributes, signedWord, tags, texts, word } from './attributes.ts';
import type { FramePixels } from './decodeFrame.ts';
import { readPalette } from './palette.ts';
import type { Picture } from './picture.ts';
import type { PixelDescription } from './pixelDescription.ts';
import { unsupported } from './pixelErrors.ts';
import { cellMapping, cells, values } from './sampleReader.ts';
import { lutMapping, type Mapping, modalityMapping, rangeMapping, scopesOf, voiOf, windowMapping } from './voi.ts';

/** Throws GatewayError `pixels.*`. `frame` counts from 0. */
export function render(object: Attributes, description: PixelDescription, pixels: FramePixels, frame: number): Picture {
  const { columns: width, rows: height, samples } = description;
  if (samples === 1 && pixels.photometric === 'PALETTE COLOR') {
    return { width, height, channels: 3, data: paletteColour(object, description, pixels) };
  }
  if (samples === 1) return { width, height, channels: 1, data: greyscale(object, description, pixels, frame) };
  if (samples === 3) return { width, height, channels: 3, data: colour(description, pixels) };
  throw unsupported(`a picture of ${samples} samples a pixel`);
}

function greyscale(object: Attributes, description: PixelDescription, pixels: FramePixels, frame: number): Uint8Array {
  const scopes = scopesOf(object, frame);
  const modality = modalityMapping(scopes, description);
  const voi = voiOf(scopes, description.signed);
  let shade: Mapping;
  if (voi === undefined) {
    const { least, most } = range(object, description, pixels, modality);
    shade = rangeMapping(least, most);
  } else shade = 'entries' in voi ? lutMapping(voi) : windowMapping(voi);
  const isInverted = pixels.photometric === 'MONOCHROME1' || texts(object, tags.presentationLutShape)[0] === 'INVERSE';
  const grey = (value: number) => {
    const part = shade(modality(value));
    return Math.round(255 * (isInverted ? 1 - part : part));
  };
  return mapped(description, pixels, grey);
}

/** Up to 16 bits by a table of all cells there can be. */
function mapped(description: PixelDescription, pixels: FramePixels, grey: Mapping): Uint8Array {
  if (description.kind !== 'integer' || pixels.bytesPerSample > 2) {
    return Uint8Array.from(values(description, pixels), grey);
  }
  const value = cellMapping(description);
  const table = Uint8Array.from({ length: 2 ** (8 * pixels.bytesPerSample) }, (_, cell) => grey(value(cell)));
  const stored = cells(pixels);
  const data = new Uint8Array(stored.length);
  for (let at = 0; at < data.length; at++) data[at] = table[stored[at] ?? 0] ?? 0;
  return data;
}

function range(object: Attributes, description: PixelDescription, pixels: FramePixels, modality: Mapping) {
  const isPadding = paddingOf(object, description.signed);
  const stored = values(description, pixels);
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let at = 0; at < stored.length; at++) {
    const value = stored[at] ?? 0;
    if (!Number.isFinite(value) || isPadding(value)) continue;
    if (value < least) least = value;
    if (value > most) most = value;
  }
  if (least > most) return { least: 0, most: 0 };
  const ends = [modality(least), modality(most)];
  return { least: Math.min(...ends), most: Math.max(...ends) };
}

/** PS3.3 C.7.5.1.1.2: one value, or all between it and a limit. */
function paddingOf(object: Attributes, signed: boolean): (value: number) => boolean {
  const read = (tag: number) => {
    const value = word(object, tag);
    return value === undefined || !signed ? value : signedWord(value);
  };
  const padding = read(tags.pixelPaddingValue);
  if (padding === undefined) return () => false;
  const limit = read(tags.pixelPaddingRangeLimit) ?? padding;
  const [from, to] = [Math.min(padding, limit), Math.max(padding, limit)];
  return (value) => value >= from && value <= to;
}

function paletteColour(object: Attributes, description: PixelDescription, pixels: FramePixels): Uint8Array {
  const palette = readPalette(object, description.signed);
  const value = cellMapping(description);
  const stored = cells(pixels);
  const data = new Uint8Array(description.rows * description.columns * 3);
  for (let at = 0; 3 * at < data.length; at++) data.set(palette(value(stored[at] ?? 0)), 3 * at);
  return data;
}

function colour(description: PixelDescription, pixels: FramePixels): Uint8Array {
  const eightBits = eightBitsOf(description, pixels);
  if (pixels.photometric === 'RGB') return eightBits;
  if (pixels.photometric !== 'YBR_FULL') throw unsupported(`a picture of ${pixels.photometric}`);
  for (let at = 0; at + 2 < eightBits.length; at += 3) {
    const [y = 0, cb = 0, cr = 0] = [eightBits[at], eightBits[at + 1], eightBits[at + 2]];
    // PS3.3 C.7.6.3.1.2, YBR_FULL.
    eightBits[at] = byte(y + 1.402 * (cr - 128));
    eightBits[at + 1] = byte(y - 0.344136 * (cb - 128) - 0.714136 * (cr - 128));
    eightBits[at + 2] = byte(y + 1.772 * (cb - 128));
  }
  return eightBits;
}

const byte = (value: number) => Math.min(255, Math.max(0, Math.round(value)));

function eightBitsOf(description: PixelDescription, pixels: FramePixels): Uint8Array {
  if (description.kind !== 'integer') throw unsupported('colour in floating point');
  const { bitsStored, signed } = description;
  const value = cellMapping({ ...description, signed: false });
  const least = signed ? 2 ** (bitsStored - 1) : 0;
  const scale = 255 / (2 ** bitsStored - 1);
  const stored = cells(pixels);
  const data = new Uint8Array(stored.length);
  // Signed values begin at their smallest: the sign bit is turned.
  for (let at = 0; at < data.length; at++) data[at] = Math.round(((value(stored[at] ?? 0) ^ least) >>> 0) * scale);
  return data;
}
