/** Looks for the needles in bytes whose encoding is known, or could be any. Pure. */

import { type Bytes, bytesIn } from '../../dicom/dataSet/dicomObject.ts';
import { fold } from './fold.ts';
import type { Needles } from './needles.ts';
import { type Found, type Region, scanBytes } from './scanBytes.ts';

/** Text that was decoded. */
export function searchText(text: string, needles: Needles, region: Region): Found | undefined {
  const folded = fold(text);
  const plain = Buffer.from(
    folded.replace(/[^\x20-\x7e]/g, (one) => (one < ' ' ? '\n' : ' ')),
    'latin1',
  );
  return scanBytes(plain, needles, { region }) ?? searchForeign(folded, needles);
}

function searchForeign(folded: string, { foreign }: Needles): Found | undefined {
  if (foreign.length === 0 || !/\P{ASCII}/u.test(folded)) return undefined;
  const joined = folded.replace(/[^\p{L}\p{N}]/gu, '');
  return foreign.some((value) => joined.includes(value)) ? 'value' : undefined;
}

/** Bytes of any kind: as ASCII, ISO 8859-1, UTF-8, and UTF-16 in either order. */
export function searchBytes(bytes: Buffer, needles: Needles, region: Region): Found | undefined {
  const found = scanBytes(bytes, needles, { region });
  if (found !== undefined || bytes.length < 4) return found;
  // One at the end is padding.
  if (bytes.indexOf(0) < bytes.length - 1 && bytes.includes(0)) {
    const wide = scanBytes(bytes, needles, { region, skipNulls: true });
    if (wide !== undefined) return wide;
  }
  if (needles.encoded.length === 0 || !hasHighBytes(bytes)) return undefined;
  if (needles.encoded.some((value) => bytes.includes(value))) return 'value';
  // Decoding what is no text takes long, and says nothing.
  return region === 'binary' ? undefined : searchText(bytes.toString('utf8'), needles, region);
}

function hasHighBytes(bytes: Buffer): boolean {
  for (let i = 0; i < bytes.length; i++) if ((bytes[i] as number) >= 0x80) return true;
  return false;
}

/** Bytes of unknown kind: as text when they look like text, else as anything. */
export const searchAny = (bytes: Buffer, needles: Needles): Found | undefined =>
  searchBytes(bytes, needles, looksLikeText(bytes) ? 'text' : 'binary');

const sampled = 4096;

/** Nine bytes of ten are what can be printed, or null bytes between such. */
export function looksLikeText(bytes: Buffer): boolean {
  const length = Math.min(bytes.length, sampled);
  let printable = 0;
  let nulls = 0;
  for (let i = 0; i < length; i++) {
    const byte = bytes[i] as number;
    if (byte === 0) nulls += 1;
    else if ((byte >= 0x20 && byte !== 0x7f) || (byte >= 0x09 && byte <= 0x0d)) printable += 1;
  }
  // UTF-16 of Latin text has as many null bytes as others.
  const counted = length - Math.min(nulls, printable + 2);
  return counted > 0 && printable >= 0.9 * counted && isMostlyAscii(bytes.subarray(0, length), printable);
}

/** Compressed data are printable bytes above ASCII for the most part. */
function isMostlyAscii(bytes: Buffer, printable: number): boolean {
  let high = 0;
  for (const byte of bytes) if (byte >= 0x80) high += 1;
  return high <= printable / 3;
}

const chunkSize = 8 * 1024 * 1024;
/** Longer than any needle, also in UTF-16. */
const overlap = 4096;

/** Calls `search` for all of `bytes`, in pieces that overlap. */
export function searchIn(bytes: Bytes, search: (part: Buffer) => Found | undefined): Found | undefined {
  if (bytes.length <= chunkSize) return search(bytesIn(bytes));
  for (let at = 0; ; at += chunkSize - overlap) {
    const length = Math.min(chunkSize, bytes.length - at);
    const part = Buffer.isBuffer(bytes)
      ? bytes.subarray(at, at + length)
      : bytes.source.read(bytes.offset + at, length);
    const found = search(part);
    if (found !== undefined || at + length === bytes.length) return found;
  }
}
