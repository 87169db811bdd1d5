/** Original values and UIDs in the value of one element, as its VR has it. */
import { type CharacterSet, decodeText } from '../../dicom/dataSet/characterSets.ts';
import type { DataElement, DicomObject } from '../../dicom/dataSet/dicomObject.ts';
import { lookUp } from '../../dicom/dataSet/dictionary.ts';
import { hasCharacterSet, isTextVr } from '../../dicom/dataSet/valueRepresentation.ts';
import type { Needles } from './needles.ts';
import { isPixels, searchFragments, searchNativePixels } from './pixelCheck.ts';
import type { Found } from './scanBytes.ts';
import { searchAny, searchBytes, searchIn, searchText } from './textSearch.ts';

export type ValueSearch = { needles: Needles; object: DicomObject; isForeign: boolean; isNested: boolean };

export function searchValue(
  { tag, vr: written, value }: DataElement,
  set: CharacterSet,
  { needles, object, isForeign, isNested }: ValueSearch,
): Found | undefined {
  if (value.kind === 'sequence') return undefined;
  if (value.kind === 'fragments') return searchFragments(value.fragments, object.meta.transferSyntaxUid, needles);
  const { bytes } = value;
  if (bytes.length < 2) return undefined;
  if (isPixels(tag)) {
    // Icons, and what other programs wrote: little, and nobody else has looked at it.
    return searchNativePixels(object, { bytes, isWhole: isNested || isForeign }, needles);
  }
  const vr = written === 'UN' ? (lookUp(tag)?.vr ?? 'UN') : written;
  if (!isTextVr(vr)) return searchIn(bytes, (part) => searchAny(part, needles));
  const region = numberVrs.has(vr) ? 'number' : 'text';
  if (vr === 'UI' && needles.keepsUids) return undefined;
  return searchIn(bytes, (part) => {
    const isDecoded = hasCharacterSet(vr) && !isPlainAscii(part);
    const decoded = isDecoded ? searchText(decodeText(part, set, vr === 'PN'), needles, region) : undefined;
    return decoded ?? searchBytes(part, needles, region);
  });
}

/** The same in all character sets: no byte above 0x7F, and no escape sequence. */
function isPlainAscii(bytes: Buffer): boolean {
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    if (byte >= 0x80 || byte === 0x1b) return false;
  }
  return true;
}

const numberVrs = new Set(['DS', 'DA', 'DT', 'TM', 'UI', 'AS']);
