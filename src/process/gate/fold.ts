/**
 * Text as the gate compares it: letters without case and marks, digits, and everything else as a separator. Its own, not that of
 * the step whose work it looks at. Pure.
 */

/** Lower case, without marks; `ß` is one letter here, as it is one byte in ISO 8859-1. */
export const fold = (text: string): string => (isAscii(text) ? text.toLowerCase() : foldMarks(text));

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >= 0x80) return false;
  return true;
}

const foldMarks = (text: string): string =>
  text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase().replaceAll('ß', 's');

/** What a byte is: 0 a separator, else the code of a small letter or a digit. */
export const foldedBytes: Uint8Array = new Uint8Array(256);
for (let byte = 0; byte < 256; byte++) {
  const folded = fold(String.fromCharCode(byte));
  if (/^[a-z0-9]$/.test(folded) && (byte < 0x80 || byte >= 0xc0)) foldedBytes[byte] = folded.charCodeAt(0);
}

/** Runs of letters and runs of digits, folded, of ASCII only: `MRN4711` is two. */
export const tokensOf = (text: string): string[] => fold(text).match(/[a-z]+|[0-9]+/g) ?? [];

const hashStart = 0x811c9dc5;

/** FNV-1a, one step of it. */
export const addToHash = (hash: number, code: number): number => Math.imul(hash ^ code, 0x01000193);
export const emptyHash = hashStart | 0;

export function hashOf(token: string): number {
  let hash = emptyHash;
  for (let i = 0; i < token.length; i++) hash = addToHash(hash, token.charCodeAt(i));
  return hash;
}

export const isDigits = (token: string): boolean => {
  const code = token.charCodeAt(0);
  return code >= 0x30 && code <= 0x39;
};

/** Letters that are written as two where they are not to be had. */
const inTwo: Array<[string, string]> = [
  ...[['ä', 'ae'] as const, ['ö', 'oe'] as const, ['ü', 'ue'] as const, ['ß', 'ss'] as const],
  ...[['æ', 'ae'] as const, ['ø', 'oe'] as const, ['å', 'aa'] as const],
].map(([one, two]) => [one, two]);

/** `text`, and as it is written where there are no umlauts. */
export function spellings(text: string): string[] {
  let other = text.normalize('NFC').toLowerCase();
  for (const [one, two] of inTwo) other = other.replaceAll(one, two);
  return other === text.normalize('NFC').toLowerCase() ? [text] : [text, other];
}
