/**
 * Cleaning of free text (PS3.15 E.3.4, E.3.5). Nobody can tell all names from words; so words are not searched for names, but
 * kept when they are known: terms of radiology (radiologyWords.ts) and short technical values. What belongs to the identity
 * goes even then: a patient may be called Brust. Pure.
 */
import { fillWords, radiologyWords } from './radiologyWords.ts';

/** Lower case, without diacritics. */
export const fold = (text: string): string =>
  isPlainAscii(text)
    ? text.toLowerCase()
    : text.normalize('NFKD').replace(/\p{M}/gu, '').replaceAll('ß', 'ss').toLowerCase();

function isPlainAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >= 0x80) return false;
  return true;
}

/** Runs of letters and digits of any script. */
export const tokensOf = (text: string): string[] => text.match(/[\p{L}\p{N}]+/gu) ?? [];

/**
 * `5mm`, `1.25mm`, `120kV`, `3D`; `T2`, `B30f`; the kernels `Br40d`, `Hv59`: few digits, and letters that mean something. Decimals
 * only with a unit, as in `1.25mm` and `5.0 mm`: alone they may be a day and a month.
 */
const technical =
  /^(?:\d{1,3}(?:[.,]\d{1,2})?(?:mm|cm|ml|kv|kvp|ma|mas|s|sec|ms|min|hz|t)|\d{1,3}[dx]|[a-z]\d{1,2}[a-z]?|(?:b[lrv]|h[rv]|qr|ur)\d\d[a-z]?)$/;
const number = /^\d{1,3}$/;
const decimal = /^\d{1,3}[.,]\d{1,2}$/;
const unit = /^(?:mm|cm|ml|kv|kvp|ma|mas|sec|ms|min|hz|t)$/;
/** Pieces that belong together: a decimal number is one piece, and so is a date with its separators. */
const pieces = /[\p{L}\p{N}]+(?:[.,:/-]\d[\p{L}\p{N}]*)*/gu;

/**
 * The words of `text` that may stay, in ASCII, separated by spaces; '' when there are none. `identity`: folded words that must
 * not stay. Two bare numbers in a row could be a date or a telephone number: neither stays.
 */
export function cleanText(text: string, identity: ReadonlySet<string>): string {
  const found = text.match(pieces) ?? [];
  const kept: Array<{ word: string; isNumber: boolean }> = [];
  let previousWasNumber = false;
  for (const [i, piece] of found.entries()) {
    const word = fold(piece);
    const isNumber = /^[\d.,:/-]+$/.test(word);
    if (isNumber && previousWasNumber) {
      if (kept.at(-1)?.isNumber) kept.pop();
    } else if (isNumber ? isPlainNumber(word, found[i + 1]) && !identity.has(word) : mayStay(word, identity)) {
      kept.push({ word: isPlainAscii(piece) ? piece : word, isNumber });
    }
    previousWasNumber = isNumber;
  }
  // A number that stands alone says nothing of the technique, and may be a room, a house or an age.
  if (kept.every(({ word, isNumber }) => isNumber || fillWords.has(word.toLowerCase()))) return '';
  return kept.map(({ word }) => word).join(' ');
}

const isPlainNumber = (word: string, next = ''): boolean =>
  number.test(word) || (decimal.test(word) && unit.test(fold(next)));

const mayStay = (word: string, identity: ReadonlySet<string>): boolean =>
  !identity.has(word) && (radiologyWords.has(word) || technical.test(word));

/** Whether free text has what looks like a date, a telephone number, an address of the net or a long number. */
export const looksIdentifying = (text: string): boolean =>
  /\d{5,}|\d{1,4}[./-]\d{1,2}[./-]\d{1,4}|\+\d|@|https?:|\b(?:mr|mrs|ms|dr|prof|herr|frau|mme|sr|sra)\.? [\p{Lu}]/iu.test(
    text,
  );

/** The same of the meaning of a code, in which `MR Head` is no man and `10+2` no telephone number. */
export const meaningLooksIdentifying = (text: string): boolean =>
  /\d{5,}|\d{1,4}[./-]\d{1,2}[./-]\d{2,4}|@|https?:/i.test(text) ||
  /(?<!\p{L})(?:Mr|Mrs|MRS|Ms|Dr|Prof|Herr|HERR|Frau|FRAU|Mme|Sra?)\.? \p{Lu}/u.test(text);
