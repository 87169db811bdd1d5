/** Looks for the needles in bytes whose encoding is known, or could be any. Pure. */

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

const big = new TextDecoder('utf-16be');

/** Bytes of any kind: as ASCII and ISO 8859-1, as UTF-8 and as UTF-16 in either order, at even and odd places. */
export function searchBytes(bytes: Buffer, needles: Needles, region: Region): Found | undefined {
  const found = scanBytes(bytes, needles, { region });
  if (found !== undefined || bytes.length < 4) return found;
  if (bytes.includes(0)) {
    const wide = scanBytes(bytes, needles, { region: region === 'text' ? 'text' : region, skipNulls: true });
    if (wide !== undefined) return wide;
  }
  if (!needles.hasMarks || !hasHighBytes(bytes)) return undefined;
  const utf8 = searchText(bytes.toString('utf8'), needles, region);
  if (utf8 !== undefined) return utf8;
  for (const from of [0, 1]) {
    const even = bytes.subarray(from, bytes.length - ((bytes.length - from) % 2));
    const wide = searchText(even.toString('utf16le'), needles, region) ?? searchText(big.decode(even), needles, region);
    if (wide !== undefined) return wide;
  }
  return undefined;
}

function hasHighBytes(bytes: Buffer): boolean {
  for (let i = 0; i < bytes.length; i++) if ((bytes[i] as number) >= 0x80) return true;
  return false;
}
