/** The examples of PS3.5 Annexes H, I, J, K and what real senders make of the rules. */
import { describe, expect, it } from 'vitest';
import {
  characterSet,
  characterSetOf,
  decodeText,
  defaultCharacterSet,
  encodeText,
  textValues,
} from '../../../src/dicom/dataSet/characterSets.ts';
import type { DataElement } from '../../../src/dicom/dataSet/dicomObject.ts';
import { makeElement, makeItem, walk } from '../../../src/dicom/dataSet/elements.ts';

const bytes = (hex: string) => Buffer.from(hex.replace(/ /g, ''), 'hex');
const raw = (vr: string, value: Buffer, tag = 0x00100010): DataElement => ({
  tag,
  vr,
  value: { kind: 'bytes', bytes: value },
});
const name = (value: Buffer, ...terms: string[]) => textValues(raw('PN', value), characterSet(terms));

describe('names in the examples of PS3.5', () => {
  it.each<[string, string, string[], string]>([
    [
      'H.3.1, Japanese',
      'Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B',
      ['', 'ISO 2022 IR 87'],
      'Yamada^Tarou=山田^太郎=やまだ^たろう',
    ],
    [
      'H.3.2, Japanese with JIS X 0201',
      '\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J=\x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J',
      ['ISO 2022 IR 13', 'ISO 2022 IR 87'],
      'ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう',
    ],
    [
      'I.2, Korean',
      'Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf',
      ['', 'ISO 2022 IR 149'],
      'Hong^Gildong=洪^吉洞=홍^길동',
    ],
    [
      'K.3, Chinese with code extensions',
      'Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab=',
      ['', 'ISO 2022 IR 58'],
      'Zhang^XiaoDong=张^小东=',
    ],
    ['J.3, GB 18030', 'Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab=', ['GB18030'], 'Wang^XiaoDong=王^小东='],
    ['J.1, UTF-8', 'Wang^XiaoDong=\xe7\x8e\x8b^\xe5\xb0\x8f\xe6\x9d\xb1=', ['ISO_IR 192'], 'Wang^XiaoDong=王^小東='],
    ['ISO 8859-1', 'Buc^J\xe9r\xf4me', ['ISO_IR 100'], 'Buc^Jérôme'],
    ['ISO 8859-5', '\xbb\xee\xdace\xdc\xd1yp\xd3', ['ISO_IR 144'], 'Люкceмбypг'],
    ['ISO 8859-6', '\xe2\xc8\xc7\xe6\xea^\xe4\xe6\xd2\xc7\xd1', ['ISO_IR 127'], 'قباني^لنزار'],
    ['ISO 8859-7', '\xc4\xe9\xef\xed\xf5\xf3\xe9\xef\xf2', ['ISO_IR 126'], 'Διονυσιος'],
    ['ISO 8859-8', '\xf9\xf8\xe5\xef^\xe3\xe1\xe5\xf8\xe4', ['ISO_IR 138'], 'שרון^דבורה'],
    ['TIS 620', '\xb9\xd2\xc2', ['ISO_IR 166'], 'นาย'],
    ['ISO 8859-9', '\xdd\xfe\xf0', ['ISO_IR 148'], 'İşğ'],
    ['ISO 8859-15', '\xa4', ['ISO_IR 203'], '€'],
    [
      'code extensions of single bytes',
      'Dionysios is \x1b-F\xc4\xe9\xef\xed\xf5\xf3\xe9\xef\xf2',
      ['ISO 2022 IR 6', 'ISO 2022 IR 126'],
      'Dionysios is Διονυσιος',
    ],
  ])('%s', (_, value, terms, expected) => {
    expect(name(Buffer.from(value, 'latin1'), ...terms)).toEqual([expected]);
  });

  it('JIS X 0212 (ISO 2022 IR 159)', () => {
    expect(name(bytes('1b 24 28 44 30 21 1b 28 42'), '', 'ISO 2022 IR 159')).toEqual(['丂']);
  });
});

describe('code extensions', () => {
  const korean = characterSet(['', 'ISO 2022 IR 149']);
  const text = (value: string, isName = false) => decodeText(Buffer.from(value, 'latin1'), korean, isName);

  it.each([
    ['\\', false],
    ['\r\n', false],
    ['^', true],
    ['=', true],
  ])('end at %j', (delimiter, isName) => {
    const value = `\x1b$)C\xfb\xf3${delimiter}\xfb\xf3`;
    expect(text(value, isName)).toBe(`洪${delimiter}ûó`);
    if (isName) expect(text(value, false)).toBe(`洪${delimiter}洪`);
  });

  it('leave alone delimiters that are half a character', () => {
    // The second byte of the third character is 5C, a backslash.
    const japanese = characterSet(['', 'ISO 2022 IR 87']);
    const [value, ...others] = textValues(raw('LO', bytes('1b2442 305c 315c 1b2842')), japanese);
    expect(others).toEqual([]);
    expect(value).toHaveLength(2);
    expect(textValues(raw('LO', Buffer.from([0x81, 0x5c, 0x5c, 0x41])), characterSet(['GBK']))).toEqual(['乗', 'A']);
  });

  it('that nobody knows are marked', () => {
    expect(text('a\x1b%Gb\x1b')).toBe('a\ufffd%Gb\ufffd');
  });

  it('are understood where the data set does not announce them', () => {
    expect(decodeText(Buffer.from('\x1b$)C\xfb\xf3', 'latin1'), defaultCharacterSet)).toBe('洪');
  });
});

describe('what breaks the rules', () => {
  it('never throws', () => {
    const terms = ['', 'ISO_IR 192', 'GB18030', 'ISO_IR 13', 'ISO 2022 IR 87', 'ISO 2022 IR 149', 'NONSENSE'];
    for (const term of terms) {
      for (let seed = 0; seed < 300; seed++) {
        const random = Buffer.from(Array.from({ length: 24 }, (_, i) => ((seed * 7919 + i * 104729) >>> 3) & 0xff));
        random[seed % 24] = 0x1b;
        expect(typeof decodeText(random, characterSet([term, 'ISO 2022 IR 159']), seed % 2 === 0)).toBe('string');
      }
    }
  });

  it.each([
    ['ISO-IR 100', '\xe9', 'é'],
    ['ISO IR 144', '\xbb', 'Л'],
    ['iso_ir 100 ', '\xe9', 'é'],
    ['UTF8', '\xc3\xa9', 'é'],
    ['', '\xe9', 'é'],
    ['NONSENSE', '\xe9', 'é'],
    ['ISO_IR 192', '\xe9', '\ufffd'],
  ])('%j is understood', (term, value, expected) => {
    expect(decodeText(Buffer.from(value, 'latin1'), characterSet([term]))).toBe(expected);
  });
});

describe('values', () => {
  it('are split and without padding, as their VR has it', () => {
    const of = (vr: string, value: string) => textValues(raw(vr, Buffer.from(value)));
    expect(of('CS', 'A \\ B\\\\C ')).toEqual(['A', 'B', '', 'C']);
    expect(of('UI', '1.2.3\0')).toEqual(['1.2.3']);
    expect(of('LT', ' a\\b \r\n ')).toEqual([' a\\b \r\n']);
    expect(of('UC', ' a\\ b ')).toEqual([' a', ' b']);
    expect(of('UR', 'http://a/\\')).toEqual(['http://a/\\']);
    expect(of('CS', '')).toEqual([]);
    expect(of('US', 'ab')).toEqual([]);
  });

  it('have a character set only where PS3.5 says so', () => {
    const greek = characterSet(['ISO_IR 126']);
    expect(textValues(raw('LO', Buffer.from([0xc4])), greek)).toEqual(['Δ']);
    expect(textValues(raw('CS', Buffer.from([0xc4])), greek)).toEqual(['Ä']);
  });

  it('of a standard element that is UN are those of its VR in the dictionary', () => {
    expect(textValues(raw('UN', Buffer.from('A^B=C^D'), 0x00100010))).toEqual(['A^B=C^D']);
    expect(textValues(raw('UN', Buffer.from('A'), 0x00091001))).toEqual([]);
  });

  it('in items have the set of what is around them, or their own', () => {
    const letter = raw('LO', Buffer.from([0xc4]), 0x00081030);
    const own = makeItem([makeElement(0x00080005, 'CS', 'ISO_IR 144'), letter]);
    const dataSet = {
      elements: [
        makeElement(0x00080005, 'CS', 'ISO_IR 126'),
        letter,
        makeElement(0x00081140, 'SQ', [makeItem([letter]), own, makeItem([makeElement(0x00080005, 'CS', ''), letter])]),
      ],
    };
    const found: string[] = [];
    walk(dataSet, { explicitVr: true, littleEndian: true }, (one, { characterSet: set }) => {
      if (one.tag === letter.tag) found.push(...textValues(one, set));
      return undefined;
    });
    expect(found).toEqual(['Δ', 'Δ', 'Ф', 'Δ']);
    expect(characterSetOf({ elements: [] })).toBe(defaultCharacterSet);
  });
});

describe('encoding', () => {
  it.each<[string, string, string | undefined]>([
    ['', 'plain', '706c61696e'],
    ['', 'é', undefined],
    ['ISO_IR 100', 'é', 'e9'],
    ['ISO_IR 100', '€', undefined],
    ['ISO_IR 144', 'Л', 'bb'],
    ['ISO_IR 192', '王', 'e78e8b'],
    ['GB18030', '王', undefined],
    ['ISO 2022 IR 149', '홍', undefined],
    ['ISO 2022 IR 87', 'ASCII', '4153434949'],
    ['ISO_IR 100', '\x1b', '1b'],
    ['', '\x1b', undefined],
  ])('%j: %j', (term, text, hex) => {
    expect(encodeText(text, characterSet([term]))?.toString('hex')).toBe(hex);
  });
});
