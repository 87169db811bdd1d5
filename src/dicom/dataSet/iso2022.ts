/**
 * Code extensions (PS3.5 6.1.2.5, ISO/IEC 2022): escape sequences designate sets to G0 (bytes below 0x80) or G1 (those above);
 * delimiters put back what stood at the beginning. Pure; never throws.
 */
import { byNumber, decodeWith, type Repertoire } from './repertoires.ts';

export const escapeCharacter = 0x1b;

/** Bytes of a run in one set, as a text. */
type Decode = (bytes: Buffer) => string;
type Designation = { half: 'G0' | 'G1'; decode: Decode; bytesPerCharacter: 1 | 2 };

const ascii: Decode = (bytes) => bytes.toString('latin1');
/** JIS X 0208 is in EUC-JP with the upper bits set, JIS X 0212 behind 0x8F. */
const jisX0208: Decode = (bytes) => decodeWith('euc-jp', bytes.map(setHighBit) as Buffer);
function jisX0212(bytes: Buffer): string {
  const shifted: number[] = [];
  for (let i = 0; i + 1 < bytes.length; i += 2) shifted.push(0x8f, (bytes[i] ?? 0) | 0x80, (bytes[i + 1] ?? 0) | 0x80);
  return decodeWith('euc-jp', Buffer.from(shifted));
}
const setHighBit = (byte: number) => byte | 0x80;

const g0 = (decode: Decode, bytesPerCharacter: 1 | 2 = 1): Designation => ({ half: 'G0', decode, bytesPerCharacter });
const g1 = (decode: Decode, bytesPerCharacter: 1 | 2 = 1): Designation => ({ half: 'G1', decode, bytesPerCharacter });
const upper = (number: string) => g1((bytes) => byNumber(number).decode(bytes));

/** By what follows the escape character: PS3.3 tables C.12-3 and C.12-4. */
const designations = new Map<string, Designation>([
  ['(B', g0(ascii)],
  ['(J', g0(ascii)],
  ['$B', g0(jisX0208, 2)],
  ['$@', g0(jisX0208, 2)],
  ['$(D', g0(jisX0212, 2)],
  ['$)C', g1((bytes) => decodeWith('euc-kr', bytes), 2)],
  ['$)A', g1((bytes) => decodeWith('gbk', bytes), 2)],
  [')I', upper('13')],
  ['-A', upper('100')],
  ['-B', upper('101')],
  ['-C', upper('109')],
  ['-D', upper('110')],
  ['-L', upper('144')],
  ['-G', upper('127')],
  ['-F', upper('126')],
  ['-H', upper('138')],
  ['-M', upper('148')],
  ['-b', upper('203')],
  ['-T', upper('166')],
]);

const lineDelimiters = new Set([0x09, 0x0a, 0x0c, 0x0d]);
const backslash = 0x5c;
const nameDelimiters = new Set([0x5e, 0x3d]);

export function decodeIso2022(bytes: Buffer, first: Repertoire, isName: boolean): string {
  const initialG0 = g0(ascii);
  const initialG1 = g1((run) => first.decode(run));
  let low = initialG0;
  let high = initialG1;
  let text = '';
  let at = 0;
  const isDelimiter = (byte: number) =>
    byte === backslash || lineDelimiters.has(byte) || (isName && nameDelimiters.has(byte));
  while (at < bytes.length) {
    const byte = bytes[at] ?? 0;
    if (byte === escapeCharacter) {
      const found = designationAt(bytes, at + 1);
      if (found === undefined) {
        text += '\ufffd';
        at += 1;
        continue;
      }
      if (found.designation.half === 'G0') low = found.designation;
      else high = found.designation;
      at += 1 + found.length;
      continue;
    }
    const delimits = low.bytesPerCharacter === 1 ? isDelimiter : isControl;
    if (delimits(byte)) {
      low = initialG0;
      high = initialG1;
      text += String.fromCharCode(byte);
      at += 1;
      continue;
    }
    const end = endOfRun(bytes, at, delimits);
    text += (byte < 0x80 ? low : high).decode(bytes.subarray(at, end));
    at = end;
  }
  return text;
}

/** In a set of two bytes controls are no part of characters: whoever forgot to escape back is at the end of a line. */
const isControl = (byte: number) => byte < 0x20;

/** The bytes of one half, up to an escape sequence or a delimiter; at least one. */
function endOfRun(bytes: Buffer, start: number, ends: (byte: number) => boolean): number {
  const isHigh = (bytes[start] ?? 0) >= 0x80;
  let end = start + 1;
  for (; end < bytes.length; end++) {
    const byte = bytes[end] ?? 0;
    if (byte >= 0x80 !== isHigh || byte === escapeCharacter || (!isHigh && ends(byte))) break;
  }
  return end;
}

function designationAt(bytes: Buffer, at: number): { designation: Designation; length: number } | undefined {
  for (const length of [2, 3]) {
    const designation = designations.get(bytes.toString('latin1', at, at + length));
    if (designation !== undefined) return { designation, length };
  }
  return undefined;
}
