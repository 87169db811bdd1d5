/** Palette colour (PS3.3 C.7.6.3.1.5 and .6, C.7.9) to RGB of 8 bits. Pure. */
import { type Attributes, signedWord, tags, words } from './attributes.ts';
import { malformed, unsupported } from './pixelErrors.ts';
import { type Lut, lookup, readLut } from './voi.ts';

const channels = [
  [tags.redPaletteDescriptor, tags.redPaletteData, tags.segmentedRedPaletteData],
  [tags.greenPaletteDescriptor, tags.greenPaletteData, tags.segmentedGreenPaletteData],
  [tags.bluePaletteDescriptor, tags.bluePaletteData, tags.segmentedBluePaletteData],
] as const;

export type Palette = (value: number) => [red: number, green: number, blue: number];

export function readPalette(object: Attributes, signed: boolean): Palette {
  const [red, green, blue] = channels.map(([descriptor, data, segmented]) => {
    const lut = readLut(object, descriptor, data, signed) ?? segmentedLut(object, descriptor, segmented, signed);
    if (!lut) throw malformed('palette colour without a palette');
    return lut;
  });
  if (!red || !green || !blue) throw unsupported('a palette without three colours');
  // Some say 16 bits and use 8 of them.
  const isNarrow = [red, green, blue].every(({ entries }) => Array.from(entries).every((entry) => entry < 256));
  const eightBits = (lut: Lut, value: number) =>
    lut.bits > 8 && !isNarrow ? lookup(lut, value) >> 8 : lookup(lut, value);
  return (value) => [eightBits(red, value), eightBits(green, value), eightBits(blue, value)];
}

/** PS3.3 C.7.9.2: discrete (0), linear (1) and indirect (2) segments. Words of 16 bits, or bytes for entries of 8. */
function segmentedLut(object: Attributes, descriptorTag: number, dataTag: number, signed: boolean): Lut | undefined {
  const [count, first, bits] = words(object, descriptorTag);
  const stored = words(object, dataTag);
  if (count === undefined || first === undefined || bits === undefined || stored.length === 0) return undefined;
  const data = bits <= 8 ? stored.flatMap((word) => [word & 0xff, word >> 8]) : stored;
  const length = count === 0 ? 65536 : count;
  const entries: number[] = [];
  expand(data, 0, data.length, entries, length, 0);
  if (entries.length < length)
    throw malformed(`a segmented palette of ${entries.length} entries where ${length} are due`);
  return { first: signed ? signedWord(first) : first, entries: entries.slice(0, length), bits };
}

/** At most `segments` segments from `start`. `depth` 1: within an indirect segment, which may hold no other. */
function expand(data: number[], start: number, segments: number, entries: number[], most: number, depth: number): void {
  let at = start;
  for (let segment = 0; segment < segments && at + 1 < data.length && entries.length < most; segment++) {
    const [kind = 0, length = 0] = [data[at], data[at + 1]];
    at += 2;
    if (kind === 0) {
      entries.push(...data.slice(at, at + length));
      at += length;
    } else if (kind === 1) {
      const last = data[at] ?? 0;
      const from = entries.at(-1);
      if (from === undefined) throw malformed('a segmented palette begins with a line from nowhere');
      for (let step = 1; step <= length; step++) entries.push(Math.round(from + ((last - from) * step) / length));
      at += 1;
    } else if (kind === 2 && depth === 0) {
      expand(data, indirectOffset(data, at), length, entries, most, 1);
      at += data[at + 1] === undefined ? 1 : 2;
    } else throw malformed(`a segmented palette with a segment of kind ${kind}`);
  }
}

/** The offset is 32 bits wide: two words, the less significant one first. */
const indirectOffset = (data: number[], at: number): number => (data[at] ?? 0) + (data[at + 1] ?? 0) * 65536;
