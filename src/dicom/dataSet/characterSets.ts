/**
 * Text in the character sets of Specific Character Set (0008,0005): PS3.3 C.12.1.1.2, PS3.5 section 6.1. Decoding never throws:
 * what cannot be decoded becomes U+FFFD. Code extensions by ISO 2022 escape sequences are in iso2022.ts.
 */
import { type Bytes, bytesIn, type DataElement, type DataSet, element } from './dicomObject.ts';
import { effectiveVr } from './effectiveVr.ts';
import { decodeIso2022, escapeCharacter } from './iso2022.ts';
import { asciiOnly, type Repertoire, repertoireOf } from './repertoires.ts';
import { hasCharacterSet, isSingleText, isTextVr } from './valueRepresentation.ts';

export const specificCharacterSet = 0x00080005;

/** What (0008,0005) says of a data set. The first repertoire is in force at the beginning of every value. */
export type CharacterSet = { terms: string[]; repertoires: Repertoire[] };

/** No Specific Character Set: ASCII (PS3.5 6.1.2). Other bytes are read as ISO 8859-1, which most who break the rule mean. */
export const defaultCharacterSet: CharacterSet = { terms: [], repertoires: [asciiOnly] };

export function characterSet(terms: string[]): CharacterSet {
  if (terms.every((term) => term.trim() === '')) return defaultCharacterSet;
  return { terms, repertoires: terms.map((term) => repertoireOf(term) ?? asciiOnly) };
}

const known = new Map<string, CharacterSet>();
const maxKnown = 64;

/** The set of a data set or an item: its own, else that of what it is in (PS3.3 C.12.1.1.2). */
export function characterSetOf(dataSet: DataSet, around: CharacterSet = defaultCharacterSet): CharacterSet {
  const value = element(dataSet, specificCharacterSet)?.value;
  if (value === undefined || value.kind !== 'bytes' || value.bytes.length === 0 || value.bytes.length > 1024)
    return around;
  const text = bytesIn(value.bytes)
    .toString('latin1')
    .replace(/[\0 ]+$/, '');
  const found = known.get(text);
  if (found !== undefined) return found;
  const made = characterSet(text.split('\\'));
  if (known.size < maxKnown) known.set(text, made);
  return made;
}

/** Bytes of one value or of several; backslashes stay. `isName`: `^` and `=` are delimiters, too (PS3.5 6.1.2.5.3). */
export function decodeText(bytes: Buffer, set: CharacterSet, isName = false): string {
  if (isAscii(bytes)) return bytes.toString('latin1');
  const [first = asciiOnly] = set.repertoires;
  const extended = !first.standsAlone && bytes.includes(escapeCharacter);
  return extended ? decodeIso2022(bytes, first, isName) : first.decode(bytes);
}

/** ASCII without the escape character: the same in all sets. */
function isAscii(bytes: Buffer): boolean {
  for (const byte of bytes) if (byte >= 0x80 || byte === escapeCharacter) return false;
  return true;
}

/** The text as this set has it; undefined when it cannot hold it. Code extensions and GB 18030 are only read, not written. */
export function encodeText(text: string, { repertoires: [first = asciiOnly] }: CharacterSet): Buffer | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII without the escape character
  if (/^[\x00-\x1a\x1c-\x7f]*$/.test(text)) return Buffer.from(text, 'latin1');
  return first.encode?.(text);
}

/** The whole text of an element, padding included, in its VR's repertoire; '' when it holds no text. */
export function textOfElement(one: DataElement, set: CharacterSet): string {
  const vr = effectiveVr(one);
  if (one.value.kind !== 'bytes' || !isTextVr(vr)) return '';
  return textOfBytes(one.value.bytes, vr, set);
}

export function textOfBytes(bytes: Bytes, vr: string, set: CharacterSet): string {
  const found = bytesIn(bytes);
  return hasCharacterSet(vr) ? decodeText(found, set, vr === 'PN') : found.toString('latin1');
}

/** The values of an element of text, without padding (PS3.5 6.2); empty ones are kept as ''. No bytes: no values. */
export function textValues(one: DataElement, set: CharacterSet = defaultCharacterSet): string[] {
  const vr = effectiveVr(one);
  if (one.value.kind !== 'bytes' || one.value.bytes.length === 0 || !isTextVr(vr)) return [];
  const text = textOfBytes(one.value.bytes, vr, set);
  if (isSingleText(vr)) return [trimEnd(text)];
  return text.split('\\').map((value) => trim(value, vr));
}

/** Leading spaces count in UC and PN components may be empty; everywhere else spaces at both ends are padding. */
const trim = (value: string, vr: string) => (vr === 'UC' ? trimEnd(value) : trimStart(trimEnd(value)));
const trimEnd = (text: string) => {
  let end = text.length;
  while (end > 0 && isPadding(text.charCodeAt(end - 1))) end--;
  return end === text.length ? text : text.slice(0, end);
};
const trimStart = (text: string) => {
  let start = 0;
  while (text.charCodeAt(start) === 0x20) start++;
  return start === 0 ? text : text.slice(start);
};
const isPadding = (code: number) => code === 0x20 || code === 0;
