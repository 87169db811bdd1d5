/** What lies inside of the bytes of a file, of the kinds that are known; also of a document that a DICOM object holds. */
import type { GateFinding } from '../engine/gate.ts';
import { type Content, unpack } from './containers.ts';
import type { Needles } from './needles.ts';
import { searchParts } from './pixelCheck.ts';
import type { Found } from './scanBytes.ts';
import { looksLikeText, searchAny, searchBytes, searchText } from './textSearch.ts';

export type Look = {
  needles: Needles;
  note(found: Found | undefined, where: string): void;
  findings: GateFinding[];
};

export const unreadable = (reason: string): GateFinding => ({ code: 'gate.unreadable', reason });

export function lookInto(bytes: Buffer, { needles, note, findings }: Look): void {
  if (bytes[0] === 0xff && bytes[1] === 0xd8) {
    note(searchParts(bytes, needles), 'a JPEG beside its pixels');
    return;
  }
  const inside = unpack(bytes);
  const isPng = bytes[0] === 0x89;
  if (!isPng) note(searchBytes(bytes, needles, looksLikeText(bytes) ? 'file' : 'binary'), 'a file');
  const json = inside === undefined ? jsonOf(bytes) : undefined;
  if (json !== undefined) note(searchJson(json, needles), 'a JSON file');
  for (const { bytes: content, where } of inside?.contents ?? []) note(searchContent(content, needles, where), where);
  if (inside?.unreadable !== undefined) findings.push(unreadable(inside.unreadable));
  if ((inside?.trailing ?? 0) > 0) {
    findings.push({ code: 'gate.trailing-data', reason: `${inside?.trailing} bytes behind the end of a PNG` });
  }
}

/** Text chunks of PNG are what people write; members of archives are files again, but not opened a second time. */
function searchContent(bytes: Content['bytes'], needles: Needles, where: string): Found | undefined {
  if (where.includes('PNG')) return searchAny(bytes, needles);
  const found = searchBytes(bytes, needles, looksLikeText(bytes) ? 'file' : 'binary');
  if (found !== undefined) return found;
  const json = jsonOf(bytes);
  return json === undefined ? undefined : searchJson(json, needles);
}

function jsonOf(bytes: Buffer): unknown {
  const first = /[^\s\ufeff]/.exec(bytes.toString('utf8', 0, 64))?.[0];
  if (first !== '{' && first !== '[') return undefined;
  try {
    return JSON.parse(bytes.toString('utf8')) as unknown;
  } catch {
    return undefined;
  }
}

const base64 = /^[A-Za-z0-9+/]{12,}={0,2}$/;

/** Texts as they are meant, without the escapes that a search of the bytes would not see through. */
function searchJson(json: unknown, needles: Needles): Found | undefined {
  const values: string[] = [];
  const keys: string[] = [];
  const packed: Buffer[] = [];
  const open: unknown[] = [json];
  while (open.length > 0) {
    const one = open.pop();
    if (typeof one === 'string') {
      values.push(one);
      if (base64.test(one)) packed.push(Buffer.from(one, 'base64'));
    } else if (Array.isArray(one)) for (const item of one) open.push(item);
    else if (one !== null && typeof one === 'object') {
      for (const [key, value] of Object.entries(one)) {
        keys.push(key);
        open.push(value);
      }
    }
  }
  // A separator that no needle goes across: it is longer than the gaps within one.
  const found =
    searchText(values.join('\n\n\n\n'), needles, 'text') ?? searchText(keys.join('\n\n\n\n'), needles, 'file');
  if (found !== undefined) return found;
  for (const bytes of packed) {
    const inside = searchAny(bytes, needles);
    if (inside !== undefined) return inside;
  }
  return undefined;
}
