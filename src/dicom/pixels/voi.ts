/** Stored values to shades of grey (PS3.3 C.11.1 Modality LUT, C.11.2 VOI LUT; PS3.4 N.2). Pure. */
import { type Attributes, decimals, items, signedWord, tags, texts, words } from './attributes.ts';
import type { PixelDescription } from './pixelDescription.ts';
import { malformed } from './pixelErrors.ts';

/** A value to a value. */
export type Mapping = (value: number) => number;

export type Lut = { first: number; entries: ArrayLike<number>; bits: number };

export type Window = { centre: number; width: number; shape: 'LINEAR' | 'LINEAR_EXACT' | 'SIGMOID' };

/**
 * A lookup table (PS3.3 C.11.1.1.1). The first of the three numbers is the number of entries, 0 means 65,536; the second
 * the first value mapped, signed when the values are; the third the bits of an entry.
 */
export function readLut(
  attributes: Attributes,
  descriptorTag: number,
  dataTag: number,
  signed: boolean,
): Lut | undefined {
  const [count, first, bits] = words(attributes, descriptorTag);
  const data = words(attributes, dataTag);
  if (count === undefined || first === undefined || bits === undefined || data.length === 0) return undefined;
  const length = count === 0 ? 65536 : count;
  // Entries of 8 bits may be packed in pairs (PS3.3 C.7.6.3.1.6 for palettes; others do it as well).
  const entries = bits <= 8 && data.length < length ? data.flatMap((word) => [word & 0xff, word >> 8]) : data;
  if (entries.length < length)
    throw malformed(`a lookup table of ${data.length} words where ${length} entries are due`);
  return { first: signed ? signedWord(first) : first, entries: entries.slice(0, length), bits };
}

/** What lies beside the table gets its first or last entry. */
export function lookup({ first, entries }: Lut, value: number): number {
  const index = Math.min(Math.max(Math.round(value) - first, 0), entries.length - 1);
  return entries[index] ?? 0;
}

/** Where the attributes of one frame may stand: the shared and per-frame functional groups, then the data set. */
export function scopesOf(object: Attributes, frame: number): Attributes[] {
  const groups = [items(object, tags.perFrameFunctionalGroups)[frame], items(object, tags.sharedFunctionalGroups)[0]];
  return [...groups.filter((group) => group !== undefined), object];
}

const within = (scopes: Attributes[], sequence: number): Attributes[] =>
  scopes.flatMap((scope) => [...items(scope, sequence).slice(0, 1), scope]);

export function modalityMapping(scopes: Attributes[], description: PixelDescription): Mapping {
  for (const scope of within(scopes, tags.pixelValueTransformation)) {
    const [item] = items(scope, tags.modalityLutSequence);
    const lut = item && readLut(item, tags.lutDescriptor, tags.lutData, description.signed);
    if (lut) return (value) => lookup(lut, value);
    const [slope] = decimals(scope, tags.rescaleSlope);
    if (slope !== undefined) {
      const [intercept = 0] = decimals(scope, tags.rescaleIntercept);
      return (value) => value * slope + intercept;
    }
  }
  return (value) => value;
}

/** The first window or VOI LUT that the data set gives. */
export function voiOf(scopes: Attributes[], signed: boolean): Window | Lut | undefined {
  for (const scope of within(scopes, tags.frameVoiLut)) {
    const [centre] = decimals(scope, tags.windowCenter);
    const [width] = decimals(scope, tags.windowWidth);
    if (centre !== undefined && width !== undefined && width > 0) {
      const [said] = texts(scope, tags.voiLutFunction);
      const shape = said === 'SIGMOID' || said === 'LINEAR_EXACT' ? said : 'LINEAR';
      if (shape !== 'LINEAR' || width >= 1) return { centre, width, shape };
    }
    const [item] = items(scope, tags.voiLutSequence);
    const lut = item && readLut(item, tags.lutDescriptor, tags.lutData, signed);
    if (lut) return lut;
  }
  return undefined;
}

/** A window to 0..1 (PS3.3 C.11.2.1.2, C.11.2.1.3). */
export function windowMapping({ centre, width, shape }: Window): Mapping {
  switch (shape) {
    case 'SIGMOID':
      return (value) => 1 / (1 + Math.exp((-4 * (value - centre)) / width));
    case 'LINEAR_EXACT':
      return (value) => clamped((value - centre) / width + 0.5);
    case 'LINEAR': {
      if (width <= 1) return (value) => (value > centre - 0.5 ? 1 : 0);
      return (value) => clamped((value - (centre - 0.5)) / (width - 1) + 0.5);
    }
  }
}

/** A VOI LUT to 0..1. */
export const lutMapping = (lut: Lut): Mapping => {
  const most = 2 ** Math.min(lut.bits, 16) - 1;
  return (value) => clamped(lookup(lut, value) / most);
};

/** From the smallest value to the largest. */
export const rangeMapping = (least: number, most: number): Mapping =>
  most > least ? (value) => clamped((value - least) / (most - least)) : () => 0;

const clamped = (value: number) => Math.min(1, Math.max(0, value));
