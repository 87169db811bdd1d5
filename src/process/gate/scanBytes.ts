/**
 * One pass over bytes for all needles: words and numbers by the hash of each, UIDs by their digits and dots. What stands around a
 * hit decides whether it counts (`Region`). Pure.
 */
import { addToHash, emptyHash, foldedBytes, tokensOf } from './fold.ts';
import type { Needle, Needles } from './needles.ts';

/**
 * Where bytes stand: what people write or read (`text`), numbers, times and UIDs as text (`number`), what programs write and
 * people read (`file`: short words stand there by chance), a name of a file, or anything (`binary`).
 */
export type Region = 'text' | 'number' | 'file' | 'name' | 'binary';
export type Found = 'value' | 'uid';

/** Null bytes between characters, as UTF-16 has them, are passed over. */
export type ScanOptions = { region: Region; skipNulls?: boolean };

const dot = 0x2e;
const isDigit = (code: number) => code >= 0x30 && code <= 0x39;
const minUid = 8;
/** A UID that begins with an original one and a dot was made of it. */
const minUidPrefix = 16;
const minJoined = 7;
/** YYYYMMDD, with which a date with a time of day begins. */
const dateLength = 8;

/** The first hit that counts; undefined when there is none. */
export function scanBytes(bytes: Buffer, needles: Needles, options: ScanOptions): Found | undefined {
  const { skipNulls = false } = options;
  const hasJoined = needles.joined.length > 0;
  let hash = emptyHash;
  let start = -1;
  let dateHash = emptyHash;
  let length = 0;
  let wasDigit = false;
  let uidStart = -1;
  let dots = 0;
  const end = bytes.length;
  for (let i = 0; i <= end; i++) {
    const byte = i < end ? (bytes[i] as number) : 0x0a;
    if (byte === 0 && skipNulls && i < end) continue;
    const code = foldedBytes[byte] as number;
    const digit = isDigit(code);
    if (digit || byte === dot) {
      if (uidStart < 0 && digit) {
        uidStart = i;
        dots = 0;
      }
      if (byte === dot) dots += 1;
    } else if (uidStart >= 0) {
      if (dots >= 2 && i - uidStart >= minUid && isOriginalUid(textIn(bytes, uidStart, i), needles)) return 'uid';
      uidStart = -1;
    }
    if (start >= 0 && (code === 0 || digit !== wasDigit)) {
      const isCandidate =
        needles.mayBegin(hash) ||
        (wasDigit ? length > dateLength && needles.mayBegin(dateHash) : length >= minJoined && hasJoined);
      if (isCandidate && isHit(bytes, start, i, needles, options)) return 'value';
      start = -1;
    }
    if (code === 0) continue;
    if (start < 0) {
      start = i;
      hash = emptyHash;
      length = 0;
      wasDigit = digit;
    }
    hash = addToHash(hash, code);
    length += 1;
    if (length === dateLength) dateHash = hash;
  }
  return undefined;
}

const textIn = (bytes: Buffer, start: number, end: number) => bytes.toString('latin1', start, end).replaceAll('\0', '');

export function isOriginalUid(text: string, { uids }: Needles): boolean {
  let uid = text.replace(/^[.]+|[.]+$/g, '');
  if (uids.has(uid)) return true;
  for (let at = uid.lastIndexOf('.'); at >= minUidPrefix; at = uid.lastIndexOf('.')) {
    uid = uid.slice(0, at);
    if (uids.has(uid)) return true;
  }
  return false;
}

/** `start` to `end`: a whole token. Slow, and asked rarely. */
function isHit(bytes: Buffer, start: number, end: number, needles: Needles, options: ScanOptions): boolean {
  const [token = ''] = tokensOf(textIn(bytes, start, end));
  if (needles.joined.some((name) => token.includes(name))) return true;
  const isDateTime = token.length > dateLength && isDigit(token.charCodeAt(0));
  const candidates = [
    ...needles.beginningWith(token),
    ...(isDateTime ? needles.beginningWith(token.slice(0, dateLength)) : []),
  ];
  if (candidates.length === 0) return false;
  const reach = (needles.longest + 8) * (options.skipNulls ? 2 : 1);
  const following = textIn(bytes, start, Math.min(bytes.length, start + reach));
  const before = textIn(bytes, Math.max(0, start - 2), start);
  return candidates.some((needle) => {
    const matched = matchAt(following, needle);
    if (matched === undefined || (needles.keepsUids && isWithinUid(bytes, start, start + matched))) return false;
    return counts(
      needle,
      { before, after: following.slice(matched), whole: following.slice(0, matched) },
      options.region,
    );
  });
}

const longestUid = 64;

/** Digits and dots around, that are a UID of four components or more. */
function isWithinUid(bytes: Buffer, start: number, end: number): boolean {
  const around = bytes.toString('latin1', Math.max(0, start - longestUid), Math.min(bytes.length, end + longestUid));
  const at = Math.min(start, longestUid);
  const before = /[0-9.]*$/.exec(around.slice(0, at))?.[0] ?? '';
  const from = /^[0-9.]*/.exec(around.slice(at))?.[0] ?? '';
  return from.length >= end - start && /^[0-2](\.(0|[1-9]\d*)){3,}\.?$/.test(before + from);
}

/** Characters of `text` that are `needle`, from its beginning, with up to three separators between tokens. */
function matchAt(text: string, { tokens, kind }: Needle): number | undefined {
  let at = 0;
  for (const [index, token] of tokens.entries()) {
    let gap = 0;
    while (index > 0 && at < text.length && foldedBytes[text.charCodeAt(at)] === 0) {
      at += 1;
      gap += 1;
    }
    if (gap > 3 || (kind === 'date' && index > 0 && gap !== 1)) return undefined;
    for (let i = 0; i < token.length; i++, at++) {
      if (foldedBytes[text.charCodeAt(at)] !== token.charCodeAt(i)) return undefined;
    }
  }
  const next = foldedBytes[text.charCodeAt(at)] ?? 0;
  const last = tokens.at(-1)?.charCodeAt(0) ?? 0;
  if (next === 0 || isDigit(next) !== isDigit(last)) return at;
  // A date with a time of day, as DT has it.
  return kind === 'date' && tokens.length === 1 && /^\d{2}(\d{2}(\d{2})?)?(\D|$)/.test(text.slice(at)) ? at : undefined;
}

type Place = { before: string; after: string; whole: string };

/** Whether a hit is specific enough where it stands. */
function counts({ kind, length, tokens }: Needle, { before, after, whole }: Place, region: Region): boolean {
  const isPartOfNumber = /[.]$/.test(before) || /^[.]\d/.test(after);
  switch (kind) {
    case 'date':
      return tokens.length === 1 || /^\d+([-./ ])\d+\1\d+$/.test(whole);
    case 'number':
      if (length < 6)
        return (
          region === 'name' || (region === 'text' ? !isPartOfNumber : region === 'file' && isQuoted(before, after))
        );
      if (length >= 8) return true;
      return region !== 'binary' && region !== 'number' && !isPartOfNumber;
    case 'word':
    case 'mixed':
      if (region === 'binary' || region === 'number') return length >= 6;
      if (region === 'name') return length >= 4;
      return region !== 'file' || length >= 5 || isQuoted(before, after);
  }
}

/** A value of its own in quotes, and no key of JSON. */
const isQuoted = (before: string, after: string): boolean => /["'>]$/.test(before) && /^["'<](?!\s*:)/.test(after);
