/** The character repertoires that DICOM names (PS3.3 tables C.12-2 to C.12-5), by what decodes them. */

export type Repertoire = {
  /** Never throws. */
  decode(bytes: Buffer): string;
  /** undefined when the text does not fit; missing where nothing is written. */
  encode?: (text: string) => Buffer | undefined;
  /** Not combined with others by escape sequences (PS3.3 table C.12-5). */
  standsAlone: boolean;
};

const decoders = new Map<string, { decode(bytes: Uint8Array): string }>();
/** By the name of the WHATWG encoding standard. */
export function decodeWith(encoding: string, bytes: Buffer): string {
  let decoder = decoders.get(encoding);
  if (decoder === undefined) {
    decoder = new TextDecoder(encoding, { ignoreBOM: true });
    decoders.set(encoding, decoder);
  }
  return decoder.decode(bytes);
}

/** A set of 256 characters: its upper half as WHATWG has it, but C1 controls where that has Windows' characters. */
function singleByte(encoding: string | undefined): Repertoire {
  let table: string[] | undefined;
  let codes: Map<string, number> | undefined;
  const characters = () => {
    table ??= Array.from({ length: 256 }, (_, code) =>
      encoding === undefined || code < 0xa0 ? String.fromCharCode(code) : decodeWith(encoding, Buffer.from([code])),
    );
    return table;
  };
  return {
    standsAlone: false,
    decode(bytes) {
      if (encoding === undefined) return bytes.toString('latin1');
      const map = characters();
      let text = '';
      for (const byte of bytes) text += map[byte];
      return text;
    },
    encode(text) {
      codes ??= new Map(characters().map((character, code) => [character, code]));
      const bytes: number[] = [];
      for (const character of text) {
        const code = codes.get(character);
        if (code === undefined || character === '\ufffd') return undefined;
        bytes.push(code);
      }
      return Buffer.from(bytes);
    },
  };
}

export const asciiOnly: Repertoire = {
  standsAlone: false,
  decode: (bytes) => bytes.toString('latin1'),
};
const utf8: Repertoire = {
  standsAlone: true,
  decode: (bytes) => decodeWith('utf-8', bytes),
  encode: (text) => Buffer.from(text, 'utf8'),
};
const chinese: Repertoire = { standsAlone: true, decode: (bytes) => decodeWith('gb18030', bytes) };
/** JIS X 0201: katakana above; 0x5C and 0x7E are left as ASCII has them, as 0x5C separates values. */
const katakana = singleByte('shift_jis');
/** Those for G1 are understood without their escape sequence as well; what comes after one is iso2022.ts's. */
const twoBytes = (encoding: string): Repertoire => ({
  standsAlone: false,
  decode: (bytes) => decodeWith(encoding, bytes),
});
const repertoires = new Map<string, Repertoire>([
  ['6', asciiOnly],
  ['13', katakana],
  ['58', twoBytes('gbk')],
  ['87', asciiOnly],
  ['149', twoBytes('euc-kr')],
  ['159', asciiOnly],
  ['100', singleByte(undefined)],
  ['101', singleByte('iso-8859-2')],
  ['109', singleByte('iso-8859-3')],
  ['110', singleByte('iso-8859-4')],
  ['126', singleByte('iso-8859-7')],
  ['127', singleByte('iso-8859-6')],
  ['138', singleByte('iso-8859-8')],
  ['144', singleByte('iso-8859-5')],
  ['148', singleByte('windows-1254')],
  ['166', singleByte('windows-874')],
  ['192', utf8],
  ['203', singleByte('iso-8859-15')],
  ['GB18030', chinese],
  ['GBK', chinese],
]);

/** By a defined term, `ISO_IR 100` or `ISO 2022 IR 100`; misspelt ones (`ISO-IR 100`, `ISO 2022_IR_100`) are understood. */
export function repertoireOf(term: string): Repertoire | undefined {
  const plain = term.trim().toUpperCase();
  if (plain === '') return asciiOnly;
  const number = /IR[ _-]*([0-9]+)$/.exec(plain)?.[1];
  return repertoires.get(number ?? plain) ?? (/^UTF-?8$/.test(plain) ? utf8 : undefined);
}

export const byNumber = (number: string): Repertoire => repertoires.get(number) ?? asciiOnly;
